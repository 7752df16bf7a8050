package airudder

import (
	"bytes"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

// maxTasks is how many tasks one list may name: as many as a hundred new ones a
// day make in a decade.
const maxTasks = 400_000

// listing gathers list entries, each task once, in the order of first sight.
type listing struct {
	tasks []call.Listed
	index map[string]int
	zone  *time.Location // of times that name none
	said  call.Listing   // what the pages say of themselves; without its tasks
	heard int            // pages, until now
}

func newListing(zone *time.Location) *listing {
	return &listing{index: map[string]int{}, zone: zone}
}

// add takes one entry and returns its TaskID; false: it has none. A later entry of
// the same task overrides what it says again.
func (l *listing) add(entry jsonrows.Value) (taskID string, ok bool) {
	e, ok := readEntry(entry, l.zone)
	if !ok {
		return "", false
	}
	i, seen := l.index[e.TaskID]
	if !seen {
		l.index[e.TaskID] = len(l.tasks)
		l.tasks = append(l.tasks, e)
		return e.TaskID, true
	}
	t := &l.tasks[i]
	t.Fingerprint = e.Fingerprint
	if e.Status != "" {
		t.Status = e.Status
	}
	if !e.ScheduleEnd.IsZero() {
		t.ScheduleEnd = e.ScheduleEnd
	}
	return e.TaskID, true
}

// name adds a task that was named by hand.
func (l *listing) name(taskID string) {
	if _, seen := l.index[taskID]; !seen {
		l.index[taskID] = len(l.tasks)
		l.tasks = append(l.tasks, call.Listed{TaskID: taskID})
	}
}

// readEntry reads one entry: an object with a TaskID, or the bare id; false if
// it has none that could be one. Times that name no zone are in this one.
func readEntry(entry jsonrows.Value, zone *time.Location) (call.Listed, bool) {
	var e call.Listed
	if !entry.IsObject() {
		e.TaskID, _ = identity(entry.Bytes())
		e.Fingerprint = xxhash.Sum64(entry.Bytes())
		return e, saneTaskID(e.TaskID)
	}
	own := map[string]bool{} // names that came as the detail spells them: they count before others
	for it := jsonrows.MembersOf(entry); it.Next(); {
		// A sum, since another order of the fields is no change.
		e.Fingerprint += xxhash.Sum64String(it.Key) ^ xxhash.Sum64(it.Value.Bytes())*3
		if jsonrows.IsNull(it.Value.Bytes()) {
			continue
		}
		name := Folded(it.Key)
		switch it.Key {
		case "TaskID", "Status", "ScheduleEndTime":
			own[name] = true
		default:
			if own[name] {
				continue
			}
		}
		switch v := it.Value; name {
		case "taskid":
			e.TaskID, _ = identity(v.Bytes())
		case "status":
			if status, ok := identity(v.Bytes()); ok && len(status) <= maxStatus { // a number is a word, too
				e.Status = strings.Clone(status) // else it would hold the whole page
			}
		case "scheduleendtime":
			if text, ok := v.Text(); ok {
				e.ScheduleEnd, _ = parseInstant(text, zone)
			}
		}
	}
	return e, saneTaskID(e.TaskID)
}

// hasBegun reports whether an entry says that its task is under way or at its end. A
// draft may well have no TaskID yet.
func hasBegun(entry jsonrows.Value) bool {
	if !entry.IsObject() {
		return false
	}
	e, _ := readEntry(entry, time.UTC)
	return call.Underway(e.Status) || call.Terminal(e.Status)
}

// identity returns an id that is a string, or a number's literal digits.
func identity(raw []byte) (string, bool) {
	s, ok := jsonrows.Literal(raw)
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
