package ledger

import (
	"time"

	"airudder-exporter/internal/call"
)

// State is the value of a task entry: what the readings before have shown.
// Zero times are "not yet".
type State struct {
	Status   string `json:"status,omitempty"`   // of the last transition
	Sequence int64  `json:"sequence,omitempty"` // of the last TaskStatusChanged

	Events int64 `json:"events,omitempty"` // the last task_sequence when the entry was written

	TerminalSince time.Time `json:"terminal_since,omitzero"` // first seen terminal since it last was not

	Seal         int64     `json:"seal,omitempty"` // number of the last seal
	SealedAt     time.Time `json:"sealed_at,omitzero"`
	SealedEvents int64     `json:"sealed_events,omitempty"` // the last task_sequence that the seal told

	// ListPrint is the fingerprint of the task's list entry when the last reading
	// began, the one that sealed it or a later one; 0: not known. After a restart
	// the task is read again where the list shows another one.
	ListPrint uint64 `json:"list_print,omitempty,string"`

	Look    Look `json:"look,omitzero"`      // at its end, towards the seal or the closing
	HadRows bool `json:"had_rows,omitempty"` // a complete reading has shown some

	// Unconfirmed is the status of the last reading where it takes a step back, which
	// an old answer would do, too. The next reading that says so again publishes it.
	Unconfirmed string `json:"unconfirmed,omitempty"`

	// GoneSince is since when each reading has found no such task or, at its end, no
	// row any more; zero: the last one found some.
	GoneSince time.Time `json:"gone_since,omitzero"`

	ClosedAt time.Time `json:"closed_at,omitzero"` // with a zero SealedAt: closed without a seal

	// BeforeExportSince marks a task that ended before the export began, as
	// its schedule's end says. It is read again once meta's ExportSince is
	// lowered past that end.
	BeforeExportSince bool      `json:"before_export_since,omitempty"`
	ScheduleEnd       time.Time `json:"schedule_end,omitzero"`
}

// transition is the change of status that a response shows, if any, and what is to
// be confirmed by the next one. A response without a status shows neither.
func transition(s State, c call.Reading) (changes []StatusChange, unconfirmed string) {
	status, first := c.Task.Status, s.Sequence == 0
	switch {
	case !status.Set:
		return nil, s.Unconfirmed
	case !first && status.Value == s.Status:
		return nil, ""
	case !first && stepsBack(s.Status, status.Value) && status.Value != s.Unconfirmed:
		return nil, status.Value
	}
	previous := call.Opt[string]{Value: s.Status, Set: !first}
	return []StatusChange{{Sequence: s.Sequence + 1, Previous: previous, Status: status.Value}}, ""
}

// stepsBack reports whether a task would leave its end, or go back to a time before
// its first call.
func stepsBack(from, to string) bool {
	return call.Terminal(from) && !call.Terminal(to) || progress(to) < progress(from)
}

// progress orders the statuses before the first call; all others come after them.
func progress(status string) int {
	switch call.Fold(status) {
	case call.Created:
		return 0
	case call.Pending:
		return 1
	}
	return 2
}

// Next is the state after a change: a transition or a seal, which a response showed
// that began at observed. Planning and a rebuild both use it, so that a task's
// state follows from what was published of it.
func (s State) Next(c StatusChange, observed time.Time) State {
	at := milliseconds(observed)
	s.Sequence, s.Status = c.Sequence, c.Status
	s.BeforeExportSince, s.ScheduleEnd = false, time.Time{}
	s.HadRows = s.HadRows || c.Counts.Rows > 0
	s.Look, s.Unconfirmed = Look{}, ""
	switch {
	case !call.Terminal(c.Status):
		s.TerminalSince = time.Time{}
	case s.TerminalSince.IsZero():
		s.TerminalSince = at
	}
	if c.Seal == nil {
		return s.Unsealed()
	}
	s.Seal, s.SealedAt, s.SealedEvents = c.Seal.Number, at, c.Exported
	return s
}

// Unsealed is the state of a task whose seal no longer tells where its events stand: it
// is read again, and sealed again with the next number.
func (s State) Unsealed() State {
	s.SealedAt, s.SealedEvents, s.ListPrint, s.Look = time.Time{}, 0, 0, Look{}
	return s
}

// SealHolds reports whether the task is sealed, and nothing was published after the
// seal: last is the task's last task_sequence.
func (s State) SealHolds(last int64) bool {
	return !s.SealedAt.IsZero() && s.SealedEvents == last
}
