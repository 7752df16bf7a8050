package airudder

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
	"airudder-exporter/internal/setting"
)

// This file knows the words that rows have for a status, besides the documented ones.

// harmless are words of other dialers for a call that is still to come or going on.
// None of them can be the last word on a call. The settings may say otherwise.
var harmless = call.Words{
	"queued": call.MeansOpen, "waiting": call.MeansOpen, "scheduled": call.MeansOpen,
	"dialing": call.MeansOpen, "dialling": call.MeansOpen, "ringing": call.MeansOpen,
}

// maxWord is how many bytes of a row's status are taken for a word.
const maxWord = 128

// rowWords are the words of the settings, which are checked, and the harmless ones.
func rowWords(entries []string) call.Words {
	words := maps.Clone(harmless)
	for _, entry := range entries {
		if word, meaning, err := parseWord(entry); err == nil {
			words[word] = meaning
		}
	}
	return words
}

// parseWord reads a word and its meaning: answered:finished.
func parseWord(entry string) (word string, meaning call.Meaning, err error) {
	at := strings.LastIndexByte(entry, ':')
	if at < 0 {
		return "", 0, fmt.Errorf("holds %q without a meaning: give word:meaning, as in answered:finished", entry)
	}
	word, means := call.Fold(entry[:at]), call.Fold(entry[at+1:])
	switch means {
	case call.Finished:
		meaning = call.MeansFinished
	case call.Canceled:
		meaning = call.MeansCancelled
	case "open":
		meaning = call.MeansOpen
	default:
		return "", 0, fmt.Errorf("gives %q the meaning %q: give finished, cancelled or open", word, means)
	}
	known := call.MeaningOf(word)
	switch {
	case word == "" || len(word) > maxWord || !utf8.ValidString(word):
		return "", 0, fmt.Errorf("holds %q without a word: give word:meaning, as in answered:finished", entry)
	case known != call.MeansNothing && known != meaning:
		return "", 0, fmt.Errorf("gives %q another meaning: it is a status of AIRudder's documentation", word)
	}
	return word, meaning, nil
}

// checkRowStatuses holds each entry to its form, and against the others.
func (cfg Config) checkRowStatuses(rules *setting.Check) {
	words := call.Words{}
	for _, entry := range cfg.RowStatuses {
		word, meaning, err := parseWord(entry)
		if before, twice := words[word]; err == nil && twice && before != meaning {
			err = fmt.Errorf("gives %q two meanings: leave one", word)
		}
		if err != nil {
			rules.Bad(cfg.setting("RowStatuses"), strings.Join(cfg.RowStatuses, ","), err.Error())
			return
		}
		words[word] = meaning
	}
}

// statusOf returns the probed status, a number's being its literal digits; empty if
// it is none.
func statusOf(row *jsonrows.Row) []byte { return probedText(row, probedStatus) }

func isBlank(status []byte) bool { return len(bytes.TrimSpace(status)) == 0 }

// Of unknown words, as many are shown, with so many digits: others are only counted,
// since what stands there could be anything.
const (
	maxStrange = 4
	maxDigits  = 4
)

// unknown takes a row of a status that nobody knows.
func (a *answer) unknown(row *jsonrows.Row, status []byte) {
	a.counts.Unknown++
	a.metrics.oddStatus.Inc()
	if jsonrows.IsNumber(row.Value(probedStatus)) {
		a.metrics.mismatched("Status")
	}
	if len(callIDOf(row)) > 0 && a.hasEnd(row) {
		a.counts.UnknownEnded++
		a.metrics.oddEnded.Inc()
	}
	word := string(bytes.TrimSpace(status))
	if len(a.strange) < maxStrange && IsPlain(word) && !slices.Contains(a.strange, word) {
		a.strange = append(a.strange, word)
	}
}

// hasEnd reports whether a row has a time at which its call ended.
func (a *answer) hasEnd(row *jsonrows.Row) bool {
	if row.Deep || len(row.Raw) > jsonrows.MaxRow || !jsonrows.Valid(row.Raw) {
		return false
	}
	var end time.Time
	for it := jsonrows.MembersOf(jsonrows.Lend(row.Raw)); it.Next(); {
		if it.Key == "CallEndTime" {
			text, _ := it.Value.Text()
			end, _ = parseInstant(text, a.decoding.zone)
		}
	}
	return !end.IsZero()
}

// IsPlain reports whether a word can be shown to anybody: no text, and no long number,
// which could be a person's.
func IsPlain(word string) bool {
	digits := 0
	for _, r := range word {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	return digits <= maxDigits && isName(word)
}
