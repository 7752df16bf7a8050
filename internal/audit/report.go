package audit

import (
	"time"

	"airudder-exporter/internal/ledger"
)

// Class is what an audit says of a call, a number or a seal.
type Class string

// What is no finding.
const (
	OK         Class = "ok"
	Expired    Class = "expired"     // an entry without an event, which retention may have deleted
	DeadLetter Class = "dead_letter" // no event, as the ledger says
	Changed    Class = "changed"     // AIRudder says something else than was published
	NotYet     Class = "not_yet"     // AIRudder shows a finished call that may still be published
)

// The findings.
const (
	MissingEvent      Class = "missing_event"       // an entry without an event
	DoubledEvent      Class = "doubled_event"       // more than one event of a call
	EventWithoutEntry Class = "event_without_entry" // which may be published again
	NumberMissing     Class = "number_missing"      // a task_sequence that no call of the task has
	NumberDoubled     Class = "number_doubled"      // one that several calls have
	NumberDiffers     Class = "number_differs"      // an event has another one than its entry
	SealMismatch      Class = "seal_mismatch"       // its count, digest or offsets do not fit
	NotPublished      Class = "not_published"       // AIRudder shows a finished call, and there is neither entry nor event
)

// Findings are the classes of findings, and Noted the others, in the order in which they
// are told.
var (
	Findings = []Class{MissingEvent, DoubledEvent, EventWithoutEntry, NumberMissing, NumberDoubled, NumberDiffers, SealMismatch, NotPublished}
	Noted    = []Class{Expired, Changed, NotYet, DeadLetter}
)

// Finding is one call, number or seal, and what is wrong with it.
type Finding struct {
	Class  Class  `json:"class"`
	TaskID string `json:"task_id"`
	CallID string `json:"call_id,omitempty"` // empty: not a call's

	// Number is the task_sequence: of the entry where there is one, else of the event.
	// Of numbers that are missing it is the first, and Through the last. Of a missing
	// event it is the number under which it is to be published.
	Number  int64 `json:"task_sequence,omitempty"`
	Through int64 `json:"through,omitempty"`

	Calls      []string  `json:"call_ids,omitempty"` // all that have the number
	SealNumber int64     `json:"seal_number,omitempty"`
	ObservedAt time.Time `json:"observed_at,omitzero"` // when the response began that showed it
	Events     []Place   `json:"events,omitempty"`     // where its events stand
	Text       string    `json:"text"`

	keys []ledger.CallKey // of the calls whose events' places are to be looked up
}

// Report is what an audit has found.
type Report struct {
	LedgerID string          `json:"ledger_id"`
	Events   string          `json:"event_topic"`
	Clean    bool            `json:"clean"` // no findings
	Tasks    int             `json:"tasks"`
	Closed   int             `json:"closed_tasks"` // of those, held against their seals
	Counts   map[Class]int64 `json:"counts"`
	Findings []Finding       `json:"findings"`
	Noted    []Finding       `json:"noted"` // what was changed, is a dead letter or is not published yet

	Seals     int64     `json:"seals"`            // that were held against calls
	Unjudged  int64     `json:"seals_not_judged"` // of tasks whose calls expired, or whose numbers are findings
	Others    int64     `json:"records_of_other_ledgers"`
	Foreign   int64     `json:"foreign_records"`           // in the event topic, of no exporter
	FullSince time.Time `json:"all_events_since,omitzero"` // before, events may have expired; zero: never

	Partitions []Partition `json:"partitions"` // of the event topic, as it was read
}

// Partition is a partition of the event topic: what was read of it.
type Partition struct {
	Start   int64     `json:"start"`
	End     int64     `json:"end"`
	Decided int64     `json:"-"` // below it every transaction was decided: whoever reads on begins here, not at End
	Last    int64     `json:"-"` // the offset after the last committed record; 0: none
	First   time.Time `json:"-"` // of its first record; zero: it has none
}

// fullSince is from when on the partitions hold all that was written: the youngest first
// record of those that have lost their beginning. Of one without any record, everything
// up to now may be lost. Zero: none has lost anything.
func fullSince(parts []Partition, now time.Time) (since time.Time) {
	for _, p := range parts {
		first := p.First
		if first.IsZero() {
			first = now
		}
		if p.Start > 0 && first.After(since) {
			since = first
		}
	}
	return since
}
