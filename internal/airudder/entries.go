package airudder

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"airudder-exporter/internal/call"
)

// maxTasks is how many tasks one list may name: as many as a hundred new ones a
// day make in a decade.
const maxTasks = 400_000

// listing gathers list entries, each task once, in the order of first sight.
type listing struct {
	tasks []call.Listed
	index map[string]int
}

func newListing() *listing { return &listing{index: map[string]int{}} }

// add takes one entry; true if its task is a new one. A later entry of the same
// task overrides what it says anew.
func (l *listing) add(raw json.RawMessage, m *metrics) bool {
	e, ok := readEntry(raw)
	if !ok {
		m.listWithoutID.Inc()
		return false
	}
	i, seen := l.index[e.TaskID]
	if !seen {
		l.index[e.TaskID] = len(l.tasks)
		l.tasks = append(l.tasks, e)
		return true
	}
	t := &l.tasks[i]
	t.Fingerprint = e.Fingerprint
	if e.Status != "" {
		t.Status = e.Status
	}
	if !e.ScheduleEnd.IsZero() {
		t.ScheduleEnd = e.ScheduleEnd
	}
	return false
}

// name adds a task that was named by hand.
func (l *listing) name(taskID string) {
	if _, seen := l.index[taskID]; !seen {
		l.index[taskID] = len(l.tasks)
		l.tasks = append(l.tasks, call.Listed{TaskID: taskID})
	}
}

// findEntries finds the arrays of the list's entries in data: data itself, or
// those one level below under any name. Arrays of objects with a TaskID go
// before the others, of which the first that holds anything counts. No array at
// all is null: nothing was said.
func findEntries(data json.RawMessage) (arrays []view, null bool, err error) {
	if len(data) == 0 {
		return nil, true, nil
	}
	switch v := lend(data); data[0] {
	case '[':
		return []view{v}, false, nil
	case '{':
		arrays, null = findBelow(v)
		return arrays, null, nil
	}
	return nil, false, &syntaxError{what: "data is neither an array nor an object"}
}

func findBelow(object view) (arrays []view, null bool) {
	var others []view
	found := false
	for it := newMembers(object); it.next(); {
		if it.value.bytes[0] != '[' {
			continue
		}
		found = true
		switch array := newElements(it.value); {
		case hasTask(array):
			arrays = append(arrays, it.value)
		case others == nil && array.next():
			others = []view{it.value}
		}
	}
	if arrays == nil {
		arrays = others
	}
	return arrays, !found
}

// hasTask reports whether an array has an object with a usable TaskID.
func hasTask(array elements) bool {
	for array.next() {
		if raw := array.value.bytes; raw[0] == '{' {
			if _, ok := readEntry(raw); ok {
				return true
			}
		}
	}
	return false
}

// readEntry reads one entry: an object with a TaskID, or the bare id; false if
// it has none that could be one.
func readEntry(raw json.RawMessage) (call.Listed, bool) {
	var e call.Listed
	if raw[0] != '{' {
		e.TaskID, _ = identity(raw)
		e.Fingerprint = xxhash.Sum64(raw)
		return e, saneTaskID(e.TaskID)
	}
	own := map[string]bool{} // names that came as the detail spells them: others stand behind
	for it := newMembers(viewOf(raw)); it.next(); {
		// A sum, since another order of the fields is no change.
		e.Fingerprint += xxhash.Sum64String(it.key) ^ xxhash.Sum64(it.value.bytes)*3
		if isNull(it.value.bytes) {
			continue
		}
		name := strings.ReplaceAll(strings.ToLower(it.key), "_", "")
		switch it.key {
		case "TaskID", "Status", "ScheduleEndTime":
			own[name] = true
		default:
			if own[name] {
				continue
			}
		}
		switch v := it.value; name {
		case "taskid":
			e.TaskID, _ = identity(v.bytes)
		case "status":
			if status, ok := v.text(); ok && len(status) <= maxStatus {
				e.Status = strings.Clone(status) // else it would hold the whole entry
			}
		case "scheduleendtime":
			if text, ok := v.text(); ok {
				e.ScheduleEnd, _ = parseInstant(text, time.UTC)
			}
		}
	}
	return e, saneTaskID(e.TaskID)
}

// identity returns an id that is a string, or a number's literal digits.
func identity(raw []byte) (string, bool) {
	if isNumber(raw) {
		return string(raw), true
	}
	s, ok := textOf(raw)
	return string(bytes.ToValidUTF8(s, []byte("\uFFFD"))), ok
}

// Bytes that are taken from a list entry.
const (
	maxTaskID = 128
	maxStatus = 128
)

// saneTaskID reports whether an id can stand in a URL, a log line and the
// ledger's keys, whose parts a slash divides.
func saneTaskID(id string) bool {
	return id != "" && len(id) <= maxTaskID && utf8.ValidString(id) &&
		!strings.ContainsFunc(id, func(r rune) bool { return r == '/' || r == utf8.RuneError || unicode.IsControl(r) })
}
