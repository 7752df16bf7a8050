package prooftest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
)

// record is one that an Avro schema describes.
type record struct {
	*kgo.Record
	fields map[string]any
}

func (r record) text(name string) string    { s, _ := r.fields[name].(string); return s }
func (r record) number(name string) int64   { n, _ := r.fields[name].(int64); return n }
func (r record) time(name string) time.Time { t, _ := r.fields[name].(time.Time); return t }

// call is what the record is about: its call, or its task alone.
func (r record) call() airuddersim.CallKey {
	return airuddersim.CallKey{TaskID: r.text("task_id"), CallID: r.text("call_id")}
}

// row is what the record is about by its row's id.
func (r record) row() airuddersim.CallKey { return rowKey(r.text("task_id"), r.number("row_id")) }

func rowKey(taskID string, rowID int64) airuddersim.CallKey {
	return airuddersim.CallKey{TaskID: taskID, CallID: fmt.Sprintf("row %d", rowID)}
}

func (r record) String() string { return fmt.Sprintf("%s[%d]@%d", r.Topic, r.Partition, r.Offset) }

// entry is one record of the ledger, read as its interface in the README says.
type entry struct {
	*kgo.Record
	kind   string // call, row, task, meta, producer
	taskID string
	id     string // the CallID, or the row's key
	value  map[string]any
}

func (e entry) text(name string) string  { s, _ := e.value[name].(string); return s }
func (e entry) number(name string) int64 { n, _ := e.value[name].(float64); return int64(n) }

// time is a time of an entry; zero: not there.
func (e entry) time(name string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, e.text(name))
	return t
}

func (e entry) call() airuddersim.CallKey {
	return airuddersim.CallKey{TaskID: e.taskID, CallID: e.id}
}

// decodeAll reads all committed records of all topics.
func (c *checker) decodeAll() {
	d := newDecoder(c.w.registry)
	into := map[string]*[]record{c.w.topics.events: &c.calls, c.w.topics.status: &c.changes, c.w.topics.dead: &c.letters}
	for topic, list := range into {
		for _, r := range c.byTopic[topic].committed {
			fields, err := d.decode(r)
			if err != nil {
				c.wrong(airuddersim.CallKey{}, "%v", err)
				continue
			}
			*list = append(*list, record{r, fields})
		}
	}
	for _, r := range c.byTopic[c.w.topics.ledger].committed {
		e := entry{Record: r}
		kind, rest, _ := strings.Cut(string(r.Key), "/")
		e.kind = kind
		e.taskID, e.id, _ = strings.Cut(rest, "/")
		if r.Value != nil {
			if err := json.Unmarshal(r.Value, &e.value); err != nil {
				c.wrong(e.call(), "ledger entry %s: %v", r.Key, err)
			}
		}
		c.entries = append(c.entries, e)
	}
}

// checkRecords holds keys, partitions and headers against what is documented.
func (c *checker) checkRecords() {
	ledgerID := ""
	metas := map[int32]bool{}
	for _, e := range c.entries {
		if e.kind != "meta" {
			continue
		}
		if id := e.text("ledger_id"); ledgerID == "" {
			ledgerID = id
		} else if id != ledgerID {
			c.wrong(airuddersim.CallKey{}, "two ledgers in one: %s and %s", ledgerID, id)
		}
		metas[e.Partition] = true
	}
	if got, want := len(metas), c.w.shards; got != want || c.byTopic[c.w.topics.ledger].parts != want {
		c.wrong(airuddersim.CallKey{}, "partitions of the ledger with a meta entry: got %d, want %d", got, want)
	}
	for _, e := range c.calls {
		c.checkHeaders(e, "airudder.call.completed", e.text("task_id")+"/"+e.text("call_id")+"/0", e.text("call_id"), ledgerID)
	}
	for _, s := range c.changes {
		c.checkHeaders(s, "airudder.task.status-changed", fmt.Sprintf("%s/%d", s.text("task_id"), s.number("sequence")), s.text("task_id"), ledgerID)
	}
	for _, l := range c.letters {
		id := l.text("call_id")
		subject := id
		if id == "" {
			id, subject = fmt.Sprint(l.number("row_id")), l.text("task_id")
		}
		c.checkHeaders(l, "airudder.call.dead-letter", l.text("task_id")+"/"+id, subject, ledgerID)
	}
}

func (c *checker) checkHeaders(r record, kind, id, subject, ledgerID string) {
	want := map[string]string{
		"ce_specversion": "1.0", "ce_type": kind, "ce_id": id, "ce_subject": subject,
		"ce_source":          c.w.upstream.URL + "/tasks/" + r.text("task_id"),
		"ce_time":            r.time("observed_at").UTC().Format("2006-01-02T15:04:05.000Z"),
		"content-type":       "application/avro",
		"airudder_ledger_id": ledgerID,
	}
	for name, value := range want {
		if got := headerOf(r.Record, name); got != value {
			c.wrong(r.call(), "%s: header %s: got %q, want %q", r, name, got, value)
		}
	}
	if len(r.Headers) != len(want) {
		c.wrong(r.call(), "%s: got %d headers, want %d", r, len(r.Headers), len(want))
	}
	// franz-go's own partitioner, which agrees with Java's.
	parts := c.byTopic[r.Topic].parts
	to := kgo.StickyKeyPartitioner(nil).ForTopic(r.Topic).Partition(&kgo.Record{Key: r.Key}, parts)
	if int32(to) != r.Partition {
		c.wrong(r.call(), "%s: its key belongs into partition %d of %d", r, to, parts)
	}
	if key := c.keyOf(r); string(r.Key) != key {
		c.wrong(r.call(), "%s: got key %q, want %q", r, r.Key, key)
	}
}

// keyOf is a record's key, by the setting of KAFKA_EVENT_KEY.
func (c *checker) keyOf(r record) string {
	switch {
	case r.Topic != c.w.topics.events:
		return r.text("task_id")
	case c.w.eventKey != "" && r.text(c.w.eventKey) != "":
		return r.text(c.w.eventKey)
	}
	return r.text("call_id")
}
