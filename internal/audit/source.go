package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// Source is AIRudder, asked seldom.
type Source interface {
	List(ctx context.Context, since time.Time) (call.Listing, error)
	Read(ctx context.Context, taskID string, judge call.Judge, yield func(call.Part) error) (call.Reading, error)
}

// source is what is kept of a task where AIRudder is asked. Its maps are nil while there
// is nothing in them.
type source struct {
	said    map[ledger.CallKey]said // what was published, by its hashes
	changed map[ledger.CallKey]bool // AIRudder says something else
	shown   map[ledger.CallKey]shown
}

// said are the hashes of an entry; 0: not known.
type said struct{ row, fields uint64 }

// shown is a finished call of AIRudder that has neither an entry nor an event.
type shown struct {
	callID string
	ended  time.Time // zero: AIRudder does not say
}

// Source has the checker keep what is needed to hold AIRudder's rows against entries. It
// comes before any entry. revisions is nil where changes are not published.
func (c *Checker) Source(revisions *ledger.Revisions) {
	c.source = true
	if revisions != nil {
		c.form = revisions.Form
	}
}

// enter takes in an entry, and returns how many rows were without it.
func (s *source) enter(k ledger.CallKey, p ledger.Published, form string) (missed int) {
	now := said{row: p.Row}
	if form != "" && p.Fields.Form == form {
		now.fields = p.Fields.Hash
	}
	put(&s.said, k, now)
	if _, missed := s.shown[k]; !missed {
		return 0
	}
	delete(s.shown, k)
	return 1
}

// Open are the tasks that the ledger knows and that are not closed.
func (c *Checker) Open() (ids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, t := range c.tasks {
		if t.state.ClosedAt.IsZero() && !t.state.BeforeExportSince && (len(t.calls)+len(t.rows) > 0 || t.state.Sequence > 0) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// closed reports whether a task is closed, or was passed over.
func (c *Checker) closed(taskID string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tasks[taskID]
	return t != nil && (!t.state.ClosedAt.IsZero() || t.state.BeforeExportSince)
}

// Verdict says whether a finished row has to be decoded: nothing is known of its call, or
// its fields have to be compared.
func (c *Checker) Verdict(taskID string, callID []byte, hash uint64) call.Verdict {
	if len(callID) == 0 { // a dead letter, now or later
		return call.RowKnown
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t := taskOf(c, taskID)
	k, _ := ledger.KeyOf(callID)
	s, known := t.calls[k]
	if !known {
		return call.RowNew
	}
	was := t.source.said[k]
	switch {
	case !s.event() || was.row&^1 == hash&^1 && was.row != 0:
	case c.form != "" && was.fields != 0:
		return call.RowNew
	case c.form == "" && was.row != 0:
		put(&t.source.changed, k, true)
	}
	return call.RowKnown
}

// Row takes in a row that was decoded. fields is the hash of what it says; 0: changes are
// not published.
func (c *Checker) Row(taskID string, row *call.Row, fields uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := taskOf(c, taskID)
	k, _ := ledger.KeyOf(row.CallID)
	if _, known := t.calls[k]; known {
		if was := t.source.said[k].fields; was != 0 && was != fields {
			put(&t.source.changed, k, true)
		}
		return
	}
	ended := row.CallEnd
	if ended.IsZero() {
		ended = row.CallStart
	}
	if _, again := t.source.shown[k]; !again {
		c.pending++
	}
	put(&t.source.shown, k, shown{row.CallID, ended})
}

// read is when the task was last read for sure, by what the ledger and the seals say;
// zero: never.
func (of *calls) read() time.Time {
	last := of.state.Look.Last
	for _, at := range []time.Time{of.state.SealedAt, of.state.TerminalSince} {
		if at.After(last) {
			last = at
		}
	}
	for _, now := range of.numbers {
		if now.at.After(last) {
			last = now.at
		}
	}
	return last
}

// unpublished judges the calls that AIRudder shows finished, and of which there is
// neither an entry nor an event. The exporter has missed one if it has read the task long
// enough after the call ended: the row shows the call still, so that reading showed it,
// too. Any other may just not have been read yet.
func (j *judge) unpublished(of *calls) {
	read := of.read()
	for _, k := range slices.SortedFunc(maps.Keys(of.source.shown), func(a, b ledger.CallKey) int {
		return cmp.Compare(of.source.shown[a].callID, of.source.shown[b].callID)
	}) {
		row := of.source.shown[k]
		if !j.holds(row.ended) {
			continue
		}
		f := Finding{Class: NotYet, TaskID: of.id, CallID: row.callID, ObservedAt: row.ended, Text: "AIRudder shows it finished, and it may still be published"}
		over := !read.IsZero() && !j.Now.Before(read.Add(j.Export))
		switch {
		case row.ended.IsZero() && over && of.state.SealHolds(of.last):
			f.Class, f.Text = NotPublished, "AIRudder shows it finished, and its task is sealed without it"
		case !row.ended.IsZero() && over && !read.Before(row.ended.Add(j.Late+j.Export)):
			f.Class = NotPublished
			f.Text = fmt.Sprintf("AIRudder shows it finished, and its task was read since, at %s", read.UTC().Format(time.RFC3339))
		}
		j.find(f)
	}
}

// readSource asks AIRudder for the tasks that are not closed.
func (a *Audit) readSource(ctx context.Context) error {
	ids := a.checker.Open()
	if a.cfg.TaskID != "" {
		ids = slices.DeleteFunc([]string{a.cfg.TaskID}, a.checker.closed)
	} else {
		listed, err := a.cfg.Source.List(ctx, a.meta.ExportSince)
		if err != nil {
			return err
		}
		for _, l := range listed.Tasks {
			if !a.checker.closed(l.TaskID) && !a.meta.TooOld(l.ScheduleEnd) {
				ids = append(ids, l.TaskID)
			}
		}
		slices.Sort(ids)
		ids = slices.Compact(ids)
	}
	work := a.cfg.Progress.Start("asking AIRudder", "tasks", int64(len(ids)))
	defer work.Done()
	for _, id := range ids {
		if err := a.readTask(ctx, id); err != nil {
			return err
		}
		work.Add(1)
	}
	return nil
}

// readTask asks for one task. One that AIRudder does not know any more shows nothing.
func (a *Audit) readTask(ctx context.Context, taskID string) error {
	err := Ask(ctx, a.cfg.Source, taskID,
		func(callID []byte, hash uint64) call.Verdict { return a.checker.Verdict(taskID, callID, hash) },
		func(part call.Part) error {
			for i := range part.Rows {
				fields := uint64(0)
				if r := a.cfg.Exporter.Revisions; r != nil {
					fields = r.Hash(&part.Rows[i])
				}
				a.checker.Row(taskID, &part.Rows[i], fields)
			}
			return nil
		})
	if errors.Is(err, call.ErrNoTask) {
		return nil
	}
	return err
}

// sourceTries is how often AIRudder is asked for a task.
const sourceTries = 4

// Ask reads a task, again where an answer cannot be read: yield may be shown a row more
// than once. The error is call.ErrNoTask where AIRudder does not know the task.
func Ask(ctx context.Context, s Source, taskID string, judge call.Judge, yield func(call.Part) error) (err error) {
	for range sourceTries {
		_, err = s.Read(ctx, taskID, judge, yield)
		if err == nil || ctx.Err() != nil || errors.Is(err, call.ErrNoTask) {
			return err
		}
	}
	return err
}
