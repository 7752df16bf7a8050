package airuddersim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// parameters are a request's: of its query and, for a POST, of the JSON object
// in its body.
func parameters(r *http.Request) url.Values {
	query := r.URL.Query()
	if r.Method != http.MethodPost {
		return query
	}
	var body map[string]any
	in := json.NewDecoder(r.Body)
	in.UseNumber()
	if in.Decode(&body) == nil {
		for name, value := range body {
			query.Set(name, fmt.Sprint(value))
		}
	}
	return query
}

// timeRange is what a query's since and until ask for.
type timeRange struct {
	since, until time.Time // zero: not asked for
	missing      bool      // ListRange is set, and the query has no such range
}

func (r timeRange) covers(t *task) bool {
	return (r.since.IsZero() || !t.End.Before(r.since)) && (r.until.IsZero() || !t.Start.After(r.until))
}

// timesOf reads a query's range, in the format that ListRange demands.
func (s *Sim) timesOf(query url.Values) timeRange {
	format := s.odd.text(ListRange)
	since, until := readTime(query.Get("since"), format), readTime(query.Get("until"), format)
	return timeRange{since, until, format != "" && (since.IsZero() || until.IsZero())}
}

// readTime reads a time; zero: it is not in this format.
func readTime(text, format string) (t time.Time) {
	n, err := strconv.ParseInt(text, 10, 64)
	switch format {
	case "unix":
		if err == nil {
			t = time.Unix(n, 0)
		}
	case "unixms":
		if err == nil {
			t = time.UnixMilli(n)
		}
	case "local":
		t, _ = time.ParseInLocation(time.DateTime, text, localZone)
	default:
		t, _ = time.Parse(time.RFC3339, text)
	}
	return t
}

// besideTasks is what an answer of the list holds besides the tasks.
func (s *Sim) besideTasks(l listing) (fields []field) {
	if s.cfg.ListShape == ListNested || s.odd.has(ListTotal) {
		fields = append(fields, field{or(s.odd.text(ListTotal), "total"), number(int64(l.total))})
	}
	if s.cfg.ListShape == ListNested {
		fields = append(fields, field{"columns", []byte(`[{"title":"Tugas"},{"title":"Status"}]`)})
	}
	more, next, cursor := "false", "null", "null"
	if l.next > 0 {
		more, next, cursor = "true", strconv.Itoa(l.page), quoted(cursorOf(l.next))
	}
	for _, f := range []struct {
		oddity Oddity
		raw    string
	}{{ListMore, more}, {ListNext, next}, {ListCursor, cursor}} {
		if s.odd.has(f.oddity) {
			fields = append(fields, field{s.odd.text(f.oddity), []byte(f.raw)})
		}
	}
	return fields
}

// cursorOf is the cursor of a place in the list, and cursorPlace its place; a
// cursor that is none begins the list.
func cursorOf(place int) string { return fmt.Sprintf("c+%d/=", place) }

func cursorPlace(cursor string) int {
	return max(0, atoi(strings.TrimSuffix(strings.TrimPrefix(cursor, "c+"), "/="), 0))
}
