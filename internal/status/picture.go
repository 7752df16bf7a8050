package status

import (
	"slices"
	"strings"
	"time"

	"airudder-exporter/internal/exporter"
)

// picture is all that is to be shown at one time. Of the tasks, of which there may be
// 200,000, it holds no more than what finds them.
type picture struct {
	exporter.Snapshot // with its recent events, without its tasks

	from     Exporter // nil: there is none yet
	ids      []string // of all tasks, sorted
	groups   []group  // of each of them
	totals   totals
	urgent   []task            // the first maxTasks by urgency
	names    map[string]string // of the tasks of the recent events, by TaskID
	tallying [groups]int       // tasks, by group
}

// totals are counts over all tasks.
type totals struct {
	Tasks       int            `json:"tasks"`
	Groups      map[string]int `json:"groups"` // tasks, by the group's name
	Events      int64          `json:"events"` // in the ledger
	DeadLetters int64          `json:"dead_letters"`
	AsOf        time.Time      `json:"as_of,omitzero"` // the snapshot's: when they were known, where they are not current
}

// take looks at every task once.
func take(s *State) *picture {
	snap, e := s.look()
	p := &picture{Snapshot: snap, from: e, names: map[string]string{}}
	if e != nil {
		p.Recent = append(p.Recent, e.Recent()...)
		for _, event := range p.Recent {
			p.names[event.TaskID] = ""
		}
		p.ids = e.TaskIDs()
	}
	p.groups = make([]group, len(p.ids))
	for i, id := range p.ids {
		t, known := p.from.Task(id)
		if !known { // it went between the two looks
			p.groups[i] = groups
			continue
		}
		p.groups[i] = groupOf(t)
		p.add(task{TaskStatus: t, Group: p.groups[i]})
	}
	p.cut()
	p.totals.AsOf = snap.AsOf
	p.totals.Groups = make(map[string]int, groups)
	for g, n := range p.tallying {
		p.totals.Groups[group(g).Class()] = n
	}
	return p
}

func (p *picture) add(t task) {
	p.tallying[t.Group]++
	p.totals.Tasks++
	p.totals.Events += t.Events
	p.totals.DeadLetters += t.DeadLetters
	if _, wanted := p.names[t.TaskID]; wanted {
		p.names[t.TaskID] = t.Name
	}
	if n := len(p.urgent); n >= maxTasks && byUrgency(p.urgent[maxTasks-1], t) <= 0 {
		return // the first maxTasks come before it
	}
	if p.urgent = append(p.urgent, t); len(p.urgent) == 2*maxTasks {
		p.cut()
	}
}

// cut leaves the most urgent of the tasks so far, in order.
func (p *picture) cut() {
	slices.SortFunc(p.urgent, byUrgency)
	p.urgent = p.urgent[:min(len(p.urgent), maxTasks)]
}

// takes reports whether a task is among those asked for.
func (q query) takes(t exporter.TaskStatus) bool {
	return (!q.grouped || groupOf(t) == q.group) &&
		(q.find == "" || strings.Contains(strings.ToLower(t.Name), q.find) || strings.Contains(strings.ToLower(t.TaskID), q.find))
}

// tasks are those that a query asks for, and the TaskID after which there are more;
// empty: there are none.
func (p *picture) tasks(q query) (found []exporter.TaskStatus, next string) {
	found = []exporter.TaskStatus{}
	switch {
	case p.from == nil, q.limit == 0:
		return found, ""
	case q.task != "":
		if t, known := p.from.Task(q.task); known {
			found = append(found, t)
		}
		return found, ""
	}
	i, at := slices.BinarySearch(p.ids, q.after)
	if at {
		i++
	}
	for ; i < len(p.ids); i++ {
		if p.groups[i] == groups || q.grouped && p.groups[i] != q.group {
			continue
		}
		if len(found) == q.limit {
			return found, found[len(found)-1].TaskID
		}
		if t, known := p.from.Task(p.ids[i]); known && q.takes(t) {
			found = append(found, t)
		}
	}
	return found, ""
}
