package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"airudder-exporter/internal/call"
)

// Kind is what an entry is about: the first word of its key.
type Kind string

// The kinds of entries there are, and their keys.
const (
	KindCall     Kind = "call"     // call/<TaskID>/<CallID>
	KindRow      Kind = "row"      // row/<TaskID>/<row id, or sha256:<16 hex digits of the raw row>>
	KindTask     Kind = "task"     // task/<TaskID>
	KindMeta     Kind = "meta"     // meta
	KindProducer Kind = "producer" // producer
)

// Entry is one record of the ledger topic. Which of the values holds depends on
// the kind; a tombstone has none.
type Entry struct {
	Kind      Kind
	TaskID    string
	ID        string // the CallID or the row key; empty for the other kinds
	Tombstone bool

	Published Published // call, row
	State     State     // task
	Meta      Meta      // meta
	Writer    Writer    // producer
}

// As is what a call or a row was published as.
type As string

// The ways to publish a call or a row. What is an event stays one.
const (
	Event      As = "event"
	DeadLetter As = "dead_letter"
	Resolved   As = "resolved" // a row: a dead letter once, it has shown a call since
)

// Published is the value of a call or a row entry.
type Published struct {
	At  time.Time // when the response began that showed it; milliseconds count
	As  As
	N   int64  // of an event: its task_sequence
	Row uint64 // xxHash64 of the row's bytes; 0: not known (a rebuilt ledger)

	Revision int64  // of an event: the number of the last CallRevised; 0: there is none
	Fields   Fields // of an event, where changes are published

	Letter // of a dead letter, and of what it has become
}

// Letter is what an entry says of a dead letter.
type Letter struct {
	Reason call.Reason
	Limit  int64  // bytes that a record of the event topic might have, where the event was too large; 0: it was not that
	CallID string // of a row that is resolved: the call that it has shown
}

// Writer is the value of the producer entry: who fenced the shard last.
type Writer struct {
	Host     string    `json:"host"`
	PID      int       `json:"pid"`
	Producer int64     `json:"producer_id"`
	Epoch    int16     `json:"epoch"`             // of the producer
	Started  time.Time `json:"started"`           // of the process
	Instance string    `json:"instance"`          // random, one a process
	Role     string    `json:"role,omitempty"`    // empty: an exporter; Tool
	Beat     int64     `json:"beat_ms,omitempty"` // of a tool: how often it writes, at least
	Done     bool      `json:"done,omitempty"`    // of a tool: it writes no more
}

// Tool is the Role of a writer that is no exporter. Each of its transactions ends with
// its producer entry, and one comes at least every Beat; the last says Done.
const Tool = "tool"

// LongestBeat is the longest Beat of a tool.
const LongestBeat = 10 * time.Second

// Standstill is how long the shard of a tool must have stood still before it counts as
// dead: three beats.
func (w Writer) Standstill() time.Duration {
	beat := time.Duration(w.Beat) * time.Millisecond
	if beat <= 0 || beat > LongestBeat {
		beat = LongestBeat
	}
	return 3 * beat
}

// Working reports whether the writer is a tool that has not said that it is done.
func (w Writer) Working() bool { return w.Role == Tool && !w.Done }

// After reports whether a writer came after the producer of that id and epoch. Epochs
// are counted within an id; another id comes where the one before had expired.
func (w Writer) After(producer int64, epoch int16) bool {
	return w.Producer != producer || w.Epoch > epoch
}

// timeLayout is RFC 3339 in UTC with exactly three digits of milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z"

// AppendKey appends the entry's key.
func (e Entry) AppendKey(b []byte) []byte {
	b = append(b, e.Kind...)
	if e.TaskID != "" {
		b = AppendTaskID(append(b, '/'), e.TaskID)
	}
	if e.ID != "" {
		b = append(append(b, '/'), e.ID...)
	}
	return b
}

// AppendValue appends the entry's JSON value; nothing for a tombstone.
func (e Entry) AppendValue(b []byte) []byte {
	switch {
	case e.Tombstone:
		return b
	case e.Kind == KindCall, e.Kind == KindRow:
		return e.Published.append(b)
	}
	var v any = e.State
	switch e.Kind {
	case KindMeta:
		v = e.Meta
	case KindProducer:
		v = e.Writer
	}
	j, err := json.Marshal(v)
	if err != nil { // times past the year 9999 alone; no reading holds one
		panic(fmt.Sprintf("ledger: encode %s entry: %v", e.Kind, err))
	}
	return append(b, j...)
}

func (p Published) append(b []byte) []byte {
	b = append(b, `{"at":"`...)
	b = p.At.UTC().AppendFormat(b, timeLayout)
	b = append(append(b, `","as":"`...), p.As...)
	b = append(b, '"')
	if p.N > 0 {
		b = strconv.AppendInt(append(b, `,"n":`...), p.N, 10)
	}
	if p.Revision > 0 {
		b = strconv.AppendInt(append(b, `,"revision":`...), p.Revision, 10)
	}
	if p.Fields.Hash != 0 {
		b = fmt.Appendf(b, `,"fields":"%s:%016x"`, p.Fields.Form, p.Fields.Hash)
	}
	if p.Reason != "" {
		b = append(append(append(b, `,"reason":"`...), p.Reason...), '"')
	}
	if p.Limit > 0 {
		b = strconv.AppendInt(append(b, `,"limit":`...), p.Limit, 10)
	}
	if p.CallID != "" {
		j, _ := json.Marshal(p.CallID) // a string has a form in JSON
		b = append(append(b, `,"call_id":`...), j...)
	}
	return append(fmt.Appendf(append(b, `,"row":"`...), "%016x", p.Row), `"}`...)
}

// ParseEntry reads a record of the ledger topic; a nil value is a tombstone.
// Its errors name the key's kind, never the value.
func ParseEntry(key, value []byte) (Entry, error) {
	e, err := parseKey(string(key))
	if err != nil {
		return Entry{}, err
	}
	if value == nil {
		e.Tombstone = true
		return e, nil
	}
	switch e.Kind {
	case KindCall, KindRow:
		e.Published, err = parsePublished(value)
	case KindTask:
		err = json.Unmarshal(value, &e.State)
	case KindMeta:
		e.Meta, err = parseMeta(value)
	case KindProducer:
		err = json.Unmarshal(value, &e.Writer)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("value of a %s entry cannot be read", e.Kind)
	}
	return e, nil
}

// ErrForeign says that a record's key is of none of the ledger's kinds.
var ErrForeign = errors.New("key is none of the ledger's (call/…, row/…, task/…, meta, producer)")

var errKey = errors.New("key is not in the form of the ledger's keys " +
	"(call/<TaskID>/<CallID>, row/<TaskID>/<row>, task/<TaskID>, meta, producer)")

func parseKey(key string) (Entry, error) {
	kind, rest, nested := strings.Cut(key, "/")
	e := Entry{Kind: Kind(kind)}
	switch e.Kind {
	case KindMeta, KindProducer:
		if nested {
			return Entry{}, errKey
		}
		return e, nil
	case KindTask:
		var ok bool
		if e.TaskID, ok = unescape(rest); !ok {
			return Entry{}, errKey
		}
		return e, nil
	case KindCall, KindRow:
		taskID, id, _ := strings.Cut(rest, "/")
		var ok bool
		if e.TaskID, ok = unescape(taskID); !ok || id == "" {
			return Entry{}, errKey
		}
		e.ID = id
		return e, nil
	}
	return Entry{}, ErrForeign
}

// AppendTaskID appends a TaskID as it stands in a key: / is written %2F and % is
// written %25. Those that the API gives have neither.
func AppendTaskID(b []byte, taskID string) []byte { return append(b, escape(taskID)...) }

// escape writes a TaskID so that it holds no slash.
func escape(taskID string) string {
	if !strings.ContainsAny(taskID, "%/") {
		return taskID
	}
	return strings.NewReplacer("%", "%25", "/", "%2F").Replace(taskID)
}

// unescape undoes escape; false for what escape does not write.
func unescape(key string) (taskID string, ok bool) {
	taskID = strings.NewReplacer("%25", "%", "%2F", "/").Replace(key)
	return taskID, taskID != "" && escape(taskID) == key
}
