package airudder

import (
	"context"
	"errors"
	"io"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

// answer makes a task detail out of one response. Its fields may stand in any
// order. Names count as they are documented: another spelling is another field.
type answer struct {
	*detail
	started time.Time

	data shape
	rows shape

	task     call.Task
	extra    int  // bytes that task.Additional was given
	seen     uint // bit i: taskFields[i] was there
	whole    bool // the rows need not wait for the task's own fields any more
	passOver bool // the rows, which came before those fields and are too many

	fresh     []call.Row // new rows that are yet to go out
	freshSize int        // their raw bytes
	likely    int        // rows of the next part, by those of the last

	counts  call.Counts
	total   int64  // the greatest count of rows that the answer states; 0: none
	more    string // a member that says that there are more rows; empty: none
	shared  sharedIDs
	strange []string // words of rows of unknown status, for people
	rejects rejects
}

// shape is what stood for data and for the rows.
type shape int

const (
	absent shape = iota
	null
	proper  // an object; an array
	foreign // some other value
)

func (a *answer) reading() call.Reading {
	return call.Reading{
		Task: a.task, Started: a.started, Counts: a.counts,
		Total: a.total, More: a.more, Words: a.strange, SharedIDs: a.shared.rows,
		Rejects: a.rejects.all, MoreRejects: a.rejects.more,
	}
}

// read reads the whole body. Where it breaks off, the rows that came whole go out.
func (a *answer) read(ctx context.Context, body io.Reader) error {
	s := jsonrows.NewScanner(body, rowProbe, a.largeRow)
	broke := a.envelope(ctx, s)
	s.Close()
	var stop *stopError
	if broke == nil || ctx.Err() != nil || errors.As(broke, &stop) || kindOf(broke) == KindWrongTask || !a.whole {
		return broke
	}
	if err := a.release(); err != nil {
		return err
	}
	return broke
}

func (a *answer) envelope(ctx context.Context, s *jsonrows.Scanner) error {
	if c, err := s.Peek(); err != nil {
		return err
	} else if c == '<' {
		return htmlPage()
	}
	if err := s.EachKey(func(key string) error { return a.part(ctx, s, key) }); err != nil {
		return err
	}
	if err := s.End(); err != nil {
		return err
	}
	return a.acceptable()
}

// part reads one part of the envelope.
func (a *answer) part(ctx context.Context, s *jsonrows.Scanner, key string) error {
	switch key {
	case "data":
		return a.readData(ctx, s)
	case "code":
		raw, err := s.Value()
		if err != nil {
			return err
		}
		return checkCode(detailEndpoint, raw)
	}
	raw, err := s.Optional(ctx)
	a.count(key, raw)
	return err
}

// readData reads what stands for data: the task.
func (a *answer) readData(ctx context.Context, s *jsonrows.Scanner) error {
	if a.data == proper {
		return s.Broken("data twice")
	}
	c, err := s.Peek()
	if err != nil {
		return err
	}
	if c != '{' { // the envelope's code may have more to say on it
		raw, err := s.Value()
		a.data = foreign
		if jsonrows.IsNull(raw) {
			a.data = null
		}
		return err
	}
	a.data = proper
	if err := s.EachKey(func(key string) error { return a.member(ctx, s, key) }); err != nil {
		return err
	}
	a.completeHeader()
	return a.release()
}

// member reads one member of the task.
func (a *answer) member(ctx context.Context, s *jsonrows.Scanner, key string) error {
	if key == "detail" {
		return a.readRows(ctx, s)
	}
	raw, err := s.Optional(ctx)
	if err != nil {
		return err
	}
	a.count(key, raw)
	return a.field(key, raw)
}

// readRows reads what stands for detail: the rows.
func (a *answer) readRows(ctx context.Context, s *jsonrows.Scanner) error {
	if a.rows == proper {
		return s.Broken("detail twice")
	}
	c, err := s.Peek()
	switch {
	case err != nil:
		return err
	case c == 'n':
		a.rows = null
		_, err := s.Value()
		return err
	case c != '[':
		return s.Broken("detail is no array")
	}
	a.rows = proper
	if err := s.Array(); err != nil {
		return err
	}
	for {
		row, ok, err := s.Row(ctx)
		if err != nil || !ok {
			return err // the last rows wait for what follows of the task's own fields
		}
		if err := a.row(row); err != nil {
			return err
		}
	}
}

// acceptable says whether a complete body with a good code is a task's detail. An
// absent detail is taken for "no rows" only while the task has not begun.
func (a *answer) acceptable() error {
	status := call.Fold(a.task.Status.Value)
	switch {
	case a.data == foreign:
		return &Error{kind: KindGarbage, text: "data is no object"}
	case a.data != proper:
		return &Error{kind: KindEmpty, text: "the answer holds no data"}
	case a.rows == null && status == "":
		return &Error{kind: KindEmpty, text: "the answer holds neither rows nor a status"}
	case a.rows == absent && status != call.Created && status != call.Pending:
		return &Error{kind: KindEmpty, text: "the answer holds no detail"}
	}
	if _, counted := a.task.Additional[ofTask("Status")]; !a.task.Status.Set && !counted { // the task is never sealed so
		a.metrics.mismatched("Status")
	}
	return nil
}
