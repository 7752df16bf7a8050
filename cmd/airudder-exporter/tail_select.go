package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/ledger"
)

// selection is which records of a topic are meant.
type selection struct {
	stretch kafka.Stretch
	task    string
	where   conditions
}

// flags are the options that select.
func (s *selection) flags(cmd *cobra.Command, now time.Time) {
	set := cmd.Flags()
	taskFlag(cmd, &s.task)
	s.where.flag(cmd)
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
	}
	of.ToEnd = of.ToEnd || !of.Until.IsZero() // nothing that comes from now on was published before
	of.FromStart = of.FromStart || of.ToEnd && of.Since.IsZero()
	return s.where.check(t)
}

// takes reports whether a record is meant. Its time was looked at before.
func (s *selection) takes(m kafka.Message, of fields) bool {
	if s.task != "" && s.task != of.text("task_id") && s.task != taskOfEntry(m.Key) {
		return false
	}
	return s.where.hold(of)
}

// taskOfEntry is the task that an entry of the ledger is about; empty: none.
func taskOfEntry(key []byte) string {
	e, _ := ledger.ParseEntry(key, nil)
	return e.TaskID
}
