package airudder

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"airudder-exporter/internal/airudder/template"
	"airudder-exporter/internal/call"
)

// This file is for those who look at answers themselves, and want to know what the
// exporter would make of them.

// Question is a request whose answer is wanted as it comes.
type Question struct {
	Template   string // as Config.ListRequest and Config.DetailRequest
	TaskID     string
	Page       int    // 0, 1, …; of an offset it is so many times the step
	Before     []byte // the body of the page before, which holds the cursor; nil: there is none
	Since      time.Time
	AuthScheme string // empty: Config.AuthScheme
}

// Raw is an answer as it came. It may hold anything: personal data, and secrets.
type Raw struct {
	Status    int // HTTP's; 0: no answer came
	Header    http.Header
	Body      []byte // its encoding undone, without a byte order mark
	Cut       bool   // there was more of it
	FirstByte time.Duration
	Whole     time.Duration
}

// Raw asks a question, within the budget, and reads at most limit bytes of the
// answer's body. The error says what is wrong with the answer, as far as HTTP's status
// and the envelope's code tell; an answer that came stands beside it.
func (c *Client) Raw(ctx context.Context, asked Question, limit int64) (Raw, error) {
	t, err := template.Parse(asked.Template)
	if err != nil {
		return Raw{}, err
	}
	q := request{op: "list tasks", endpoint: listEndpoint, scheme: asked.AuthScheme, raw: true, Request: t.Fill(asked.filling(t, c.cfg.Zone))}
	if t.Has("task") {
		q.op, q.endpoint = "read task", detailEndpoint
	}
	for {
		resp, err := c.send(ctx, q)
		if err != nil {
			return Raw{}, err
		}
		raw, err := resp.raw(limit)
		if err = resp.finish(err); !q.again(err) {
			return raw, err
		}
	}
}

func (asked Question) filling(t *template.Template, zone *time.Location) template.Filling {
	f := template.Filling{Task: asked.TaskID, Page: asked.Page, Since: asked.Since, Until: time.Now(), Zone: zone}
	switch p := t.Paging(); p.Word {
	case "offset":
		f.Offset = asked.Page * p.Size
	case "cursor":
		var envelope map[string]json.RawMessage
		_ = json.Unmarshal(asked.Before, &envelope) // what is no object has no cursor
		f.Cursor = memberAt(envelope, p.Argument)
	}
	return f
}

// raw reads an answer of any status.
func (r *response) raw(limit int64) (Raw, error) {
	raw := Raw{Status: r.http.StatusCode, Header: r.http.Header, FirstByte: time.Since(r.started)}
	body, err := io.ReadAll(io.LimitReader(r.body, limit+1))
	raw.Whole = time.Since(r.started)
	raw.Cut = int64(len(body)) > limit
	raw.Body = body[:min(int64(len(body)), limit)]
	switch {
	case err != nil:
		return raw, err
	case raw.Status != http.StatusOK:
		return raw, refusal(r.request.endpoint, r.http, bytes.NewReader(raw.Body))
	}
	var envelope struct{ Code json.RawMessage }
	_ = json.Unmarshal(raw.Body, &envelope) // whoever looks at the body sees that it is not JSON
	return raw, checkCode(r.request.endpoint, envelope.Code)
}

// ListOf is what List would make of one answer, were it the last.
func (c *Client) ListOf(body []byte) (call.Listing, error) {
	all := newListing(c.cfg.Zone)
	p, err := readPage(bytes.NewReader(body), c.totals)
	if err == nil {
		_, err = c.take(p.arrays, all)
	}
	if err == nil {
		followed := ""
		if c.list != nil {
			followed = newTurner(c.list).cursor
		}
		all.hear(p, c.totals, true, followed)
	}
	all.said.Tasks = all.tasks
	return all.said, c.explained("list tasks", err)
}

// ReadingOf is what Read would make of one answer, were all of its rows new.
func (c *Client) ReadingOf(ctx context.Context, taskID string, body []byte) (call.Reading, error) {
	isNew := func([]byte, uint64) call.Verdict { return call.RowNew }
	d := c.newDetail(taskID, isNew, func(call.Part) error { return nil })
	a, err := d.whole(func() (*answer, error) {
		a := &answer{detail: d, started: time.Now()}
		return a, c.explained("read task "+taskID, a.read(ctx, bytes.NewReader(body)))
	})
	return a.reading(), err
}

// explained is the error of an answer that is read without its request.
func (c *Client) explained(op string, err error) error {
	r := response{client: c, request: request{op: op}, cause: func() error { return nil }}
	return r.explain(err)
}

// Means is what the exporter takes a row's status for.
func (c *Client) Means(status string) call.Meaning { return c.words.Meaning([]byte(status)) }

// TokenShape is what a token looks like.
type TokenShape struct {
	Length int
	Kinds  []string // of its characters
}

// TokenShape gets a token, within the budget, and says what it looks like, and no more.
func (c *Client) TokenShape(ctx context.Context) (TokenShape, error) {
	token, err := c.tokens.get(ctx)
	shape := TokenShape{Length: len(token)}
	for _, kind := range []struct{ name, has string }{
		{"A-Z", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}, {"a-z", "abcdefghijklmnopqrstuvwxyz"}, {"0-9", "0123456789"},
		{"+", "+"}, {"/", "/"}, {"=", "="}, {".", "."}, {"-", "-"}, {"_", "_"},
	} {
		if strings.ContainsAny(token, kind.has) {
			shape.Kinds = append(shape.Kinds, kind.name)
		}
	}
	return shape, err
}

// Documented are the names of the documented fields, as the documentation spells them:
// those that every answer has, and those of a task or a row that a workflow's have.
func Documented() (task, row, redial, workflows []string) {
	task, row, redial = namesIn(taskFields), namesIn(rowFields), namesIn(redialFields)
	return task[:everyTask], row[:len(row)-len(workflow)], redial, task[everyTask:]
}

func namesIn[T any](all fields[T]) (names []string) {
	for _, f := range all {
		names = append(names, f.name)
	}
	return names
}

// IsRound reports whether so many entries look like what a limit left.
func IsRound(entries int) bool { return isFull(entries, 0) }

// IsTotal reports whether a member of that name counts all there is, by the settings.
func (c *Client) IsTotal(name string) bool { return c.totals.has(name) }
