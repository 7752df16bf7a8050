// Package call says what a task, a row, a call and a redial are, and when a row
// is complete.
//
// A *task* is a campaign. It has one *row* per phone number; a row shows its
// current attempt, which is a *call* with a CallID, and carries the attempts
// before it as *redials*. The package imports nothing but the standard library:
// every other room speaks in these words.
package call

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"time"
)

// Opt is an optional value: the zero Opt is "not set", which is null in Avro.
type Opt[T any] struct {
	Value T
	Set   bool
}

// Some returns a set Opt.
func Some[T any](v T) Opt[T] { return Opt[T]{Value: v, Set: true} }

// Task is what a detail response says of the task itself.
//
// A zero time is "not set" (the API's absent, null, empty and year-1 times).
type Task struct {
	ID             string
	Name           Opt[string]
	RobotMethod    Opt[string]
	RobotID        Opt[string]
	SIPLine        Opt[string]
	Status         Opt[string] // as the API spells it
	ScheduleStart  time.Time
	ScheduleEnd    time.Time
	RepeatInterval Opt[int64]
	RepeatNumber   Opt[int64]

	// Of a workflow's details, whose rows may say otherwise.
	WorkflowID   Opt[string]
	WorkflowName Opt[string]
	NodeTaskID   Opt[string]
	NodeTaskName Opt[string]
	CaseID       Opt[string]

	// Additional holds the raw JSON of fields that are unknown, had an unexpected
	// JSON type or were unknown until lately, by the API's name. Nil when there are none.
	Additional map[string]string
}

// Terminal reports whether the task says that it will place no more calls. Rows
// may still finish after that.
func (t Task) Terminal() bool { return Terminal(t.Status.Value) }

// Row is one phone number of a task, showing its current attempt.
type Row struct {
	ID     Opt[int64] // stable over redials
	CallID string     // the attempt that this row shows; never empty in a complete row
	Status string     // as the API spells it
	Means  Meaning    // of a Status that is not documented, by the settings

	CallStart time.Time // zero: not set
	CallEnd   time.Time // zero: not set

	RobotID              Opt[string]
	CallerNumber         Opt[string]
	CalleeNumber         Opt[string]
	CalleeName           Opt[string]
	CalleeGender         Opt[string]
	CallTimes            Opt[int64] // attempts made, this one included
	RingTime             Opt[int64] // seconds
	TalkRound            Opt[int64]
	RingType             Opt[string]
	HangupType           Opt[string]
	Intention            Opt[string] // per robot: a letter has no fixed meaning
	IntentionDescription Opt[string]
	MultiIntention       Opt[string] // JSON in a string
	Comments             Opt[string] // the customer's own reference; a number keeps its digits
	PlatformName         Opt[string]
	ExtraA               Opt[string]
	ExtraB               Opt[string]
	ExtraC               Opt[string]
	AsrResult            []Turn            // nil: not set; empty: an empty array
	EventLabel           map[string]string // nil: not set
	NerSlots             map[string]string // nil: not set
	Redials              []Redial          // earlier attempts; nil: not set
	CallNotes            Opt[string]

	// Of a workflow's details; what the row does not say is the task's.
	WorkflowID   Opt[string]
	WorkflowName Opt[string]
	NodeTaskID   Opt[string]
	NodeTaskName Opt[string]
	CaseID       Opt[string]

	// Additional holds the raw JSON of fields that are unknown, had an unexpected
	// JSON type or were unknown until lately, by the API's name. Nil when there are none.
	Additional map[string]string

	// Raw is the row as the response held it, for a dead letter where the event
	// is too large. Hash is its xxHash64, by which a row that changed after it was
	// published is noticed.
	Raw  []byte
	Hash uint64
}

// Turn is one turn of the conversation. It holds personal data.
type Turn struct {
	Time      Opt[string] // offset into the call, HH:MM:SS
	RobotText Opt[string]
	Text      Opt[string] // the callee's
}

// Redial is an earlier attempt of a row. The API gives it no end time.
type Redial struct {
	CallID       Opt[string]
	CallStart    time.Time // zero: not set
	RingType     Opt[string]
	RingTime     Opt[int64] // seconds
	HangupType   Opt[string]
	ResultLabel  Opt[string]
	CallerNumber Opt[string]
	CalleeNumber Opt[string]
}

// Complete reports whether a row shows a call that has ended and can be published:
// its status means finished, and it has a CallID.
func (r Row) Complete() bool {
	return r.CallID != "" && cmp.Or(MeaningOf(r.Status), r.Means) == MeansFinished
}

// Duration is the call's length; false where its start or its end is missing, or
// the end is before the start.
func (r Row) Duration() (time.Duration, bool) {
	if r.CallStart.IsZero() || r.CallEnd.IsZero() || r.CallEnd.Before(r.CallStart) {
		return 0, false
	}
	return r.CallEnd.Sub(r.CallStart), true
}

// Reason is the code for why a row cannot become an event.
type Reason string

// The reasons. A vendor's change of a field's type is not among them.
const (
	NoCallID    Reason = "no_call_id"   // it is finished, but CallID is absent, null, empty or a placeholder
	BrokenJSON  Reason = "broken_json"  // its end was found, but it does not decode
	InvalidUTF8 Reason = "invalid_utf8" // its bytes, or its CallID as JSON spells it, are not UTF-8
	TooLarge    Reason = "too_large"    // it or its event is larger than what can be published
)

// MaxRaw is how many bytes of a rejected row a Reject keeps.
const MaxRaw = 64 << 10

// Reject is a row that cannot become an event, and why.
type Reject struct {
	Reason Reason
	Detail string // for people; never personal data
	CallID string // empty: it could not be read
	RowID  Opt[int64]

	Raw       []byte   // the first MaxRaw bytes
	RawSize   int64    // bytes of the whole row
	RawSHA256 [32]byte // of the whole row
	Hash      uint64   // as Row.Hash
	Limit     int64    // bytes that a record of the event topic may have, where the event is too large; 0: it is not that
}

// NewReject describes a row that is whole in memory. The caller adds what could be
// read of it.
func NewReject(reason Reason, raw []byte) Reject {
	return Reject{
		Reason: reason, RawSize: int64(len(raw)), RawSHA256: sha256.Sum256(raw),
		Raw: bytes.Clone(raw[:min(len(raw), MaxRaw)]),
	}
}

// Counts are the rows of one complete reading, by what they show.
type Counts struct {
	Rows      int64
	Finished  int64
	Cancelled int64
	NoStatus  int64 // open, for all that can be told: their status is absent, blank or of no kind that could be one, or they are no objects
	Unknown   int64 // open, for all that can be told: their status is a word that nobody knows

	UnknownEnded int64 // of Unknown, those with a CallID and an end: they may be calls that are not published
}

// Open is how many rows are neither finished nor cancelled.
func (c Counts) Open() int64 { return c.Rows - c.Finished - c.Cancelled }
