package rig

import (
	"fmt"

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
	for _, c := range e.Calls {
		e.checkHeaders(c, "airudder.call.completed", c.Text("task_id")+"/"+c.Text("call_id")+"/0", c.Text("call_id"), ledgerID)
	}
	for _, s := range e.Changes {
		e.checkHeaders(s, "airudder.task.status-changed", fmt.Sprintf("%s/%d", s.Text("task_id"), s.Number("sequence")), s.Text("task_id"), ledgerID)
	}
	for _, l := range e.Letters {
		id := l.Text("call_id")
		subject := id
		if id == "" {
			id, subject = fmt.Sprint(l.Number("row_id")), l.Text("task_id")
		}
		e.checkHeaders(l, "airudder.call.dead-letter", l.Text("task_id")+"/"+id, subject, ledgerID)
	}
}

func (e *Evidence) checkHeaders(r Record, kind, id, subject, ledgerID string) {
	want := map[string]string{
		"ce_specversion": "1.0", "ce_type": kind, "ce_id": id, "ce_subject": subject,
		"ce_source":          e.Source + "/tasks/" + r.Text("task_id"),
		"ce_time":            r.Time("observed_at").UTC().Format("2006-01-02T15:04:05.000Z"),
		"content-type":       "application/avro",
		"airudder_ledger_id": ledgerID,
	}
	if e.Account != "" {
		want["airudder_account"] = e.Account
		want["ce_source"] = e.Source + "/accounts/" + e.Account + "/tasks/" + r.Text("task_id")
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
	case r.Topic != e.Topics.Events:
		return task
	case (e.EventKey == "" || e.EventKey == "row") && r.Fields["row_id"] != nil:
		return fmt.Sprintf("%s/%d", task, r.Number("row_id"))
	case r.Text(e.EventKey) != "":
		return r.Text(e.EventKey)
	}
	return task + "/" + r.Text("call_id")
}
