package inspect

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"airudder-exporter/internal/airudder"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

// listed is what one answer of the list shows.
type listed struct {
	raw airudder.Raw
	call.Listing
	err error // what the exporter makes of it

	ids    map[string]bool
	arrays []found // the entries' first
	beside []member
	shape  Shape // of the entries
	words  map[string]*words
	times  map[string]*times
}

// found is a value and where it stands.
type found struct {
	path, name string
	value      jsonrows.Value
}

// maxLevels is how far below data the exporter looks for the entries.
const maxLevels = 3

// list looks at the list and returns the task whose detail is worth a look.
func (i *inspection) list(ctx context.Context) (taskID string, err error) {
	i.section("List")
	template := cmp.Or(i.Account.ListRequest, airudder.DefaultList)
	if template == airudder.Off {
		i.line("not asked", "%s is %s", i.setting("ListRequest"), airudder.Off)
		if len(i.Account.TaskIDs) > 0 {
			taskID = i.Account.TaskIDs[0]
		}
		return taskID, nil
	}
	i.line("request", "%s", template)
	i.waiting("the list")
	first, err := i.askList(ctx, airudder.Question{Template: template})
	if isRefused(ctx, first.raw, err) {
		first, err = i.otherScheme(ctx, template, first, err)
	}
	i.answer(ctx, first.raw, err)
	if err != nil || ctx.Err() != nil {
		return "", err
	}
	i.saved["list"] = first.save()
	i.entries(first)
	if first.err != nil {
		return i.perhapsIDs(first), first.err
	}
	i.pages(ctx, template, first)
	return worthALook(first.Tasks), nil
}

func (i *inspection) askList(ctx context.Context, asked airudder.Question) (*listed, error) {
	l := &listed{ids: map[string]bool{}, words: map[string]*words{}, times: map[string]*times{}}
	var err error
	l.raw, err = i.raw(ctx, asked)
	if err != nil {
		return l, err
	}
	l.Listing, l.err = i.client.ListOf(l.raw.Body)
	for _, task := range l.Tasks {
		l.ids[task.TaskID] = true
	}
	if !json.Valid(l.raw.Body) {
		return l, nil
	}
	l.look(jsonrows.Lend([]byte(strings.TrimSpace(string(l.raw.Body)))))
	return l, nil
}

// save is what is kept of a list: shapes.
func (l *listed) save() any {
	saved := struct {
		Path    string   `json:"path"` // of the entries
		Entries *Shape   `json:"entries"`
		Beside  []string `json:"beside"` // paths of members that count or page
	}{Entries: &l.shape}
	if len(l.arrays) > 0 {
		saved.Path = l.arrays[0].path
	}
	for _, m := range l.beside {
		saved.Beside = append(saved.Beside, m.path)
	}
	return saved
}

// look finds the entries, as the exporter does, and what stands beside them.
func (l *listed) look(envelope jsonrows.Value) {
	if !envelope.IsObject() {
		return
	}
	l.beside = counting(envelope, "")
	for it := jsonrows.MembersOf(envelope); it.Next(); {
		if strings.EqualFold(it.Key, "data") {
			l.descend(found{shownName(it.Key), it.Key, it.Value}, 0)
		}
	}
	best := -1
	for i, a := range l.arrays {
		if best < 0 || weight(a.value) > weight(l.arrays[best].value) {
			best = i
		}
	}
	if best < 0 {
		return
	}
	l.arrays[0], l.arrays[best] = l.arrays[best], l.arrays[0]
	for it := jsonrows.ElementsOf(l.arrays[0].value); it.Next(); {
		l.entry(it.Value)
	}
}

func (l *listed) descend(at found, level int) {
	switch {
	case at.value.IsArray():
		l.arrays = append(l.arrays, at)
	case at.value.IsObject() && level < maxLevels+1:
		if level == 0 || !aboutPages(at.name) { // else it was counted with what it stands in
			l.beside = append(l.beside, counting(at.value, at.path+".")...)
		}
		for it := jsonrows.MembersOf(at.value); it.Next(); {
			if it.Value.IsArray() || it.Value.IsObject() {
				l.descend(found{at.path + "." + shownName(it.Key), it.Key, it.Value}, level+1)
			}
		}
	}
}

// weight says how likely an array holds the entries.
func weight(array jsonrows.Value) (n int) {
	for it := jsonrows.ElementsOf(array); it.Next(); {
		n++
		if it.Value.IsObject() {
			for m := jsonrows.MembersOf(it.Value); m.Next(); {
				if airudder.Folded(m.Key) == "taskid" {
					n += 1 << 20
				}
			}
		}
	}
	return n
}

// entry takes an entry of the list. Its fields are not documented: those that have a
// kind's name show their words, and those that hold times the times' forms.
func (l *listed) entry(e jsonrows.Value) {
	l.shape.addObject(e)
	if !e.IsObject() {
		return
	}
	for it := jsonrows.MembersOf(e); it.Next(); {
		text, isText := it.Value.Text()
		name := airudder.Folded(it.Key)
		switch form, t := formOf(text); {
		case !airudder.IsPlain(it.Key):
		case isText && (name == "status" || name == "robotmethod"):
			of(l.words, it.Key).add(text)
		case name == "status":
			of(l.words, it.Key).add(it.Value.String())
		case isText && (!t.IsZero() || form == notSet && strings.HasSuffix(name, "time")):
			of(l.times, it.Key).add(text)
		}
	}
}

func of[T any](all map[string]*T, name string) *T {
	if all[name] == nil {
		all[name] = new(T)
	}
	return all[name]
}

// entries prints what a list shows.
func (i *inspection) entries(l *listed) {
	if len(l.arrays) == 0 {
		i.line("entries", "none: no array was found in data or below")
	} else {
		round := ""
		if n := l.shape.Seen; airudder.IsRound(n) {
			round = "; a round number: a limit may have cut the list"
		}
		i.line("entries", "%d in %s%s", l.shape.Seen, l.arrays[0].path, round)
		for _, other := range l.arrays[1:] {
			var s Shape
			s.add(other.value)
			i.line("entries", "%s is an array, too: %s", other.path, &s)
		}
	}
	i.fields(&l.shape)
	i.counting(l.beside)
	for _, name := range l.shape.order {
		if w := l.words[name]; w != nil {
			i.line("words", "%s: %s", name, w.all())
		}
		if t := l.times[name]; t != nil {
			i.line("times", "%s: %s", name, t)
		}
	}
	switch {
	case l.err != nil:
		i.note("the exporter cannot read it: %v", l.err)
	case l.Total > int64(l.Entries):
		i.note("%s counts %s tasks, but %d are shown", l.TotalName, small(l.Total), l.Entries)
	case l.More != "":
		i.note("%s says that there are more tasks", l.More)
	}
	if l.Nameless > 0 {
		i.note("entries that have begun, but have no TaskID that can be used: %d; they are not exported", l.Nameless)
	}
	for _, m := range l.beside {
		var n int64
		if _, err := fmt.Sscan(m.value, &n); err == nil && !i.client.IsTotal(m.name) && n > int64(l.Entries) {
			i.perhapsTotal(m, n, int64(l.Entries), "tasks")
		}
	}
	if l.err == nil {
		i.line("exporter", "reads %d tasks from it", len(l.Tasks))
	}
	if l.err == nil && len(l.Tasks) == 0 {
		i.note("a list without tasks: if the account has some, the list may want a range of dates or other parameters; see %s",
			i.setting("ListRequest"))
	}
	i.sinceForm(l)
}

// perhapsIDs names the field that could be the TaskID under another name, and returns
// what the first entry has there.
func (i *inspection) perhapsIDs(l *listed) (taskID string) {
	for _, name := range l.shape.order {
		s := l.shape.Members[name]
		if s.Bytes == nil || *s.Bytes != (span{32, 32}) || s.Types["string"] != l.shape.Seen {
			continue
		}
		i.note("%s has 32 characters in each entry, as TaskIDs have, but the exporter reads %s alone", name, "TaskID")
		i.wonder("ListRequest", airudder.Off, "until the exporter can read this list, name tasks in "+i.setting("TaskIDs"))
		first := jsonrows.ElementsOf(l.arrays[0].value)
		first.Next()
		for m := jsonrows.MembersOf(first.Value); m.Next(); {
			if m.Key == name {
				taskID, _ = m.Value.Text()
			}
		}
		if strings.Trim(taskID, "0123456789abcdefABCDEF") == "" {
			return taskID
		}
	}
	return ""
}

// sinceForm says how a range of dates would probably have to be written.
func (i *inspection) sinceForm(l *listed) {
	for _, name := range l.shape.order {
		t := l.times[name]
		if t == nil || !t.known() {
			continue
		}
		hole := "{since}"
		if t.zoneless() {
			hole = "{since:" + zonelessA + "}"
			if t.forms[zonelessB] > 0 {
				hole = "{since:" + zonelessB + "}"
			}
		}
		i.line("ranges", "if the list takes a range of dates, its own times are written as %s would be", hole)
		return
	}
}

// fields prints the fields of objects of one kind, several a line.
func (i *inspection) fields(s *Shape) {
	all := s
	line := ""
	for _, name := range all.order {
		m := all.Members[name]
		word := name + " " + m.String()
		if m.Seen < all.Types["object"] {
			word += fmt.Sprintf(" (in %d)", m.Seen)
		}
		if line != "" && len(line)+len(word) > 90 {
			i.line("fields", "%s", line)
			line = ""
		}
		if line != "" {
			line += " · "
		}
		line += word
	}
	if all.Unnamed > 0 {
		line += fmt.Sprintf(" · %d more under names that are not shown", all.Unnamed)
	}
	if line != "" {
		i.line("fields", "%s", line)
	}
}

// worthALook is the task whose detail tells most: one that is calling, else one that
// has ended, else any; of several the one whose schedule ends first, which has called
// for longest.
func worthALook(tasks []call.Listed) (taskID string) {
	if len(tasks) == 0 {
		return ""
	}
	return slices.MinFunc(tasks, func(a, b call.Listed) int {
		return cmp.Or(cmp.Compare(rank(b), rank(a)), a.ScheduleEnd.Compare(b.ScheduleEnd))
	}).TaskID
}

func rank(task call.Listed) int {
	switch {
	case call.Fold(task.Status) == call.Calling:
		return 3
	case call.Terminal(task.Status):
		return 2
	case call.Underway(task.Status):
		return 1
	}
	return 0
}
