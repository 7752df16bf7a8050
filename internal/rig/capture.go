package rig

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"airudder-exporter/internal/airuddersim"
)

// Capture keeps what the upstream's complete detail responses showed, decoded
// by encoding/json: each task's header, and each row that shows a finished
// call, as often as they changed.
type Capture struct {
	mu      sync.Mutex
	tasks   map[string][]shown              // the task's own fields
	rows    map[airuddersim.CallKey][]shown // finished rows
	answers map[string][]answer             // what each response came to
}

// shown is an object as a response showed it first, and when that was asked for.
type shown struct {
	asked  time.Time
	fields map[string]json.RawMessage
}

// answer is what one response says of a task.
type answer struct {
	asked                     time.Time
	status                    string
	rows, finished, cancelled int64
}

// NewCapture has kept nothing yet.
func NewCapture() *Capture {
	return &Capture{tasks: map[string][]shown{}, rows: map[airuddersim.CallKey][]shown{}, answers: map[string][]answer{}}
}

// Wrap has what a handler answers captured.
func (c *Capture) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/detail") {
			next.ServeHTTP(w, r)
			return
		}
		both := &twice{ResponseWriter: w}
		asked := time.Now()
		next.ServeHTTP(both, r)
		c.keep(r.URL.Query().Get("TaskID"), asked, both)
	})
}

// twice writes a response to the client and to memory.
type twice struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (t *twice) Unwrap() http.ResponseWriter { return t.ResponseWriter }

func (t *twice) WriteHeader(status int) {
	t.status = status
	t.ResponseWriter.WriteHeader(status)
}

func (t *twice) Write(p []byte) (int, error) {
	t.body.Write(p)
	return t.ResponseWriter.Write(p)
}

// keep takes a response in. One that is not a task's detail, or not whole, is
// passed over.
func (c *Capture) keep(taskID string, asked time.Time, t *twice) {
	body := io.Reader(&t.body)
	if t.Header().Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(body); err != nil {
			return
		}
	}
	var envelope struct {
		Data map[string]json.RawMessage
		Code int
	}
	if json.NewDecoder(body).Decode(&envelope) != nil || envelope.Code != 200 || envelope.Data == nil {
		return
	}
	var rows []map[string]json.RawMessage
	if json.Unmarshal(envelope.Data["detail"], &rows) != nil {
		return
	}
	delete(envelope.Data, "detail")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tasks[taskID] = appendChanged(c.tasks[taskID], asked, envelope.Data)
	a := answer{asked: asked, status: stringOf(envelope.Data["Status"]), rows: int64(len(rows))}
	for _, row := range rows {
		switch strings.ToLower(strings.TrimSpace(stringOf(row["Status"]))) {
		case "finished":
			a.finished++
			key := airuddersim.CallKey{TaskID: taskID, CallID: stringOf(row["CallID"])}
			c.rows[key] = appendChanged(c.rows[key], asked, row)
		case "canceled", "cancelled":
			a.cancelled++
		}
	}
	c.answers[taskID] = append(c.answers[taskID], a)
}

func appendChanged(list []shown, asked time.Time, fields map[string]json.RawMessage) []shown {
	same := func(s shown) bool { return sameFields(s.fields, fields) }
	if len(list) > 0 && same(list[len(list)-1]) {
		return list
	}
	return append(list, shown{asked, fields})
}

func sameFields(a, b map[string]json.RawMessage) bool {
	if len(a) != len(b) {
		return false
	}
	for name, raw := range a {
		if other, ok := b[name]; !ok || !bytes.Equal(raw, other) {
			return false
		}
	}
	return true
}

func stringOf(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s) // anything else is empty
	return s
}

// response finds what was answered to the request of a time, and what was
// answered before it.
func (c *Capture) response(taskID string, observed time.Time) (of, before answer, found bool) {
	for _, a := range c.answers[taskID] {
		if !a.asked.Before(observed) {
			return a, before, true
		}
		before = a
	}
	return answer{}, before, false
}

// at is what the response to a request of that time showed.
func at(list []shown, asked time.Time) (shown, bool) {
	for _, s := range slices.Backward(list) {
		if !s.asked.After(asked) {
			return s, true
		}
	}
	return shown{}, false
}
