package template

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"airudder-exporter/internal/jsonrows"
)

// Filling is what the placeholders of one request stand for.
type Filling struct {
	Task         string
	Page         int // 0, 1, 2, …
	Offset       int
	Cursor       json.RawMessage // of the answer before; nil: there is none
	Since, Until time.Time
	Zone         *time.Location // of Since and Until, where the layout names none
}

// Request is a filled template.
type Request struct {
	Method string
	Path   string // escaped
	Query  string // escaped
	Body   []byte // JSON; nil: none
}

// Fill returns a request with the placeholders filled. Each value is escaped as its
// place needs it.
func (t *Template) Fill(f Filling) Request {
	q := Request{Method: t.method}
	var b strings.Builder
	write := func(pieces []piece, escape func(piece, string) string) string {
		b.Reset()
		for _, p := range pieces {
			if p.word == "" {
				b.WriteString(p.text)
			} else {
				b.WriteString(escape(p, p.value(f)))
			}
		}
		return b.String()
	}
	q.Path = write(t.path, func(_ piece, v string) string { return url.PathEscape(v) })
	q.Query = write(t.query, func(_ piece, v string) string { return url.QueryEscape(v) })
	if t.body != nil {
		q.Body = []byte(write(t.body, func(p piece, v string) string { return p.inJSON(v, f) }))
	}
	return q
}

// value is what a placeholder stands for.
func (p piece) value(f Filling) string {
	switch p.word {
	case "task":
		return f.Task
	case "page":
		return strconv.Itoa(f.Page + 1)
	case "page0":
		return strconv.Itoa(f.Page)
	case "limit":
		return p.argument
	case "offset":
		return strconv.Itoa(f.Offset)
	case "cursor":
		return text(f.Cursor)
	case "since":
		return p.time(f.Since, f.Zone)
	}
	return p.time(f.Until, f.Zone)
}

// text is a cursor as text: a string, or a number's literal digits; empty: neither.
func text(cursor json.RawMessage) string {
	s, _ := jsonrows.Literal(cursor)
	return strings.ToValidUTF8(string(s), "\uFFFD")
}

// time is a time as the placeholder's argument wants it.
func (p piece) time(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		t = time.Unix(0, 0)
	}
	switch p.argument {
	case "":
		return t.UTC().Format(time.RFC3339)
	case "unix":
		return strconv.FormatInt(t.Unix(), 10)
	case "unixms":
		return strconv.FormatInt(t.UnixMilli(), 10)
	}
	return t.In(zone).Format(p.argument)
}

// inJSON is the value as it stands in a JSON body: in a string as its text; else a
// number as one, and anything else as a string of its own.
func (p piece) inJSON(value string, f Filling) string {
	quoted, _ := json.Marshal(value) // of a string; cannot fail
	switch {
	case p.inAString:
		return string(quoted[1 : len(quoted)-1])
	case p.word == "cursor" && f.Cursor == nil:
		return "null"
	case p.isNumber(f):
		return value
	}
	return string(quoted)
}

func (p piece) isNumber(f Filling) bool {
	switch p.word {
	case "page", "page0", "limit", "offset":
		return true
	case "cursor":
		return jsonrows.IsNumber(f.Cursor)
	case "since", "until":
		return strings.HasPrefix(p.argument, "unix")
	}
	return false
}
