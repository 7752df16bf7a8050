package airuddersim

import (
	"net/http"
	"net/url"
	"strconv"
	"time"
)

func (s *Sim) serveList(w http.ResponseWriter, r *http.Request) {
	query := parameters(r)
	if !s.authorized(w, r, List) || s.limited(w, List) {
		return
	}
	drawn, ok := s.admit(w, r, List, "")
	if !ok {
		return
	}
	if s.cfg.ListIgnoresFilters {
		query = nil
	}
	s.mu.Lock()
	asked := s.timesOf(query)
	l := s.page(s.entries(query, asked), query)
	refused := asked.missing && s.odd.has(ListRangeError)
	data := s.listData(l)
	s.mu.Unlock()
	s.count(List, http.StatusOK)
	if refused {
		s.send(w, r, answer(400, "start and end time are required", "null"), drawn)
		return
	}
	s.send(w, r, s.good(string(data)), drawn)
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
func (s *Sim) entries(query url.Values, asked timeRange) []entry {
	var out []entry
	for i := len(s.tasks) - 1; i >= 0 && !asked.missing; i-- {
		t := s.tasks[i]
		status, there := t.statusAt(s.now.Add(-s.cfg.ListLag))
		wanted := there && !t.Gone && !t.Unlist && asked.covers(t) &&
			(query.Get("status") == "" || query.Get("status") == status) &&
			(!s.odd.has(ListWindow) || s.now.Sub(t.States[0].At) <= s.odd.duration(ListWindow))
		if wanted {
			out = append(out, entry{id: t.ID, name: t.Name, status: status, rows: len(t.Rows), start: t.Start, end: t.End})
		}
	}
	return out
}

// listing is one answer of the list.
type listing struct {
	entries []entry
	total   int // of tasks that the query finds, on all pages
	next    int // where the next page begins; 0: this is the last one
	page    int // of the next page, in the query's own counting
}

// page is the part of the entries that a query's page shows.
func (s *Sim) page(all []entry, query url.Values) listing {
	l := listing{total: len(all)}
	if s.odd.has(ListCap) {
		all = all[:min(len(all), s.odd.number(ListCap))]
	}
	size := or(max(0, s.cfg.ListPageSize), max(1, len(all)))
	if n, err := strconv.Atoi(query.Get("limit")); err == nil && n > 0 && s.cfg.ListPageSize > 0 {
		size = min(size, n)
	}
	from := 0
	if s.cfg.ListPageSize > 0 {
		from = s.begins(query, size)
	}
	if s.odd.has(ListPageClamped) && from >= len(all) {
		from = max(0, len(all)-1) / size * size
	}
	from = min(from, len(all))
	l.entries = all[from:min(from+size, len(all))]
	if end := from + len(l.entries); end < l.total && len(l.entries) > 0 {
		l.next, l.page = end, end/size+1
		if s.odd.has(ListPageFrom0) {
			l.page--
		}
	}
	if s.cfg.ListWithoutID {
		l.entries = append(l.entries[:len(l.entries):len(l.entries)], entry{name: "draft"}, entry{name: "draft", emptyID: true})
	}
	return l
}

// begins is how many entries stand before the page that a query asks for.
func (s *Sim) begins(query url.Values, size int) int {
	first, name := 1, "page"
	switch {
	case s.odd.has(ListPageIgnored):
		return 0
	case s.odd.has(ListOffset):
		return max(0, atoi(query.Get("offset"), 0))
	case s.odd.has(ListCursor):
		return cursorPlace(query.Get("cursor"))
	case s.odd.has(ListPageFrom0):
		first = 0
	}
	return max(0, atoi(query.Get(name), first)-first) * size
}

// atoi is a text's number; fallback: it is none.
func atoi(text string, fallback int) int {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return fallback
}

// listData is the list's data, in the shape of the configuration and with what
// the oddities put beside the tasks.
func (s *Sim) listData(l listing) []byte {
	if s.cfg.ListShape == ListNull {
		return []byte("null")
	}
	b := []byte{'['}
	for i, e := range l.entries {
		if i > 0 {
			b = append(b, ',')
		}
		b = s.appendEntry(b, e)
	}
	b = append(b, ']')
	beside := s.besideTasks(l)
	depth := s.odd.number(ListDepth)
	if len(beside) == 0 && depth == 0 {
		return b
	}
	b = appendObject(nil, append(beside, field{s.cfg.ListName, b}))
	for i := 1; i < depth; i++ {
		b = appendObject(nil, []field{{[]string{"result", "page"}[i%2], b}})
	}
	return b
}

// appendEntry appends a task as the shape has it.
func (s *Sim) appendEntry(b []byte, e entry) []byte {
	if s.cfg.ListShape == ListStrings {
		return appendString(b, e.id)
	}
	var fields []field
	if e.id != "" || e.emptyID {
		fields = append(fields, field{or(s.odd.text(ListID), "TaskID"), quote(e.id)})
	}
	if s.cfg.ListShape == ListIDs {
		return appendObject(b, fields)
	}
	return appendObject(b, append(fields,
		field{"TaskName", quote(e.name)},
		field{"Status", s.odd.word(TaskWords, e.status)},
		field{"ScheduleStartTime", s.clock(e.start)},
		field{"ScheduleEndTime", s.scheduleEnd(e.end)},
		field{"CalleeCount", number(int64(e.rows))},
	))
}
