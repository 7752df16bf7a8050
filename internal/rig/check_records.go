package rig

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"airudder-exporter/internal/airuddersim"
)

// checkRecords holds keys, partitions and headers against what is documented.
func (e *Evidence) checkRecords() {
	ledgerID := ""
	metas := map[int32]bool{}
	for _, entry := range e.Entries {
		if entry.Kind != "meta" {
			continue
		}
		if id := entry.Text("ledger_id"); ledgerID == "" {
			ledgerID = id
		} else if id != ledgerID {
			e.wrong(airuddersim.CallKey{}, "two ledgers in one: %s and %s", ledgerID, id)
		}
		metas[entry.Partition] = true
	}
	if got, want := len(metas), e.Shards; got != want || e.ByTopic[e.Topics.Ledger].Parts != want {
		e.wrong(airuddersim.CallKey{}, "partitions of the ledger with a meta entry: got %d, want %d", got, want)
	}
	ids := map[string]bool{}
	own := func(r Record, kind, id, subject string, occurred time.Time, more ...string) {
		if id = r.Text("task_id") + "/" + id; ids[id] {
			e.wrong(r.Call(), "%s: another record has the ce_id %s, too", r, id)
		}
		ids[id] = true
		e.checkHeaders(r, append(more, "ce_type", kind, "ce_id", id, "ce_subject", subject,
			"ce_time", inHeader(occurred), "airudder_ledger_id", ledgerID))
	}
	ofCall := func(c Record, kind string, revision int64) {
		own(c, kind, fmt.Sprintf("%s/%d", c.Text("call_id"), revision), c.Text("call_id"), c.Time("occurred_at"),
			"ce_sequence", fmt.Sprint(c.Number("task_sequence")), "airudder_privacy", cmp.Or(e.Privacy, openPrivacy))
	}
	for _, c := range e.Calls {
		ofCall(c, "airudder.call.completed", 0)
	}
	for _, r := range e.Revised {
		ofCall(r.revised(), "airudder.call.revised", r.Number("revision"))
	}
	for _, s := range e.Changes {
		own(s, "airudder.task.status-changed", fmt.Sprintf("status/%d", s.Number("sequence")), s.Text("task_id"), s.Time("observed_at"))
	}
	for _, l := range e.Letters {
		id := "dead/" + l.Text("key")
		if l.Resolved() {
			id += "/resolved"
		}
		own(l, typeLetter, id, cmp.Or(l.Text("call_id"), l.Text("task_id")), l.Time("observed_at"))
	}
}

// typeLetter is a dead letter's ce_type.
const typeLetter = "airudder.call.dead-letter"

// inHeader is a time as the headers have it.
func inHeader(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// checkHeaders holds a record's headers against those that all have, and its own,
// given as names and values; and its key and partition.
func (e *Evidence) checkHeaders(r Record, own []string) {
	want := map[string]string{
		"ce_specversion":  "1.0",
		"ce_source":       e.Source + "/tasks/" + r.Text("task_id"),
		"ce_recordedtime": inHeader(r.Time("observed_at")),
		"content-type":    "application/avro",
	}
	for pair := range slices.Chunk(own, 2) {
		want[pair[0]] = pair[1]
	}
	if e.Account != "" {
		want["airudder_account"] = e.Account
		want["ce_source"] = e.Source + "/accounts/" + e.Account + "/tasks/" + r.Text("task_id")
	}
	if got := r.Text("account"); got != e.Account {
		e.wrong(r.Call(), "%s: got account %q, want %q", r, got, e.Account)
	}
	for name, value := range want {
		if got := Header(r.Record, name); got != value {
			e.wrong(r.Call(), "%s: header %s: got %q, want %q", r, name, got, value)
		}
	}
	if len(r.Headers) != len(want) {
		e.wrong(r.Call(), "%s: got %d headers, want %d", r, len(r.Headers), len(want))
	}
	parts := e.ByTopic[r.Topic].Parts
	if to := partitionOf(r.Key, parts); int32(to) != r.Partition {
		e.wrong(r.Call(), "%s: its key belongs into partition %d of %d", r, to, parts)
	}
	if key := e.keyOf(r); string(r.Key) != key {
		e.wrong(r.Call(), "%s: got key %q, want %q", r, r.Key, key)
	}
}

// keyOf is a record's key, by the setting of KAFKA_EVENT_KEY.
func (e *Evidence) keyOf(r Record) string {
	task := r.Text("task_id")
	switch {
	case r.Topic != e.Topics.Events && r.Topic != e.Topics.Revised:
		return task
	case (e.EventKey == "" || e.EventKey == "row") && r.Fields["row_id"] != nil:
		return fmt.Sprintf("%s/%d", task, r.Number("row_id"))
	case r.Text(e.EventKey) != "":
		return r.Text(e.EventKey)
	}
	return task + "/" + r.Text("call_id")
}
