package rig

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"airudder-exporter/internal/airuddersim"
)

// revised is the call in a CallRevised.
func (r Record) revised() Record {
	fields, _ := r.Fields["call"].(map[string]any)
	return Record{r.Record, fields}
}

// checkRevised holds what became of events against these and against the truth: of each
// call 1, 2, 3 … in their order, each says something else than the one before, and
// nothing that the row did not say, in the order in which it said it. Once all is
// settled the last one says what the row says.
func (e *Evidence) checkRevised() {
	if e.Topics.Revised == "" {
		return
	}
	said := e.said(func(r, now Record, before []Record) {
		if len(before) == 0 {
			e.wrong(now.Call(), "%s: a revision of no event", r)
			return
		}
		e.checkRevision(r, now, before)
	})
	last := map[airuddersim.CallKey]int64{}
	for _, entry := range e.Entries {
		if entry.Kind == "call" && entry.Value != nil {
			last[entry.call()] = entry.Number("revision")
		}
	}
	for key, n := range last {
		if got := int64(len(said[key]) - 1); len(said[key]) > 0 && n != got {
			e.wrong(key, "ledger: the last revision is %d, and %d are published", n, got)
		}
	}
	for _, task := range e.Truth.Tasks {
		for _, of := range task.Calls {
			key := airuddersim.CallKey{TaskID: task.TaskID, CallID: of.CallID}
			if len(said[key]) > 0 && of.Current && len(of.Versions) > 0 {
				e.checkVersions(key, said[key], of.Versions)
			}
		}
	}
}

// said is what was published of each call, in its order. visit is shown each revision
// with what was published before it.
func (e *Evidence) said(visit func(r, now Record, before []Record)) map[airuddersim.CallKey][]Record {
	said := map[airuddersim.CallKey][]Record{}
	for _, c := range e.Calls {
		said[c.Call()] = []Record{c}
	}
	for _, r := range slices.SortedFunc(slices.Values(e.Revised), func(a, b Record) int { return byPlace(a.Record, b.Record) }) {
		now := r.revised()
		visit(r, now, said[now.Call()])
		said[now.Call()] = append(said[now.Call()], now)
	}
	return said
}

// Behind names a call of which the last that was published does not have its row's
// label; empty: there is none.
func (e *Evidence) Behind() string {
	said := e.said(func(Record, Record, []Record) {})
	for _, task := range e.Truth.Tasks {
		for _, of := range task.Calls {
			all := said[airuddersim.CallKey{TaskID: task.TaskID, CallID: of.CallID}]
			if len(all) == 0 || !of.Current || len(of.Versions) == 0 {
				continue
			}
			if got, want := all[len(all)-1].Text("intention"), of.Versions[len(of.Versions)-1].Intention; got != want {
				return fmt.Sprintf("call %s of task %s says %q, and the last that was published %q", of.CallID, task.TaskID, want, got)
			}
		}
	}
	return ""
}

// checkRevision holds one revision against the event and the revisions before it; its
// headers, key and partition are those of any record.
func (e *Evidence) checkRevision(r, now Record, before []Record) {
	event, last := before[0], before[len(before)-1]
	if got, want := r.Number("revision"), int64(len(before)); got != want {
		e.wrong(now.Call(), "%s: revision %d, want %d", r, got, want)
	}
	if string(r.Key) != string(event.Key) {
		e.wrong(now.Call(), "%s: key %q, but %q of the event", r, r.Key, event.Key)
	}
	if now.Number("task_sequence") != event.Number("task_sequence") {
		e.wrong(now.Call(), "%s: number %d, but %d of the event", r, now.Number("task_sequence"), event.Number("task_sequence"))
	}
	if e.Privacy == "" && reflect.DeepEqual(ofRow(now), ofRow(last)) { // else what changed may be hidden
		e.wrong(now.Call(), "%s: says what %s said", r, last)
	}
}

// ofRow are the documented fields of a call that are its row's own.
func ofRow(c Record) map[string]any {
	fields := maps.Clone(c.Fields)
	for name := range fields {
		switch name {
		case "observed_at", "occurred_at", "additional_fields", "task_name", "task_status", "robot_method", "task_robot_id",
			"sip_line", "schedule_start_time", "schedule_end_time", "repeat_interval", "repeat_number":
			delete(fields, name)
		}
	}
	return fields
}

// checkVersions holds what was published of a call against what its row said, by the
// label, which is what changes.
func (e *Evidence) checkVersions(key airuddersim.CallKey, said []Record, versions []airuddersim.Version) {
	at := 0
	for _, record := range said {
		label := record.Text("intention")
		if label == "" { // which may be of a type that it should not be
			continue
		}
		for at < len(versions) && versions[at].Intention != label {
			at++
		}
		if at == len(versions) {
			e.wrong(key, "%s: says %q, which the row did not say after what was published before", record, label)
			return
		}
	}
	last := versions[len(versions)-1]
	if got := said[len(said)-1].Text("intention"); e.Settled && last.Shown && got != "" && got != last.Intention {
		e.wrong(key, "the row says %q, and the last that was published %q", last.Intention, got)
	}
}
