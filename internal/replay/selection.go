package replay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/record"
)

// Selection says which records of a topic are meant. A field that is empty takes all.
type Selection struct {
	Topic        string
	LedgerID     string // of the ledger whose exporters published them
	TaskID       string
	CallID       string
	Since, Until time.Time // Since <= time < Until
	By           By
	Partitions   []int
	Where        []string // conditions on the value, as the user wrote them
}

// By is which time Since and Until are about.
type By string

// The times of a record.
const (
	Published By = "published" // the record's timestamp
	Occurred  By = "occurred"  // the call's end, or its start: the header ce_time
)

// Digest tells one selection from another. It says nothing of where the source ends, which
// differs from run to run.
func (s Selection) Digest() string {
	s.Since, s.Until = s.Since.UTC(), s.Until.UTC()
	if s.Since.IsZero() && s.Until.IsZero() {
		s.By = ""
	}
	s.Partitions = slices.Compact(slices.Sorted(slices.Values(s.Partitions)))
	s.Where = slices.Compact(slices.Sorted(slices.Values(s.Where)))
	if len(s.Partitions) == 0 {
		s.Partitions = nil
	}
	if len(s.Where) == 0 {
		s.Where = nil
	}
	text, _ := json.Marshal(s) // of strings, numbers and times of four-digit years
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// String says in words what is selected.
func (s Selection) String() string {
	var of []string
	add := func(what string, is bool) {
		if is {
			of = append(of, what)
		}
	}
	add("task "+s.TaskID, s.TaskID != "")
	add("call "+s.CallID, s.CallID != "")
	add(fmt.Sprintf("%s since %s", s.By, s.Since.UTC().Format(time.RFC3339Nano)), !s.Since.IsZero())
	add(fmt.Sprintf("%s until %s", s.By, s.Until.UTC().Format(time.RFC3339Nano)), !s.Until.IsZero())
	add(fmt.Sprintf("partitions %v", s.Partitions), len(s.Partitions) > 0)
	for _, w := range s.Where {
		add(w, true)
	}
	if of == nil {
		return "everything"
	}
	return strings.Join(of, ", ")
}

// holdsPartition reports whether a partition is meant.
func (s Selection) holdsPartition(p int) bool {
	return len(s.Partitions) == 0 || slices.Contains(s.Partitions, p)
}

// filter holds one record after the other against a Selection. It looks into a value only
// where a condition is about one. It is for one goroutine.
type filter struct {
	Selection
	since, until int64 // milliseconds
	task         []byte
	where        func(ctx context.Context, value []byte) (bool, error)
}

func newFilter(s Selection, where func(context.Context, []byte) (bool, error)) *filter {
	f := &filter{Selection: s, since: -1 << 63, until: 1<<63 - 1, task: []byte(s.TaskID + "/"), where: where}
	if !s.Since.IsZero() {
		f.since = ceil(s.Since)
	}
	if !s.Until.IsZero() {
		f.until = ceil(s.Until)
	}
	return f
}

// ceil is the first millisecond that does not come before a time.
func ceil(t time.Time) int64 { return t.Add(time.Millisecond - 1).UnixMilli() }

// takes reports whether a record is meant. An error says that it is none that an exporter
// published.
func (f *filter) takes(ctx context.Context, r *batch.Stored) (bool, error) {
	at := r.Timestamp
	if f.By == Occurred && (!f.Since.IsZero() || !f.Until.IsZero()) {
		text, _ := r.Header("ce_time")
		t, err := time.Parse(time.RFC3339, string(text))
		if err != nil {
			return false, refuse("it has no header ce_time that says when the call was")
		}
		at = t.UnixMilli()
	}
	if at < f.since || at >= f.until {
		return false, nil
	}
	if f.LedgerID != "" {
		if id, _ := r.Header(record.LedgerHeader); string(id) != f.LedgerID {
			return false, nil
		}
	}
	if f.TaskID != "" || f.CallID != "" {
		if is, err := f.isAbout(r); !is || err != nil {
			return false, err
		}
	}
	if f.where == nil {
		return true, nil
	}
	return f.where(ctx, r.Value)
}

// isAbout reports whether a record is about the task and the call. Its ce_id begins with the
// TaskID; its ce_subject is the CallID, or the TaskID of what is about no call.
func (f *filter) isAbout(r *batch.Stored) (bool, error) {
	id, found := r.Header("ce_id")
	subject, has := r.Header("ce_subject")
	switch {
	case !found || !has:
		return false, refuse("it has no headers ce_id and ce_subject that say of which call it is")
	case f.CallID != "" && string(subject) != f.CallID:
		return false, nil
	case f.TaskID == "":
		return true, nil
	}
	rest, is := bytes.CutPrefix(id, f.task)
	if !is {
		return false, nil
	}
	ofCall := len(rest) > len(subject) && bytes.HasPrefix(rest, subject) && rest[len(subject)] == '/'
	ofTask := string(subject) == f.TaskID && bytes.HasPrefix(rest, []byte("status/"))
	return ofCall || ofTask, nil
}
