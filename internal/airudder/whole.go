package airudder

import (
	"math"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"airudder-exporter/internal/call"
)

// This file tells whether a list was taken whole, by what its answers say.

// hear takes what a page says of itself in its envelope, in the objects that the
// entries stand in, and in those beside them that are about paging. last: the request
// asks for no page after it, so that a word of more was not followed. followed is the
// name of the cursor that ends the paging; empty: none does.
func (l *listing) hear(p page, t totals, last bool, followed string) {
	l.heard++
	l.said.More = ""
	take := func(name string, value []byte) {
		if n := t.read(name, value); n > l.said.Total {
			l.said.Total, l.said.TotalName = n, name
		}
		smaller := l.said.More == "" || name < l.said.More // of an envelope in any order
		if last && smaller && Folded(name) != Folded(followed) && (saysMore(name, value, pointers) || pagesOf(name, value) > l.heard) {
			l.said.More = name
		}
	}
	for name, value := range p.envelope {
		withPages(name, value, take)
	}
	for _, o := range p.way {
		eachMember(o, func(name string, value []byte) { withPages(name, value, take) })
	}
}

// pointers are what a name goes on with after next where it leads to another page. A
// task may have a next start of its own, or a next id.
var (
	pointers       = append([]string{"key", "id", "index", "start"}, pointersOfTask...)
	pointersOfTask = []string{"page", "cursor", "token", "url", "uri", "link", "href", "offset", "marker"}
)

// saysMore reports whether a member says that there is more than its page shows, by
// one of these pointers or in so many words.
func saysMore(name string, value []byte, pointers []string) bool {
	if !IsPlain(name) {
		return false
	}
	text, _ := identity(value)
	if string(value) == "true" {
		text = "true"
	}
	n, err := strconv.ParseFloat(text, 64)
	switch name = Folded(name); name {
	case "hasmore", "hasnext", "hasnextpage":
		return strings.EqualFold(text, "true") || err == nil && n > 0
	}
	after, next := strings.CutPrefix(name, "next")
	leads := after == ""
	for _, p := range pointers {
		leads = leads || strings.HasPrefix(after, p)
	}
	return next && leads && strings.TrimSpace(text) != "" && (err != nil || n > 0) && !strings.EqualFold(text, "false")
}

// pagesOf is how many pages a member says that there are; 0: it does not say. What is
// called pages alone is not believed.
func pagesOf(name string, value []byte) int {
	switch Folded(name) {
	case "totalpages", "totalpage", "pagecount", "pagetotal", "pagestotal":
		digits, _ := identity(value)
		n, _ := strconv.Atoi(strings.TrimSpace(digits))
		return n
	}
	return 0
}

// isFull reports whether a page of so many entries looks like one that a limit cut:
// as many as were asked for or, where none were, a round number.
func isFull(entries, limit int) bool {
	if limit > 0 {
		return entries >= limit
	}
	for n := entries; n >= 10 && n%10 == 0; n /= 10 {
		if n == 10 || n == 20 || n == 50 {
			return true
		}
	}
	return false
}

// window remembers listings, to notice a list that shows the newest tasks alone.
type window struct {
	tasks  int // of the last listing; below 0: there was none
	sum    uint64
	open   map[string]struct{} // those of its tasks that had not ended
	pushes int
}

func newWindow() window { return window{tasks: math.MinInt} }

// pushed takes the tasks that were listed and returns how often new ones have pushed
// old ones out, while their number stayed the same: a number that a limit makes, or
// else tasks that had not ended. A list of the last week's tasks loses one as another
// comes, too, but only such as have ended.
func (w *window) pushed(tasks []call.Listed, limit int) int {
	was := w.open
	sum := uint64(0) // of a set, in any order
	left := len(was)
	w.open = map[string]struct{}{}
	for _, task := range tasks {
		sum += xxhash.Sum64String(task.TaskID)
		if _, still := was[task.TaskID]; still {
			left--
		}
		if !call.Terminal(task.Status) {
			w.open[task.TaskID] = struct{}{}
		}
	}
	switch {
	case len(tasks) != w.tasks:
		w.pushes = 0
	case sum != w.sum && (left > 0 || isFull(len(tasks), limit)): // as many, and others: one is new, and one is gone
		w.pushes++
	}
	w.tasks, w.sum = len(tasks), sum
	return w.pushes
}
