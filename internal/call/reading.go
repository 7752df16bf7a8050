package call

import (
	"errors"
	"time"
)

// Listed is what the task list says of one task. Zero values are "not said".
type Listed struct {
	TaskID      string
	Status      string
	ScheduleEnd time.Time
	Fingerprint uint64 // of the list entry's fields, in any order: tells that something about the task changed
}

// Part is some of the new rows of a detail response, handed on while the rest
// of it still streams. Its rows are complete (Row.Complete) and its task's
// header is whole; whether the response ends well is not known yet.
type Part struct {
	Task    Task
	Started time.Time // when the request began, with its monotonic reading
	Rows    []Row     // the receiver's to keep
}

// Reading is what one complete detail response showed, besides the new rows
// that went before it in Parts. An incomplete response gives no Reading, so
// that it can never change a task's state.
type Reading struct {
	Task    Task
	Started time.Time // when the request began, with its monotonic reading
	Counts  Counts
	Rejects []Reject

	// MoreRejects: there were more rejects than one reading holds. The rest
	// show again in the next reading, once these are known.
	MoreRejects bool
}

// ErrNoTask says that the upstream definitely knows no task of that id.
var ErrNoTask = errors.New("no such task")
