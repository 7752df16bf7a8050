package ledger

import (
	"time"

	"airudder-exporter/internal/call"
)

// Fact is what one published record says: that a call was published, or how a
// task changed. A lost ledger is made anew from facts; see Rebuild.
type Fact struct {
	TaskID     string
	ObservedAt time.Time // when the response began that showed it; to the millisecond

	// Of an event and a dead letter. One of the two ids is set.
	As     As     // empty: a change
	CallID string // what the row showed
	RowKey string // of a dead letter that shows no CallID

	Change StatusChange // of any other
}

// RowKey is what the ledger knows a row by that shows no CallID: its id, or the
// SHA-256 of its bytes.
func RowKey(id call.Opt[int64], raw [32]byte) string {
	return rowKey(call.Reject{RowID: id, RawSHA256: raw})
}

// Reach says from when on each topic still holds what was published. A zero
// time: from the first record on.
type Reach struct {
	Events, DeadLetters, Changes time.Time
}

// Since is from when on all three topics hold everything; zero: always.
func (r Reach) Since() time.Time {
	since := r.Events
	for _, t := range []time.Time{r.DeadLetters, r.Changes} {
		if t.After(since) {
			since = t
		}
	}
	return since
}
