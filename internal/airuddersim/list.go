package airuddersim

import (
	"net/http"
	"net/url"
	"strconv"
	"time"
)

func (s *Sim) serveList(w http.ResponseWriter, r *http.Request) {
	if !s.authorized(w, r, List) {
		return
	}
	drawn, ok := s.admit(w, r, List, "")
	if !ok {
		return
	}
	query := r.URL.Query()
	if s.cfg.ListIgnoresFilters {
		query = nil
	}
	s.mu.Lock()
	entries := s.entries(query)
	s.mu.Unlock()
	entries = s.page(entries, query)
	if s.cfg.ListWithoutID {
		entries = append(entries, entry{name: "draft"}, entry{name: "draft", emptyID: true})
	}
	s.count(List, http.StatusOK)
	s.send(w, r, answer(200, "OK", string(s.listData(entries))), drawn)
}

// entry is a task as the list shows it.
type entry struct {
	id, name, status string
	emptyID          bool // without an id: whether it is there and empty
	rows             int
	start, end       time.Time
}

// entries are the tasks that a query asks for, the newest first, as they were
// Config.ListLag ago.
func (s *Sim) entries(query url.Values) []entry {
	var out []entry
	since, until := queryTime(query, "since"), queryTime(query, "until")
	for i := len(s.tasks) - 1; i >= 0; i-- {
		t := s.tasks[i]
		status, there := t.statusAt(s.now.Add(-s.cfg.ListLag))
		wanted := there && !t.Gone && !t.Unlist &&
			(since.IsZero() || !t.End.Before(since)) && (until.IsZero() || !t.Start.After(until)) &&
			(query.Get("status") == "" || query.Get("status") == status)
		if wanted {
			out = append(out, entry{id: t.ID, name: t.Name, status: status, rows: len(t.Rows), start: t.Start, end: t.End})
		}
	}
	return out
}

// queryTime is a time in a query; zero when there is none that can be read.
func queryTime(query url.Values, name string) time.Time {
	t, err := time.Parse(time.RFC3339, query.Get(name))
	if err != nil {
		return time.Time{}
	}
	return t
}

// page is the part of the entries that a query's page shows.
func (s *Sim) page(entries []entry, query url.Values) []entry {
	size := s.cfg.ListPageSize
	if size <= 0 {
		return entries
	}
	if n, err := strconv.Atoi(query.Get("limit")); err == nil && n > 0 {
		size = min(size, n)
	}
	page, err := strconv.Atoi(query.Get("page"))
	if err != nil || page < 1 {
		page = 1
	}
	from := min((page-1)*size, len(entries))
	return entries[from:min(from+size, len(entries))]
}

// listData is the list's data, in the shape of the configuration.
func (s *Sim) listData(entries []entry) []byte {
	if s.cfg.ListShape == ListNull {
		return []byte("null")
	}
	b := []byte{'['}
	for i, e := range entries {
		if i > 0 {
			b = append(b, ',')
		}
		b = e.append(b, s.cfg.ListShape)
	}
	b = append(b, ']')
	if s.cfg.ListShape == ListNested {
		return appendObject(nil, []field{
			{"total", number(int64(len(entries)))}, {"columns", []byte(`[{"title":"Tugas"},{"title":"Status"}]`)}, {s.cfg.ListName, b},
		})
	}
	return b
}

// append appends the entry as the shape has it.
func (e entry) append(b []byte, shape ListShape) []byte {
	var fields []field
	if e.id != "" || e.emptyID {
		fields = append(fields, field{"TaskID", quote(e.id)})
	}
	switch shape {
	case ListStrings:
		return appendString(b, e.id)
	case ListIDs:
		return appendObject(b, fields)
	}
	fields = append(fields,
		field{"TaskName", quote(e.name)},
		field{"Status", quote(e.status)},
		field{"ScheduleStartTime", clock(e.start)},
		field{"ScheduleEndTime", clock(e.end)},
		field{"CalleeCount", number(int64(e.rows))},
	)
	return appendObject(b, fields)
}
