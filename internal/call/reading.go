package call

import (
	"errors"
	"time"
)

// Listed is what the task list says of one task. A zero value means that the list
// does not say it.
type Listed struct {
	TaskID      string
	Status      string
	ScheduleEnd time.Time
	Fingerprint uint64 // of the list entry's fields in any order: it differs when the entry has changed
}

// Listing is one complete answer of the task list: its tasks, each once, those named
// by hand among them, and what the answer says of more.
type Listing struct {
	Tasks []Listed
	Off   bool // the upstream was not asked: there is no list but the tasks named by hand

	Entries   int    // that the list showed, without those that came again on a later page
	Total     int64  // the most that a page counts itself; 0: none does
	TotalName string // of the field that does
	More      string // a field that says that there is more, and was not followed; empty: none
	Nameless  int    // entries without a TaskID that can be used, though they say that they have begun
	Repeated  int    // entries of the first page, which was full, where the second is the same; 0: it is not
	Pushes    int    // how often new tasks pushed old ones out while their number stayed, up to now
	Pages     int    // that were read, where there are more than are read; 0: all were

	// Of all requests, whatever became of the list.
	Speed  float64 // the part of the budget that is used since AIRudder answered 429
	Slowed int     // how often it did since all of it was; 0: all of it is
}

// Part is some of the new rows of a detail response, passed on while the rest of
// the response still streams. Its rows are complete (Row.Complete) and so are its
// task's fields; whether the whole response will arrive is not known yet.
type Part struct {
	Task    Task
	Started time.Time // when the request began, with its monotonic reading
	Rows    []Row     // the receiver may keep them
}

// Reading is what one complete detail response showed, apart from the new rows,
// which came before it in Parts. An incomplete response gives no Reading, so it can
// never change a task's state.
type Reading struct {
	Task    Task
	Started time.Time // when the request began, with its monotonic reading
	Counts  Counts
	Rejects []Reject

	// MoreRejects says that there were more rejects than one reading holds. The
	// next reading shows the others, once these are in the ledger.
	MoreRejects bool

	// Words are some of the words that rows of Counts.Unknown have for a status: plain
	// ones, that people may be shown.
	Words []string

	// SharedIDs is how many rows show a CallID that an earlier row of another id shows:
	// one event stands for all of them.
	SharedIDs int64

	// Total is how many rows the answer itself counts; 0: it does not say.
	Total int64

	// More is a field that says that there are more rows; empty: none does.
	More string
}

// ErrNoTask says that AIRudder has no task of that id: its answer leaves no doubt.
var ErrNoTask = errors.New("no such task")
