package airuddersim

import "time"

// localZone is the zone of times that do not say theirs.
var localZone = time.FixedZone("", 8*60*60)

// clock is a time as the account writes it.
func (s *Sim) clock(t time.Time) []byte {
	if s.odd.has(Zoneless) {
		return quote(t.In(localZone).Format(time.DateTime))
	}
	return quote(t.UTC().Format(time.RFC3339))
}

// scheduleEnd is a task's ScheduleEndTime as the account writes it.
func (s *Sim) scheduleEnd(t time.Time) []byte {
	if s.odd.has(End1970) {
		return s.clock(time.Unix(0, 0))
	}
	return s.clock(t)
}

// besideRows is what a detail holds besides the documented fields and the rows.
func (s *Sim) besideRows(t *task) (fields []field) {
	rows, attempts := 0, 0
	for _, r := range t.Rows {
		if !r.Hidden {
			rows, attempts = rows+1, attempts+len(r.Attempts)
		}
	}
	if s.odd.has(DetailTotal) {
		fields = append(fields, field{s.odd.text(DetailTotal), number(int64(rows))})
	}
	if s.odd.has(CallCount) {
		fields = append(fields, field{s.odd.text(CallCount), number(int64(attempts))})
	}
	return fields
}

// shownRows are the indexes of the rows that a response has.
func (s *Sim) shownRows(t *task) (indexes []int) {
	for i, r := range t.Rows {
		if s.odd.has(DetailCap) && len(indexes) == s.odd.number(DetailCap) {
			break
		}
		if !r.Hidden {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

// sharedCallID is the CallID that SharedCallID gives a row's new attempt; empty:
// one of its own.
func (s *Sim) sharedCallID(t *task, index int) string {
	every := s.odd.number(SharedCallID)
	if every == 0 || index == 0 || index%every != every-1 || t.Rows[index-1].current() == nil {
		return ""
	}
	return t.Rows[index-1].current().CallID
}

// keep remembers what a complete response showed: Stale answers with the last
// one before the task took its present state.
func (t *task) keep(b *body) {
	if t.last != nil && t.last.state != b.state {
		t.old = t.last
	}
	t.last = b
}

// stale is an answer from before the task took its present state, or at least an
// earlier one; nil: there is none.
func (t *task) stale() *body {
	b := t.old
	if b == nil {
		b = t.last
	}
	if b == nil {
		return nil
	}
	again := *b
	return &again
}

// Remember keeps a task's detail as it is now, as if it had been served: Stale
// answers with it once the task's status has changed.
func (s *Sim) Remember(taskID string) error {
	return s.onTask(taskID, func(t *task) error {
		t.keep(s.detailBody(t, nil))
		return nil
	})
}

// detailAnswer is what a request for a task's detail is answered with.
func (s *Sim) detailAnswer(t *task, drawn []Fault) *body {
	for _, f := range drawn {
		if b := t.stale(); f.Kind == Stale && b != nil {
			return b
		}
	}
	b := s.detailBody(t, drawn)
	if s.cfg.Cache && len(drawn) == 0 {
		t.keep(b)
	}
	return b
}
