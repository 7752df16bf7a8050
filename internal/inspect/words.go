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

// seldom reports whether the words hardly come again, as names of people would not.
func (w *words) seldom() bool {
	all := 0
	for _, n := range w.counts {
		all += n
	}
	return 2*len(w.counts) > all
}

// String shows a vocabulary, the most frequent words first, if it may be shown.
func (w *words) String() string {
	if w.many || len(w.counts) > maxWords || w.seldom() {
		return w.shown("too many or too rare to be shown")
	}
	return w.shown("")
}

// all shows the words whatever their number: of a status each matters.
func (w *words) all() string { return w.shown("") }

func (w *words) shown(instead string) string {
	var shown []string
	if instead != "" && len(w.counts) > 0 {
		shown = append(shown, instead)
	} else {
		for _, word := range slices.SortedFunc(maps.Keys(w.counts), func(a, b string) int {
			return cmp.Or(cmp.Compare(w.counts[b], w.counts[a]), cmp.Compare(a, b))
		}) {
			shown = append(shown, fmt.Sprintf("%s %d", cmp.Or(word, "(empty)"), w.counts[word]))
		}
	}
	if w.other > 0 {
		shown = append(shown, fmt.Sprintf("no plain words %d", w.other))
	}
	return cmp.Or(strings.Join(shown, ", "), "none")
}
