package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"airudder-exporter/schemas"
)

// tailable is a topic as tail knows it.
type tailable struct {
	name    string // as --topic has it
	topic   func(Topics) string
	setting string        // that names it
	schema  func() string // nil: the values are JSON, which needs no registry
	inner   string        // a field that holds a record, whose fields count as the value's own
	columns []column      // for people
}

var tailables = []tailable{
	{name: "events", topic: func(t Topics) string { return t.CallCompleted }, setting: "EventTopic", schema: schemas.CallCompleted, columns: callColumns},
	{name: "status", topic: func(t Topics) string { return t.TaskStatus }, setting: "StatusTopic", schema: schemas.TaskStatusChanged, columns: statusColumns},
	{name: "dead-letters", topic: func(t Topics) string { return t.DeadLetter }, setting: "DeadLetterTopic", schema: schemas.DeadLetter, columns: letterColumns},
	{name: "private", topic: func(t Topics) string { return t.CallPrivate }, setting: "PrivateTopic", schema: schemas.CallPrivate, columns: privateColumns},
	{name: "revised", topic: func(t Topics) string { return t.CallRevised }, setting: "RevisedTopic", schema: schemas.CallRevised, inner: "call", columns: revisedColumns},
	{name: "ledger", topic: func(t Topics) string { return t.Ledger }, setting: "LedgerTopic"},
}

// tailedTopic finds a topic by what --topic says.
func tailedTopic(name string) (tailable, error) {
	var names []string
	for _, t := range tailables {
		if t.name == name {
			return t, nil
		}
		names = append(names, t.name)
	}
	return tailable{}, fmt.Errorf("--topic: %q is none of %s", name, strings.Join(names, ", "))
}

// record is the full name of the values' Avro type.
func (t tailable) record() string {
	var of struct{ Namespace, Name string }
	_ = json.Unmarshal([]byte(t.schema()), &of) // tests hold the schemas to JSON
	return of.Namespace + "." + of.Name
}

// fields are the names that a value's fields can have, in the schema's order.
func (t tailable) fields() (names []string) {
	if t.schema == nil {
		return nil
	}
	type avro struct {
		Fields []struct {
			Name string          `json:"name"`
			Type json.RawMessage `json:"type"`
		} `json:"fields"`
	}
	var value avro
	_ = json.Unmarshal([]byte(t.schema()), &value) // tests hold the schemas to JSON
	for _, f := range value.Fields {
		names = append(names, f.Name)
		if f.Name == t.inner {
			var within avro
			_ = json.Unmarshal(f.Type, &within)
			for _, f := range within.Fields {
				names = append(names, f.Name)
			}
		}
	}
	return names
}

// read takes a decoded value apart. One that is no object has no fields: a tombstone.
func (t tailable) read(value []byte) fields {
	all := fields{}
	_ = json.Unmarshal(value, &all)
	if t.inner != "" {
		within := fields{}
		_ = json.Unmarshal(all[t.inner], &within)
		maps.Copy(all, within)
	}
	return all
}

// filled are the names of the fields that have a value, but for some.
func (f fields) filled(but ...string) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if f.text(name) != "" && !slices.Contains(but, name) {
			names = append(names, name)
		}
	}
	return names
}
