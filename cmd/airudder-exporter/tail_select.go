package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/ledger"
)

// selection is which records of a topic are meant.
type selection struct {
	stretch kafka.Stretch
	task    string
	where   []condition
}

// condition is a field and the text of its value.
type condition struct{ field, value string }

// flags are the options that select.
func (s *selection) flags(cmd *cobra.Command, now time.Time) {
	set := cmd.Flags()
	set.Func("task", "only records of the task with this `TASKID`", func(id string) error {
		if s.task = id; id == "" {
			return errors.New("give a TaskID")
		}
		return nil
	})
	set.Func("where", "only records with `FIELD=VALUE`, as in intention=A, where null is empty; given more than once, all must hold",
		func(text string) error {
			field, value, ok := strings.Cut(text, "=")
			if !ok || field == "" {
				return errors.New("give field=value")
			}
			s.where = append(s.where, condition{field, value})
			return nil
		})
	set.Func("since", "only records published at or after this `TIME`: RFC 3339, or a duration such as 2h for so long ago",
		func(text string) (err error) { s.stretch.Since, err = past(text, now); return err })
	set.Func("until", "only records published before this `TIME`; ends there", func(text string) (err error) {
		s.stretch.Until, err = past(text, now)
		return err
	})
	set.BoolVar(&s.stretch.FromStart, "from-start", false, "begin with the oldest record instead of the next one")
	set.BoolVar(&s.stretch.ToEnd, "end", false, "stop at the end that each partition has now; begins with the oldest record, unless --since says otherwise")
}

// past is a time that has been, given as such or as how long ago it was.
func past(text string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	switch {
	case err != nil:
		return t, errors.New("give a time such as 2026-01-31T08:00:00Z, or a duration such as 2h for so long ago")
	case t.After(now):
		return t, errors.New("give a time that has passed: this one is still to come")
	}
	return t, nil
}

// check holds the options against each other and against the fields that there are,
// and completes what follows from them.
func (s *selection) check(t tailable) error {
	of := &s.stretch
	switch {
	case of.FromStart && !of.Since.IsZero():
		return errors.New("--from-start and --since: give one of them")
	case !of.Until.IsZero() && !of.Since.Before(of.Until):
		return errors.New("--until: give a time after that of --since")
	case len(s.where) > 0 && t.schema == nil:
		return fmt.Errorf("--where: the records of --topic %s have no schema: leave it out, or select with --task", t.name)
	}
	of.ToEnd = of.ToEnd || !of.Until.IsZero() // nothing that comes from now on was published before
	of.FromStart = of.FromStart || of.ToEnd && of.Since.IsZero()
	known := t.fields()
	for _, c := range s.where {
		if !slices.Contains(known, c.field) {
			return fmt.Errorf("--where %s: --topic %s has no such field: give one of %s", c.field, t.name, strings.Join(known, ", "))
		}
	}
	return nil
}

// takes reports whether a record is meant. Its time was looked at before.
func (s *selection) takes(m kafka.Message, of fields) bool {
	if s.task != "" && s.task != of.text("task_id") && s.task != taskOfEntry(m.Key) {
		return false
	}
	return !slices.ContainsFunc(s.where, func(c condition) bool { return of.text(c.field) != c.value })
}

// taskOfEntry is the task that an entry of the ledger is about; empty: none.
func taskOfEntry(key []byte) string {
	e, _ := ledger.ParseEntry(key, nil)
	return e.TaskID
}

// fields are those of a decoded record.
type fields map[string]json.RawMessage

// text is a field as --where has it: text as it is, null and what is not there empty,
// anything else as JSON.
func (f fields) text(name string) string {
	var s string
	value := f[name]
	if len(value) == 0 || bytes.Equal(value, []byte("null")) {
		return ""
	}
	if json.Unmarshal(value, &s) == nil {
		return s
	}
	return string(value)
}
