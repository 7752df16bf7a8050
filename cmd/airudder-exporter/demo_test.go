package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/demo"
	"airudder-exporter/internal/rig"
)

// The whole demo: the exporter as a child process, killed inside a transaction,
// and the count.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var stdout, stderr output
	ended := make(chan error, 1)
	go func() {
		ended <- demo.Run(ctx, demo.Options{
			Tasks: 3, Rate: 40, Kill: true, KillAfter: 500 * time.Millisecond, CatchUp: rig.Patience, Exporter: exporterProcess,
		}, &stdout, &stderr)
	}()
	deadline := time.After(rig.Patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for len(stdout.lines()) < 20 || !strings.Contains(stderr.String(), "RECOVERED in ") {
		select {
		case <-tick.C:
		case err := <-ended:
			t.Fatalf("the demo ended: %v\n%s", err, &stderr)
		case <-deadline:
			interrupt()
			t.Fatalf("the demo hangs with %d calls: %v\n%s", len(stdout.lines()), <-ended, &stderr)
		}
	}
	interrupt()
	if err := <-ended; err != nil {
		t.Fatalf("the demo ended: %v\n%s", err, &stderr)
	}
	for _, want := range []string{"status page      http://127.0.0.1:", "KILLED the exporter (process ", " · duplicates 0 · missing 0\n"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("the notices lack %q:\n%s", want, &stderr)
		}
	}
	checkDemoLines(t, stdout.lines())
}

// checkDemoLines holds the JSON lines of a demo against its count, the last one.
func checkDemoLines(t *testing.T, lines []string) {
	t.Helper()
	events, last := lines[:len(lines)-1], lines[len(lines)-1]
	calls := map[string]bool{}
	for _, line := range events {
		var c struct {
			CallID string    `json:"call_id"`
			Time   time.Time `json:"time"`
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil || c.CallID == "" || time.Since(c.Time) > time.Hour || calls[c.CallID] {
			t.Errorf("a bad line, or one printed twice: %v: %s", err, line)
		}
		calls[c.CallID] = true
	}
	var count struct{ Finished, Events, Duplicates, Missing *int }
	if err := json.Unmarshal([]byte(last), &count); err != nil || count.Missing == nil ||
		*count.Finished != len(events) || *count.Events != len(events) || *count.Duplicates+*count.Missing != 0 {
		t.Errorf("the last line is no count of the %d above: %v: %s", len(events), err, last)
	}
}
