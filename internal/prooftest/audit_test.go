package prooftest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// audited is what an audit says, as far as the tests look at it.
type audited struct {
	Clean    bool             `json:"clean"`
	Closed   int              `json:"closed_tasks"`
	Counts   map[string]int64 `json:"counts"`
	Seals    int64            `json:"seals"`
	Unjudged int64            `json:"seals_not_judged"`
	Findings []finding        `json:"findings"`
	Others   int64            `json:"records_of_other_ledgers"`
}

type finding struct {
	Class  string   `json:"class"`
	TaskID string   `json:"task_id"`
	CallID string   `json:"call_id"`
	Calls  []string `json:"call_ids"`
	Events []struct {
		Partition int32
		Offset    int64
	} `json:"events"`
	Text string `json:"text"`
}

// found are the classes of what was counted, but for ok.
func (a audited) found() string {
	var all []string
	for class, n := range a.Counts {
		if n > 0 && class != "ok" {
			all = append(all, fmt.Sprint(class, " ", n))
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// auditor is a program beside the exporters, which nobody kills by mistake.
func (w *world) auditor(settings ...string) *rig.Exporter {
	w.T.Helper()
	return rig.NewExporter(w.T, "auditor", w.Environment(settings...))
}

// audit runs an audit to its end.
func audit(a *rig.Exporter, code int, args ...string) (said audited) {
	a.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), rig.Patience)
	defer cancel()
	cmd := a.Command(ctx, append([]string{"audit", "--json"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, _ := cmd.Output() // its exit code is looked at
	got := cmd.ProcessState.ExitCode()
	if err := json.Unmarshal(out, &said); err != nil || got != code {
		text, _ := json.MarshalIndent(said.Findings, "", " ")
		a.T.Errorf("audit: got exit code %d (%v), want %d; %v\n%s\n%s", got, err, code, said.Counts, text, &stderr)
	}
	return said
}

// killedAudit kills an audit after a while, if it has not ended by then.
func killedAudit(a *rig.Exporter, after time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), after)
	defer cancel()
	_ = a.Command(ctx, "audit").Run() // whatever becomes of it
}

// TestAuditBesideKills audits again and again while a group of exporters is killed, tasks
// are sealed, closed and begin, dead letters heal, changes are published and, on a real
// broker, the cleaner works: there is never a finding. Audits that are killed leave nothing
// behind.
func TestAuditBesideKills(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d shards", shards), func(t *testing.T) {
			t.Parallel()
			cfg := renewed(uint64(70 + shards))
			cfg.FaultRates = everyFifth()
			cfg.Oddities = map[airuddersim.Oddity]string{airuddersim.LateChanges: "20s", airuddersim.Heals: "20s"}
			w := newWorld(t, cfg, nil)
			w.Topics.Changes()
			settings := append(w.lender(), "KAFKA_ASSIGNMENT=group", fmt.Sprint("KAFKA_LEDGER_PARTITIONS=", shards),
				"AIRUDDER_POLL_AFTER_END=1s", "LEDGER_RETENTION=2s")
			if w.Real && shards > 1 {
				w.Create(w.Topics.Ledger, shards, hasty...)
			}
			for i := range 2 {
				w.exporter(fmt.Sprint("exporter-", i+1), settings...)
			}
			auditor := w.auditor(settings...)
			k := newKiller(w, uint64(shards))
			k.calm = true
			w.play(10)
			stop, audits, rnd := make(chan struct{}), 0, rand.New(rand.NewPCG(uint64(shards), 3))
			var running sync.WaitGroup
			running.Go(func() {
				w.awaitMore(1)
				for {
					select {
					case <-stop:
						return
					default:
						audit(auditor, 0)
						audits++
						killedAudit(auditor, time.Duration(rnd.IntN(100))*time.Millisecond)
					}
				}
			})
			k.run(killsOr(t, 20, 40) / 2)
			close(stop)
			running.Wait()
			w.settle()
			last := audit(auditor, 0)
			t.Logf("%d audits beside %d kills, the last one: %v, %d seals, %d closed tasks", audits, k.kills, last.Counts, last.Seals, last.Closed)
			proof := w.Sim.Truth().Check(w.Published())
			if last.Counts["ok"] != int64(proof.Events) || last.found() != "" && last.Counts["dead_letter"] == 0 {
				t.Errorf("got %v, want %d ok", last.Counts, proof.Events)
			}
			if audits < 20 || last.Seals == 0 || last.Closed == 0 {
				t.Errorf("%d audits, %d seals, %d closed tasks: this shows nothing", audits, last.Seals, last.Closed)
			}
		})
	}
}
