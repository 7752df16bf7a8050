package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
			ctx, cancel := context.WithTimeout(t.Context(), patience)
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
