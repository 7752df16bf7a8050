package prooftest

import (
	"fmt"
	"testing"
	"time"

	"airudder-exporter/internal/airuddersim"
)

// TestAuditAsksAIRudder has AIRudder say more of its tasks than was published, after the
// exporter has ended: what may still be published is not yet missing, what a later reading
// did not publish is, and what says something else is told. While an exporter runs, it
// asks for few things, and finds nothing.
func TestAuditAsksAIRudder(t *testing.T) {
	t.Parallel()
	for _, revisions := range []bool{false, true} {
		t.Run(fmt.Sprintf("revisions %v", revisions), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, airuddersim.Config{Seed: 96, Start: time.Now().Add(-time.Hour)}, nil)
			if revisions {
				w.Topics.Changes()
			}
			var tasks []planted
			for range 2 {
				id := w.Sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling,
					Rows: append(airuddersim.FinishedRows(plantedRows), airuddersim.PendingRows(2)...)})
				tasks = append(tasks, planted{world: w, id: id})
			}
			one := w.exporter("one")
			one.Start()
			w.awaitEvents()
			auditor := w.auditor("AIRUDDER_RESPONSE_TIMEOUT=1s")
			if said := audit(auditor, 0, "--source"); said.Counts["ok"] != 2*plantedRows || said.found() != "" {
				t.Errorf("beside a running exporter: %+v", said)
			}
			one.Terminate()
			for _, p := range []planted{tasks[1], tasks[0]} {
				if _, err := w.Sim.FinishNext(p.id, 1); err != nil {
					t.Fatal(err)
				}
				w.Sim.SetNow(time.Now()) // the second task's call ended an hour ago
			}
			if err := w.Sim.ChangeFinishedRow(tasks[0].id, 3); err != nil {
				t.Fatal(err)
			}
			looked := time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)
			mark := tasks[1].entry("task/", fmt.Sprintf(`{"status":"calling","sequence":1,"events":%d,"look":{"first":%q,"last":%q,"count":1}}`,
				plantedRows, looked, looked))
			mark.Key = mark.Key[:len(mark.Key)-1]
			w.MustWrite(mark)
			requests := w.Sim.Requests()[airuddersim.Detail]
			began := time.Now()
			said := audit(auditor, 1, "--source")
			if said.Counts["ok"] != 2*plantedRows-1 || said.found() != "changed 1, not_published 1, not_yet 1" || said.Findings[0].TaskID != tasks[1].id {
				t.Errorf("got %v, %+v", said.Counts, said.Findings)
			}
			if n := w.Sim.Requests()[airuddersim.Detail] - requests; n != 2 || time.Since(began) < 15*time.Second { // a token, the list and two details
				t.Errorf("%d details were asked for in %s", n, time.Since(began))
			}
		})
	}
}
