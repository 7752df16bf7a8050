package airudder

import "strings"

// turner goes from page to page as the request's placeholder says.
type turner struct {
	kind   string // the placeholder's word; empty: there is one page
	path   string // of a cursor
	cursor string // the last name of that
	step   int    // of an offset
	limit  int    // entries a page that are asked for; 0: it does not say

	first   taken           // what the first page held
	cursors map[string]bool // that were followed
}

func newTurner(t *template) *turner {
	p := t.paging()
	turn := &turner{kind: p.word, step: p.size, cursors: map[string]bool{}}
	if p.word == "cursor" {
		turn.path = p.argument
		turn.cursor = p.argument[strings.LastIndex(p.argument, ".")+1:]
	}
	for _, p := range t.holes {
		if p.word == "limit" {
			turn.limit = p.size
		}
	}
	return turn
}

// next turns to the page after p; false: there is none.
func (t *turner) next(f *filling, p page, took taken, all *listing) bool {
	switch {
	case f.page == 0:
		t.first = took
	case f.page == 1 && !took.fresh && took == (taken{entries: t.first.entries, tasks: t.first.tasks}) && isFull(took.entries, t.limit):
		all.said.Repeated = took.entries
	}
	switch t.kind {
	case "page", "page0":
		return took.fresh
	case "offset": // a server that gives fewer than asked for loses none
		f.offset += min(took.entries, t.step)
		return took.fresh
	case "cursor":
		f.cursor = memberAt(p.envelope, t.path)
		next, _ := identity(f.cursor)
		again := t.cursors[next]
		t.cursors[next] = true
		return next != "" && !again
	}
	return false
}
