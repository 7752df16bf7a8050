package prooftest

import (
	"bytes"
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"airudder-exporter/internal/rig"
)

// end runs a command in an exporter's place until it ends, and returns all that
// it printed. Where a request is the one, the command is killed before that
// request goes on; its exit code is -1 then.
func (c *child) end(at func(*request) bool, code int, args ...string) string {
	c.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), rig.Patience)
	defer cancel()
	cmd := c.Command(ctx, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	started := make(chan struct{})
	if at != nil {
		c.net.arm(func(r *request) (f fate) {
			if at(r) {
				f.before, f.lose = func() { <-started; _ = cmd.Process.Kill() }, true
			}
			return f
		})
	}
	if err := cmd.Start(); err != nil {
		c.T.Fatal(err)
	}
	close(started)
	err := cmd.Wait()
	c.net.arm(nil)
	c.net.forget()
	if got := cmd.ProcessState.ExitCode(); got != code {
		c.T.Errorf("%s: got exit code %d (%v), want %d; it said\n%s", strings.Join(args, " "), got, err, code, &out)
	}
	return out.String()
}

// live are a ledger's entries as a reader has them in the end, by their keys.
// The singular ones are any partition's.
func live(h rig.History) map[string]map[string]any {
	entries := map[string]map[string]any{}
	for _, r := range h.Committed {
		var value map[string]any
		if r.Value == nil || json.Unmarshal(r.Value, &value) != nil {
			delete(entries, string(r.Key))
			continue
		}
		entries[string(r.Key)] = value
	}
	return entries
}

// compare holds the ledger that was made anew against the one that was lost,
// entry by entry.
func (l *loss) compare() {
	l.T.Helper()
	got, want := live(l.Read(l.Topics.Ledger)), l.expected()
	for key, value := range got { // what a task's entry tells as of when it was written
		if strings.HasPrefix(key, "task/") && len(value) == 1 && value["events"] != nil && want[key] == nil {
			delete(got, key)
		}
	}
	for _, prefix := range []string{"call/", "row/", "task/"} {
		gotKeys, wantKeys := keysOf(got, prefix), keysOf(want, prefix)
		if !reflect.DeepEqual(gotKeys, wantKeys) {
			l.T.Errorf("%s: got %d entries, want %d:\n%v\n%v", prefix, len(gotKeys), len(wantKeys), gotKeys, wantKeys)
			continue
		}
		for _, key := range wantKeys {
			if prefix == "task/" {
				_, closed := want[key]["closed_at"]
				if _, is := got[key]["closed_at"]; is && closed {
					got[key]["closed_at"] = want[key]["closed_at"]
				}
				if before, _ := want[key]["events"].(float64); got[key]["events"] != nil && got[key]["events"].(float64) >= before {
					want[key]["events"] = got[key]["events"]
				}
			}
			delete(want[key], "limit") // no record tells of it
			delete(got[key], "limit")
			if !reflect.DeepEqual(got[key], want[key]) {
				l.T.Errorf("%s: got %v, want %v", key, got[key], want[key])
			}
		}
	}
	l.T.Logf("made anew: %d calls, %d rows, %d tasks", len(keysOf(got, "call/")), len(keysOf(got, "row/")), len(keysOf(got, "task/")))
	if len(keysOf(got, "row/")) == 0 || len(keysOf(got, "call/")) == 0 {
		l.T.Error("there is no dead letter or no call: nothing was proved")
	}
	l.compareMeta(got["meta"])
}

// expected is the lost ledger without what no topic tells, and with each seal
// that has outlived the retention closed.
func (l *loss) expected() map[string]map[string]any {
	want := map[string]map[string]any{}
	closed := map[string]bool{}
	for key, value := range l.entries {
		kind, taskID, _ := strings.Cut(key, "/")
		if kind == "task" {
			delete(value, "list_print")
		}
		if kind == "task" && value["sealed_at"] != nil && l.retention < time.Minute {
			closed[taskID] = true
			if value["closed_at"] == nil {
				value["closed_at"] = "by the rebuild"
			}
		}
	}
	for key, value := range l.entries {
		kind, rest, _ := strings.Cut(key, "/")
		taskID, _, _ := strings.Cut(rest, "/")
		switch {
		case kind == "call" || kind == "row":
			if closed[taskID] {
				continue
			}
			value["row"] = "0000000000000000"
		case kind != "task":
			continue
		}
		want[key] = value
	}
	return want
}

func (l *loss) compareMeta(got map[string]any) {
	l.T.Helper()
	want := l.entries["meta"]
	for _, name := range []string{"format", "ledger_id", "partitions", "event_topic", "event_key", "account", "source", "detail_path", "privacy", "reach"} {
		if got[name] != want[name] {
			l.T.Errorf("meta: %s: got %v, want %v", name, got[name], want[name])
		}
	}
	since, _ := time.Parse(time.RFC3339Nano, want["export_since"].(string))
	now, err := time.Parse(time.RFC3339Nano, got["export_since"].(string))
	if err != nil || now.Before(since) || now.After(since.Add(time.Hour)) {
		l.T.Errorf("meta: export_since: got %v, want %v or a little later", now, since)
	}
}
