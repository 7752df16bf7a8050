package prooftest

import (
	"encoding/json"
	"time"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// misled has the first answers of the last task, which has ended, be other ones,
// before the exporter asks for the task at all.
func misled(faults ...airuddersim.Fault) func(*airuddersim.Sim) {
	return func(s *airuddersim.Sim) {
		usualTasks(s)
		tasks := s.Truth().Tasks
		for _, f := range faults {
			f.Endpoint, f.TaskID = airuddersim.Detail, tasks[len(tasks)-1].TaskID
			s.Script(f)
		}
	}
}

// endTroubles are answers that could end a task too early: it has ended when it is
// seen first, its calls are all there, and its first answers do not show them.
func endTroubles() []trouble {
	once := func(kind airuddersim.FaultKind) airuddersim.Fault { return airuddersim.Fault{Kind: kind} }
	end := func(name string, faults ...airuddersim.Fault) trouble {
		// However slow the machine is, no such answers last for as long.
		return trouble{name: name, tasks: misled(faults...), sealed: true, settings: []string{"AIRUDDER_SEAL_OPEN_AFTER=10m"}}
	}
	return []trouble{
		end("no rows, once", once(airuddersim.EmptyDetail)),
		end("no rows, again and again", airuddersim.Fault{Kind: airuddersim.EmptyDetail, Times: 6}),
		end("null for rows, again and again", airuddersim.Fault{Kind: airuddersim.NullDetail, Times: 6}),
		end("null for the task", airuddersim.Fault{Kind: airuddersim.NullData, Times: 3}),
		end("an empty array for the task", airuddersim.Fault{Kind: airuddersim.EmptyData, Times: 3}),
		end("no body", airuddersim.Fault{Kind: airuddersim.EmptyBody, Times: 3}),
		end("a cut answer", once(airuddersim.Cut)),
		end("no such task, for a while", airuddersim.Fault{Kind: airuddersim.ServerError, Status: 404, Times: 3}),
		{
			name: "an answer from a cache, of when it called", sealed: true, account: odd(),
			tasks: func(s *airuddersim.Sim) {
				id := s.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: airuddersim.PendingRows(4)})
				must(s.Remember(id))
				finishAll(s, id)
				s.Script(airuddersim.Fault{Kind: airuddersim.Stale, TaskID: id})
			},
		},
		{
			name: "an answer from a cache, after its end", account: odd(), settings: []string{"AIRUDDER_POLL_AFTER_END=10m"},
			tasks: func(s *airuddersim.Sim) {
				s.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: airuddersim.PendingRows(4)})
			},
			meet: func(w *world) {
				id := w.Sim.Truth().Tasks[0].TaskID
				w.awaitReadings(2)
				finishAll(w.Sim, id)
				w.awaitShown()
				for range 3 {
					w.awaitReadings(2)
					w.Sim.Script(airuddersim.Fault{Kind: airuddersim.Stale, TaskID: id})
				}
			},
		},
		{
			name: "rows that are open when the task ends", sealed: true, settings: []string{"AIRUDDER_SEAL_OPEN_AFTER=1s"},
			tasks: func(s *airuddersim.Sim) {
				s.AddTask(airuddersim.TaskSpec{Status: airuddersim.Finished, Rows: append(airuddersim.FinishedRows(4), airuddersim.PendingRows(2)...)})
				s.AddTask(airuddersim.TaskSpec{Status: airuddersim.Finished})
			},
		},
	}
}

// finishAll finishes all calls of a task, and the task.
func finishAll(s *airuddersim.Sim, id string) {
	_, err := s.FinishNext(id, 1000)
	must(err)
	must(s.SetStatus(id, airuddersim.Finished))
}

// must is for controls of the simulation whose error is the test's own mistake.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// awaitSeals waits until each task that has ended is sealed.
func (w *world) awaitSeals() {
	w.T.Helper()
	rig.Eventually(w.T, "the seal of each task that has ended", rig.Patience, func() bool {
		sealed := map[string]bool{}
		for _, r := range w.Read(w.Topics.Ledger).Committed {
			var state struct {
				SealedAt time.Time `json:"sealed_at"`
			}
			if json.Unmarshal(r.Value, &state) == nil && !state.SealedAt.IsZero() {
				sealed[string(r.Key)] = true
			}
		}
		for _, task := range w.Sim.Truth().Tasks {
			if task.Ended && !sealed["task/"+task.TaskID] {
				return false
			}
		}
		return true
	})
}
