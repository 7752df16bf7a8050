package ledger

import (
	"time"

	"airudder-exporter/internal/call"
)

// Fact is what one published record says: that a call was published, or how a
// task changed. A lost ledger is rebuilt from facts.
type Fact struct {
	TaskID     string
	ObservedAt time.Time // when the response began that showed it; to the millisecond

	// Of an event and a dead letter. One of the two ids is set.
	As       As          // empty: a change
	CallID   string      // what the row showed
	RowKey   string      // of a dead letter that shows no CallID, and of its end
	N        int64       // of an event: its task_sequence
	Revision int64       // of what an event became: its number; 0: the event
	Reason   call.Reason // of a dead letter, and of its end

	Change StatusChange // of any other
}

// RowKey is the name under which the ledger knows a row that shows no CallID: its
// id, or the SHA-256 of its bytes.
func RowKey(id call.Opt[int64], raw [32]byte) string {
	return rowKey(call.Reject{RowID: id, RawSHA256: raw})
}
