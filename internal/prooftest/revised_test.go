package prooftest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// TestRevisions plays campaigns whose rows get their labels late, are corrected, and
// corrected and restored, while exporters are killed: of each call the changes are
// published in their order, each once, and the last says what the row says.
func TestRevisions(t *testing.T) {
	t.Parallel()
	for _, preset := range []string{"open", "lender"} {
		t.Run(preset, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, changing(93), nil)
			w.Topics.Changes()
			var settings []string
			if preset == "lender" {
				settings = w.lender()
			}
			one := w.exporter("one", settings...)
			w.play(10)
			one.Start()
			for range 6 {
				w.awaitMore(6)
				one.Kill()
				one.Start()
			}
			rig.Eventually(t, "ten revisions, without which this test shows nothing", rig.Patience, func() bool {
				return len(w.Read(w.Topics.Revised).Committed) >= 10
			})
			w.stop()
			w.awaitEvents()
			w.awaitSaid()
			w.settle()
			e := w.check(nil)
			t.Logf("%d revisions of %d events", len(e.Revised), len(e.Calls))
		})
	}
}

// TestNoFloodOfRevisions switches revisions on where events were published before, with
// another key of the tokens, and off and on again: what was published before is noted
// without a revision, and each change after that is one.
func TestNoFloodOfRevisions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, airuddersim.Config{Seed: 94}, nil)
	id := w.Sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: airuddersim.FinishedRows(20)})
	off := w.exporter("off")
	w.Topics.Changes()
	on, keyed := w.exporter("on"), w.exporter("keyed", "PRIVACY_KEY="+tokenKey)
	change := func(row int) {
		t.Helper()
		if err := w.Sim.ChangeFinishedRow(id, row); err != nil {
			t.Fatal(err)
		}
	}
	var metrics string
	until := func(c *child, what string) {
		t.Helper()
		rig.Eventually(t, what, rig.Patience, func() bool {
			_, metrics = c.Page("/metrics")
			return hasLine(metrics, what)
		})
	}
	off.Start()
	w.awaitMore(20)
	change(0)
	until(off, "airudder_late_changes_total 1")
	off.Terminate()

	on.Start()
	until(on, "airudder_revisions_begun_total 20")
	change(1)
	until(on, "airudder_revisions_total 1")
	if !hasLine(metrics, "airudder_late_changes_total 0") {
		t.Error("a change that is published is counted as one that is not")
	}
	on.Kill()
	on.Start()
	change(1)
	until(on, "airudder_revisions_total 1")
	if !hasLine(metrics, "airudder_revisions_begun_total 0") {
		t.Error("a restart does not know what was published")
	}
	on.Terminate()

	keyed.Start()
	until(keyed, "airudder_revisions_begun_total 20")
	change(2)
	until(keyed, "airudder_revisions_total 1")
	w.settle()
	if e := w.check(nil); len(e.Revised) != 3 {
		t.Errorf("%d revisions, want those of three changes", len(e.Revised))
	}
}

// TestManyRevisions changes a row more often than it is published again.
func TestManyRevisions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, airuddersim.Config{Seed: 95}, nil)
	id := w.Sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: airuddersim.FinishedRows(3)})
	w.Topics.Changes()
	one := w.exporter("one")
	one.Start()
	w.awaitMore(3)
	for n := range 22 {
		if err := w.Sim.ChangeFinishedRow(id, 1); err != nil {
			t.Fatal(err)
		}
		rig.Eventually(t, "the change to be counted", rig.Patience, func() bool {
			_, metrics := one.Page("/metrics")
			return hasLine(metrics, fmt.Sprint("airudder_revisions_total ", min(n+1, 20))) &&
				hasLine(metrics, fmt.Sprint("airudder_revisions_left_out_total ", max(0, n+1-20)))
		})
	}
	w.settle()
	e := w.Evidence(nil)
	e.Decode(rig.NewDecoder(w.Registry).Decode)
	if len(e.Revised) != 20 || len(e.Calls) != 3 {
		t.Errorf("%d revisions of %d events, want 20 of 3", len(e.Revised), len(e.Calls))
	}
}

// changing is campaigns whose rows change after they finished.
func changing(seed uint64) airuddersim.Config {
	cfg := renewed(seed)
	cfg.Oddities = map[airuddersim.Oddity]string{airuddersim.LateChanges: "15s"}
	return cfg
}

// awaitSaid waits until the last that was published of each call has its row's label.
func (w *world) awaitSaid() {
	w.T.Helper()
	decoder := rig.NewDecoder(w.Registry)
	behind := ""
	defer func() {
		if behind != "" {
			w.T.Log(behind)
		}
	}()
	rig.Eventually(w.T, "the labels that the rows have", rig.Patience, func() bool {
		e := w.Evidence(nil)
		e.Decode(decoder.Decode)
		behind = e.Behind()
		return behind == ""
	})
}

func hasLine(text, line string) bool { return slices.Contains(strings.Split(text, "\n"), line) }
