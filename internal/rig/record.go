package rig

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
)

// Record is one that an Avro schema describes.
type Record struct {
	*kgo.Record
	Fields map[string]any
}

// Text, Number and Time are fields; zero: null, or of another type.
func (r Record) Text(name string) string    { s, _ := r.Fields[name].(string); return s }
func (r Record) Number(name string) int64   { n, _ := r.Fields[name].(int64); return n }
func (r Record) Time(name string) time.Time { t, _ := r.Fields[name].(time.Time); return t }

// Call is what the record is about: its call, or its task alone.
func (r Record) Call() airuddersim.CallKey {
	return airuddersim.CallKey{TaskID: r.Text("task_id"), CallID: r.Text("call_id")}
}

// row is what the record is about by its row's id.
func (r Record) row() airuddersim.CallKey { return rowKey(r.Text("task_id"), r.Number("row_id")) }

func rowKey(taskID string, rowID int64) airuddersim.CallKey {
	return airuddersim.CallKey{TaskID: taskID, CallID: fmt.Sprintf("row %d", rowID)}
}

// Resolved reports whether a dead letter is the end of one.
func (r Record) Resolved() bool { b, _ := r.Fields["resolved"].(bool); return b }

// letterKey is what the ledger knows a dead letter by: its call, or its row.
func (r Record) letterKey() airuddersim.CallKey {
	key := r.Text("key")
	if key != r.Text("call_id") {
		key = "row " + key
	}
	return airuddersim.CallKey{TaskID: r.Text("task_id"), CallID: key}
}

// Seal is the seal in a status record; false: it is a transition.
func (r Record) Seal() (Record, bool) {
	fields, ok := r.Fields["seal"].(map[string]any)
	return Record{r.Record, fields}, ok
}

func (r Record) String() string { return fmt.Sprintf("%s[%d]@%d", r.Topic, r.Partition, r.Offset) }

// Entry is one record of the ledger, read by its documented form.
type Entry struct {
	*kgo.Record
	Kind   string // call, row, task, meta, producer
	TaskID string
	ID     string // the CallID, or the row's key
	Value  map[string]any
}

// ReadEntry reads a record of the ledger.
func ReadEntry(r *kgo.Record) (e Entry, err error) {
	kind, rest, _ := strings.Cut(string(r.Key), "/")
	taskID, id, _ := strings.Cut(rest, "/")
	e = Entry{Record: r, Kind: kind, TaskID: taskID, ID: id}
	if r.Value != nil {
		err = json.Unmarshal(r.Value, &e.Value)
	}
	return e, err
}

// Text, Number and Time are fields of the value; zero: not there.
func (e Entry) Text(name string) string  { s, _ := e.Value[name].(string); return s }
func (e Entry) Number(name string) int64 { n, _ := e.Value[name].(float64); return int64(n) }
func (e Entry) Time(name string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, e.Text(name))
	return t
}

// publication reports whether the entry says that something was published, or
// takes that back: a tombstone.
func (e Entry) publication() bool { return e.Kind == "call" || e.Kind == "row" }

func (e Entry) call() airuddersim.CallKey {
	if e.Kind == "row" {
		return airuddersim.CallKey{TaskID: e.TaskID, CallID: "row " + e.ID}
	}
	return airuddersim.CallKey{TaskID: e.TaskID, CallID: e.ID}
}

// KeyOf is the call, or the row, that a record's ce_id names.
func KeyOf(r *kgo.Record) airuddersim.CallKey {
	taskID, id, _ := strings.Cut(Header(r, "ce_id"), "/")
	if letter, is := strings.CutPrefix(id, "dead/"); is && Header(r, "ce_type") == typeLetter {
		return airuddersim.CallKey{TaskID: taskID, CallID: strings.TrimSuffix(letter, "/resolved")}
	}
	return airuddersim.CallKey{TaskID: taskID, CallID: strings.TrimSuffix(id, "/0")}
}

// ShardOf is the shard in which a task lives, by franz-go's own partitioner,
// which agrees with Java's.
func ShardOf(taskID string, shards int) int { return partitionOf([]byte(taskID), shards) }

func partitionOf(key []byte, partitions int) int {
	return kgo.StickyKeyPartitioner(nil).ForTopic("").Partition(&kgo.Record{Key: key}, partitions)
}
