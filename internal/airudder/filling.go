package airudder

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"airudder-exporter/internal/jsonrows"
)

// filling is what the placeholders of one request stand for.
type filling struct {
	task         string
	page         int // 0, 1, 2, …
	offset       int
	cursor       json.RawMessage // of the answer before; nil: there is none
	since, until time.Time
	zone         *time.Location // of since and until, where the layout names none
}

// fill returns a request with the placeholders filled. Each value is escaped as its
// place needs it.
func (t *template) fill(f filling) request {
	q := request{method: t.method}
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
	q.path = write(t.path, func(_ piece, v string) string { return url.PathEscape(v) })
	q.query = write(t.query, func(_ piece, v string) string { return url.QueryEscape(v) })
	if t.body != nil {
		q.body = []byte(write(t.body, func(p piece, v string) string { return p.inJSON(v, f) }))
	}
	return q
}

// value is what a placeholder stands for.
func (p piece) value(f filling) string {
	switch p.word {
	case "task":
		return f.task
	case "page":
		return strconv.Itoa(f.page + 1)
	case "page0":
		return strconv.Itoa(f.page)
	case "limit":
		return p.argument
	case "offset":
		return strconv.Itoa(f.offset)
	case "cursor":
		text, _ := identity(f.cursor)
		return text
	case "since":
		return p.time(f.since, f.zone)
	}
	return p.time(f.until, f.zone)
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
func (p piece) inJSON(value string, f filling) string {
	quoted, _ := json.Marshal(value) // of a string; cannot fail
	switch {
	case p.inAString:
		return string(quoted[1 : len(quoted)-1])
	case p.word == "cursor" && f.cursor == nil:
		return "null"
	case p.isNumber(f):
		return value
	}
	return string(quoted)
}

func (p piece) isNumber(f filling) bool {
	switch p.word {
	case "page", "page0", "limit", "offset":
		return true
	case "cursor":
		return jsonrows.IsNumber(f.cursor)
	case "since", "until":
		return strings.HasPrefix(p.argument, "unix")
	}
	return false
}
