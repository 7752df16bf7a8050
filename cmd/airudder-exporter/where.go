package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// conditions are what --where says of a value's fields. All of them must hold.
type conditions []condition

// condition is a field and the text of its value.
type condition struct{ field, value string }

func (c *conditions) flag(cmd *cobra.Command) {
	cmd.Flags().Func("where", "only records with `FIELD=VALUE`, as in intention=A, where null is empty; given more than once, all must hold",
		func(text string) error {
			field, value, ok := strings.Cut(text, "=")
			if !ok || field == "" {
				return errors.New("give field=value")
			}
			*c = append(*c, condition{field, value})
			return nil
		})
}

// check holds the fields against those that there are.
func (c conditions) check(t tailable) error {
	if len(c) > 0 && t.schema == nil {
		return fmt.Errorf("--where: the records of --topic %s have no schema: leave it out, or select with --task", t.name)
	}
	known := t.fields()
	for _, one := range c {
		if !slices.Contains(known, one.field) {
			return fmt.Errorf("--where %s: --topic %s has no such field: give one of %s", one.field, t.name, strings.Join(known, ", "))
		}
	}
	return nil
}

// hold reports whether all hold for a value.
func (c conditions) hold(of fields) bool {
	return !slices.ContainsFunc(c, func(one condition) bool { return of.text(one.field) != one.value })
}

// texts are the conditions as they were given.
func (c conditions) texts() (all []string) {
	for _, one := range c {
		all = append(all, one.field+"="+one.value)
	}
	return all
}

func taskFlag(cmd *cobra.Command, task *string) {
	cmd.Flags().Func("task", "only records of the task with this `TASKID`", func(id string) error {
		if *task = id; id == "" {
			return errors.New("give a TaskID")
		}
		return nil
	})
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
