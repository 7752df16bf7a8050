package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// A demo of which a part cannot go on ends by itself and says which.
func TestDemoEndsByItself(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	kept := t.TempDir()
	demo(t, demoOptions{tasks: 3, rate: 40, dataDir: kept}, "Ctrl-C")
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, w *world)
		want  string
		says  string
	}{
		{"the exporter", func(t *testing.T, w *world) { w.breakLedger(t) }, "the exporter ended 5 times in a row and published nothing", "ledger refused"},
		{"the reader", func(_ *testing.T, w *world) { w.registry.Close() }, "the demo's own reader ended: ", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := demoOptions{tasks: 3, rate: 40, dataDir: filepath.Join(t.TempDir(), "copy")}
			if err := os.CopyFS(o.dataDir, os.DirFS(kept)); err != nil {
				t.Fatal(err)
			}
			w, err := openWorld(o)
			if err != nil {
				t.Fatal(err)
			}
			defer w.close()
			tt.spoil(t, w)
			var stdout, stderr output
			say := &notices{w: &stderr}
			ctx, cancel := context.WithTimeout(t.Context(), rig.Patience)
			defer cancel()
			err = w.play(ctx, newChild(w.childEnv(), say), newWatch(&stdout), say)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("it ended with %v, want %s", err, tt.want)
			}
			if !strings.Contains(stderr.String(), tt.says) {
				t.Errorf("it does not say %q:\n%s", tt.says, &stderr)
			}
		})
	}
}

// breakLedger removes the ledger from under the broker.
func (w *world) breakLedger(t *testing.T) {
	t.Helper()
	if err := w.broker.Cluster().DeleteTopic("airudder.call-ledger"); err != nil {
		t.Fatal(err)
	}
}

// Only a proof of some calls is one.
func TestDemoCounts(t *testing.T) {
	for _, tt := range []struct {
		name     string
		finished int
		topic    bool // there is one, and it is empty
		want     string
		says     string
	}{
		{"interrupted before the exporter had a topic", 0, false, "no call had finished", ""},
		{"interrupted before a call finished", 0, true, "no call had finished", ""},
		{"no topic for what finished", 2, false, "count the events: ", ""},
		{"nothing was published", 2, true, "the proof does not hold", "finished 2 · events 0 · duplicates 0 · missing 2\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, err := openWorld(demoOptions{tasks: 1, rate: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer w.close()
			w.sim = airuddersim.New(airuddersim.Config{})
			w.sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: airuddersim.FinishedRows(tt.finished)})
			if tt.topic {
				if err := w.broker.Cluster().CreateTopic(demoTopic, 1, nil); err != nil {
					t.Fatal(err)
				}
			}
			var stderr output
			err = w.count(t.Context(), &notices{w: &stderr})
			if err == nil || !strings.Contains(err.Error(), tt.want) || stderr.String() != tt.says {
				t.Errorf("it says %q and ends with %v, want %q and %s", &stderr, err, tt.says, tt.want)
			}
		})
	}
}
