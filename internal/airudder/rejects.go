package airudder

import (
	"strconv"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

// maxRejects is how many bytes of rejects one answer holds; each counts for its
// raw bytes and rejectSize.
const (
	maxRejects = 8 << 20
	rejectSize = 256
)

// rejects are the rows of an answer that cannot become events.
type rejects struct {
	all  []call.Reject
	size int
	more bool // there were others
}

func (r *rejects) add(j call.Reject) {
	if r.size += len(j.Raw) + rejectSize; r.size > maxRejects {
		r.more = true
		return
	}
	r.all = append(r.all, j)
}

// reject takes a row that cannot become an event. It takes the row's CallID along
// only where the row is finished: the call of another may still be going on, and
// under its CallID a dead letter would stand for its event.
func (a *answer) reject(why call.Reason, detail string, hash uint64, row *jsonrows.Row) {
	j := call.NewReject(why, row.Raw)
	j.Detail, j.Hash = detail, hash
	if a.words.Meaning(statusOf(row)) == call.MeansFinished {
		j.CallID = string(callIDOf(row))
	}
	if id, err := strconv.ParseInt(string(row.Value(probedID)), 10, 64); err == nil {
		j.RowID = call.Some(id)
	}
	a.rejects.add(j)
}
