package inspect

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"airudder-exporter/internal/airudder"
)

// This file says which words of an answer people may see: those of a few fields whose
// values name kinds of things, and of these only plain words that come again and again.

// Fields of kinds, whose words are shown. No other field's ever are.
var (
	kindsOfTask   = []string{"Status", "RobotMethod"}
	kindsOfRow    = []string{"Status", "Intention", "RingType", "HangupType", "CalleeGender"}
	kindsOfRedial = []string{"RingType", "HangupType", "ResultLabel"}
)

// maxWords is how many different words a vocabulary may have to be shown.
const maxWords = 12

// words are the values of one field, counted.
type words struct {
	counts map[string]int // plain ones
	other  int            // values that are no plain words
	many   bool           // there are more than are counted
}

func (w *words) add(text string) {
	text = strings.TrimSpace(text)
	_, seen := w.counts[text]
	switch {
	case text != "" && !airudder.IsPlain(text):
		w.other++
	case !seen && len(w.counts) > maxWords:
		w.many = true
	default:
		if w.counts == nil {
			w.counts = map[string]int{}
		}
		w.counts[text]++
	}
}

// String shows a vocabulary, the most frequent words first. Names of people would be
// many, or hardly come again: such words are only counted.
func (w *words) String() string {
	all := 0
	for _, n := range w.counts {
		all += n
	}
	switch {
	case w.many || len(w.counts) > maxWords:
		return fmt.Sprintf("not shown: more than %d different words", maxWords)
	case 2*len(w.counts) > all && all > 0:
		return fmt.Sprintf("not shown: %d different words in %d rows", len(w.counts), all)
	}
	return w.all()
}

// all shows the words whatever their number: of a status each matters.
func (w *words) all() string {
	var shown []string
	for _, word := range slices.SortedFunc(maps.Keys(w.counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(w.counts[b], w.counts[a]), cmp.Compare(a, b))
	}) {
		shown = append(shown, fmt.Sprintf("%s %d", cmp.Or(word, "(empty)"), w.counts[word]))
	}
	if w.other > 0 {
		shown = append(shown, fmt.Sprintf("no plain words %d", w.other))
	}
	return cmp.Or(strings.Join(shown, ", "), "none")
}
