package airudder

import (
	"strings"

	"airudder-exporter/internal/airudder/template"
)

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

func newTurner(t *template.Template) *turner {
	p := t.Paging()
	turn := &turner{kind: p.Word, step: p.Size, limit: t.Limit(), cursors: map[string]bool{}}
	if p.Word == "cursor" {
		turn.path = p.Argument
		turn.cursor = p.Argument[strings.LastIndex(p.Argument, ".")+1:]
	}
	return turn
}

// next turns to the page after p; false: there is none.
func (t *turner) next(f *template.Filling, p page, took taken, all *listing) bool {
	switch {
	case f.Page == 0:
		t.first = took
	case f.Page == 1 && !took.fresh && took == (taken{entries: t.first.entries, tasks: t.first.tasks}) && isFull(took.entries, t.limit):
		all.said.Repeated = took.entries
	}
	switch t.kind {
	case "page", "page0":
		return took.fresh
	case "offset": // a server that gives fewer than asked for loses none
		f.Offset += min(took.entries, t.step)
		return took.fresh
	case "cursor":
		f.Cursor = memberAt(p.envelope, t.path)
		next, _ := identity(f.Cursor)
		again := t.cursors[next]
		t.cursors[next] = true
		return next != "" && !again
	}
	return false
}
