package prooftest

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// TestEveryShape plays campaigns of all fates through every shape of the task
// list and every setting that changes the records, and compares every field of
// every event with what the responses showed.
func TestEveryShape(t *testing.T) {
	t.Parallel()
	type site struct {
		shape    airuddersim.ListShape
		change   func(*airuddersim.Config)
		settings []string
	}
	forms := func(kinds ...airuddersim.FaultKind) func(*airuddersim.Config) {
		return func(c *airuddersim.Config) {
			c.FaultRates = map[airuddersim.FaultKind]float64{}
			for _, kind := range kinds {
				c.FaultRates[kind] = 0.5
			}
		}
	}
	for _, s := range []site{
		{airuddersim.ListArray, func(c *airuddersim.Config) {
			c.ListPageSize = 2
			c.Oddities = map[airuddersim.Oddity]string{airuddersim.Workflow: "rows"}
			forms(airuddersim.Shuffled)(c)
		},
			[]string{"AIRUDDER_LIST_REQUEST=GET /service/cloud/list?page={page}&since={since}&until={until}", "KAFKA_COMPRESSION=zstd"}},
		{airuddersim.ListNested, func(c *airuddersim.Config) { c.ListName = "Aufgaben"; c.DriftAfter = 30 * time.Second },
			[]string{"KAFKA_EVENT_KEY=task_id", "KAFKA_LEDGER_PARTITIONS=3", "KAFKA_COMPRESSION=gzip"}},
		{airuddersim.ListIDs, func(c *airuddersim.Config) {
			c.ListIgnoresFilters, c.ListWithoutID = true, true
			forms(airuddersim.DetailFirst)(c)
		},
			[]string{"AIRUDDER_LIST_REQUEST=GET /service/cloud/list?page={page}", "KAFKA_EVENT_KEY=callee_number", "KAFKA_COMPRESSION=snappy"}},
		{airuddersim.ListStrings, forms(airuddersim.Sparse, airuddersim.Nested),
			[]string{"KAFKA_EVENT_KEY=comments", "KAFKA_PARTITIONS=1", "KAFKA_COMPRESSION=none"}},
		{airuddersim.ListNull, func(c *airuddersim.Config) {
			c.Oddities = map[airuddersim.Oddity]string{airuddersim.Workflow: "data"}
			forms(airuddersim.DuplicateKeys)(c)
		}, nil}, // tasks named by hand
	} {
		t.Run(string(s.shape), func(t *testing.T) {
			t.Parallel()
			quiet(t, s.shape, s.change, s.settings)
		})
	}
}

// quiet plays campaigns to their end, in order, and checks all that came of it.
func quiet(t *testing.T, shape airuddersim.ListShape, change func(*airuddersim.Config), settings []string) {
	cfg := campaigns(uint64(len(shape)), 6, 40, 4)
	cfg.ListShape, cfg.WarmUp = shape, 0
	change(&cfg)
	captured := rig.NewCapture()
	w := newWorld(t, cfg, captured.Wrap)
	w.Sim.Advance(6 * time.Second) // so that every task is there, and hardly more
	if shape == airuddersim.ListNull {
		ids := ""
		for _, task := range w.Sim.Truth().Tasks {
			ids += "," + task.TaskID
		}
		settings = append(slices.Clone(settings), "AIRUDDER_TASK_IDS="+ids[1:])
	}
	one := w.exporter("one", settings...)
	one.Start()
	rig.Eventually(t, "a first look at each task", rig.Patience, func() bool { return w.Sim.Requests()[airuddersim.Detail] >= cfg.Tasks })
	w.play(40)
	w.awaitEnds(rig.Patience) // late calls, too
	w.settle()
	w.seal("sealing", settings...)
	w.check(captured)
}

// awaitEnds waits until all tasks have ended, and for a minute of the
// campaigns' time more, in which late calls finish.
func (w *world) awaitEnds(late time.Duration) {
	w.T.Helper()
	rig.Eventually(w.T, "every task's end", rig.Patience, func() bool {
		truth := w.Sim.Truth()
		return len(truth.Tasks) > 0 && !slices.ContainsFunc(truth.Tasks, func(t airuddersim.TaskTruth) bool { return !t.Ended })
	})
	end := w.Sim.Now().Add(late)
	rig.Eventually(w.T, "late calls", rig.Patience, func() bool { return w.Sim.Now().After(end) })
}

// seal runs an exporter that does not wait for late calls, until each task that
// has ended is sealed, and ends it.
func (w *world) seal(name string, settings ...string) {
	w.T.Helper()
	c := w.exporter(name, append(slices.Clone(settings), "AIRUDDER_POLL_AFTER_END=10ms")...)
	var mu sync.Mutex
	open := map[string]bool{}
	for _, task := range w.Sim.Truth().Tasks {
		if task.Ended && !task.Gone {
			open["task/"+task.TaskID] = true
		}
	}
	w.Follow(w.Topics.Ledger, func(r *kgo.Record) {
		var state struct {
			SealedAt time.Time `json:"sealed_at"`
		}
		mu.Lock()
		defer mu.Unlock()
		if json.Unmarshal(r.Value, &state) == nil && !state.SealedAt.IsZero() {
			delete(open, string(r.Key))
		}
	})
	c.Start()
	rig.Eventually(w.T, fmt.Sprintf("the seals of %d tasks", len(open)), rig.Patience, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(open) == 0
	})
	c.Terminate()
}
