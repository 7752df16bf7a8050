package call

import (
	"bytes"
	"strings"
)

// Statuses as the API spells them. According to its documentation, tasks use all
// but Cancelled; rows were seen with Finished, Cancelled (two l's), Calling and
// Pending. Both spellings of cancel are accepted for both, and so are other cases and
// blanks around a status. What is published is what the API wrote.
const (
	Created   = "created"
	Pending   = "pending"
	Calling   = "calling"
	Paused    = "paused"
	Finished  = "finished"
	Canceled  = "canceled"
	Cancelled = "cancelled"
)

// Fold is a task's status in lower case without outer blanks, and Canceled for both
// spellings of that: what comparisons are made with.
func Fold(status string) string {
	if status = strings.ToLower(strings.TrimSpace(status)); status == Cancelled {
		return Canceled
	}
	return status
}

// Terminal reports whether a task's status is an end: finished or canceled.
func Terminal(status string) bool {
	status = Fold(status)
	return status == Finished || status == Canceled
}

// Underway reports whether a task's status says that it has begun and not ended:
// calling or paused.
func Underway(status string) bool {
	status = Fold(status)
	return status == Calling || status == Paused
}

// Meaning is what a row's status says about its call.
type Meaning uint8

// The meanings there are.
const (
	MeansNothing   Meaning = iota // nobody knows the word, or there is none
	MeansOpen                     // the call is still to come, or going on
	MeansFinished                 // it has ended
	MeansCancelled                // it never was
)

// MeaningOf is what a documented status means; MeansNothing for any other.
func MeaningOf(status string) Meaning { return Words(nil).Meaning([]byte(status)) }

// documented is what a status means that is spelled as the documentation has it.
func documented(status []byte) Meaning {
	switch string(status) {
	case Finished:
		return MeansFinished
	case Canceled, Cancelled:
		return MeansCancelled
	case Created, Pending, Calling, Paused:
		return MeansOpen
	}
	return MeansNothing
}

// Words are the meanings of row statuses that are not documented, each in lower case
// and without outer blanks.
type Words map[string]Meaning

// Meaning is what a row's status means, in any case and with blanks around it. A
// documented one means what it always does. Nothing is allocated for words of ASCII.
func (w Words) Meaning(status []byte) Meaning {
	if m := documented(status); m != MeansNothing {
		return m
	}
	var buffer [64]byte
	folded := appendFolded(buffer[:0], status)
	if m := documented(folded); m != MeansNothing {
		return m
	}
	return w[string(folded)]
}

// appendFolded appends a status in lower case, without outer blanks.
func appendFolded(to, status []byte) []byte {
	for _, c := range bytes.TrimSpace(status) {
		switch {
		case c >= 0x80:
			return append(to[:0], bytes.ToLower(bytes.TrimSpace(status))...)
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		to = append(to, c)
	}
	return to
}
