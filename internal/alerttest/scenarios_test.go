package alerttest

import (
	"flag"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/airuddersim"
)

var out = flag.String("out", "", "write promtool's files into this directory; without it, nothing is tested")

// The four that page.
const (
	notReady    = "AirudderNotReady"
	uncommitted = "AirudderCallsUncommitted"
	lag         = "AirudderDetectionLag"
	unowned     = "AirudderShardUnowned"
)

// The tickets.
const (
	noticed = "AirudderNotice"
	dead    = "AirudderDeadLetters"
	overdue = "AirudderReadingsOverdue"
	budget  = "AirudderRequestBudget"
)

// scenarios are what happens, and all the alerts that ever fire meanwhile.
var scenarios = []struct {
	name  string
	sim   func(*airuddersim.Config)
	plays func(*world)
	fires []string
}{
	// What is no trouble.
	{"a quiet day", quiet, func(w *world) { w.pass(24 * time.Hour) }, nil},
	{"a first start", busy, func(w *world) { w.pass(2 * time.Hour) }, nil},
	{"a backfill", nil, func(w *world) {
		for range 40 {
			w.AddTask(airuddersim.TaskSpec{
				Status: "finished", ScheduleStart: time.Now().AddDate(0, 0, -31), ScheduleEnd: time.Now().AddDate(0, 0, -30),
				Rows: airuddersim.FinishedRows(200),
			})
		}
		w.pass(20 * time.Minute)
		w.stop("a")
		w.since = time.Now().AddDate(0, 0, -60)
		w.start("b", false)
		w.pass(90 * time.Minute)
	}, nil},
	{"a rolling restart", nil, func(w *world) {
		w.pass(20 * time.Minute)
		for _, change := range [][2]string{{"a", "b"}, {"b", "c"}, {"c", "d"}} {
			w.start(change[1], true)
			w.pass(2 * time.Minute)
			w.stop(change[0])
			w.pass(30 * time.Second)
			w.own(change[1])
			w.pass(20 * time.Minute)
		}
	}, nil},
	{"restarts with nobody beside", nil, func(w *world) {
		for range 3 {
			w.pass(20 * time.Minute)
			w.stop("a")
			w.pass(3 * time.Minute)
			w.start("a", false)
		}
		w.pass(40 * time.Minute)
	}, nil},
	{"AIRudder answers 5xx for five minutes", nil, func(w *world) {
		w.pass(20 * time.Minute)
		w.SetFaultRate(airuddersim.ServerError, 1)
		w.pass(5 * time.Minute)
		w.ClearFaults()
		w.pass(2 * time.Hour)
	}, nil},
	{"Kafka is gone for four minutes", nil, func(w *world) {
		w.pass(20 * time.Minute)
		w.broker(true)
		w.pass(4 * time.Minute)
		w.broker(false)
		w.pass(time.Hour)
	}, nil},

	// What is.
	{"Kafka is gone", nil, func(w *world) {
		w.pass(20 * time.Minute)
		w.broker(true)
		w.pass(25 * time.Minute)
		w.broker(false)
		w.pass(time.Hour)
	}, []string{uncommitted, notReady}},
	{"the secret is wrong", nil, func(w *world) {
		w.pass(20 * time.Minute)
		w.stop("a")
		w.secret = "another"
		w.start("b", false)
		w.pass(time.Hour)
	}, []string{notReady}},
	{"AIRudder hangs", nil, func(w *world) {
		w.pass(20 * time.Minute)
		w.SetFaultRate(airuddersim.Hang, 1)
		w.pass(40 * time.Minute)
	}, []string{notReady}},
	{"AIRudder answers 5xx for half an hour", nil, func(w *world) {
		w.pass(20 * time.Minute)
		w.SetFaultRate(airuddersim.ServerError, 1)
		w.pass(30 * time.Minute)
		w.ClearFaults()
		w.pass(time.Hour)
	}, []string{notReady}},
	{"no exporter runs", nil, func(w *world) {
		w.pass(20 * time.Minute)
		w.stop("a")
		w.pass(20 * time.Minute)
	}, []string{unowned}},
	{"a standby that nobody gives the shard", nil, func(w *world) {
		w.start("b", true)
		w.pass(20 * time.Minute)
		w.stop("a")
		w.pass(20 * time.Minute)
	}, []string{unowned}},
	{"two rivals, each with all shards", nil, func(w *world) {
		w.pass(20 * time.Minute)
		w.start("b", false)
		w.pass(time.Hour)
	}, []string{noticed}},
	{"the events' topic takes no event", nil, func(w *world) {
		w.takes(300)
		w.pass(time.Hour)
	}, []string{uncommitted, notReady}},
	{"a row that is damaged", nil, func(w *world) {
		w.pass(10 * time.Minute)
		task := w.AddTask(airuddersim.TaskSpec{Status: "calling", Rows: airuddersim.FinishedRows(5)})
		if err := w.SpoilRow(task, 0, airuddersim.BrokenJSON); err != nil {
			w.t.Fatal(err)
		}
		w.pass(30 * time.Minute)
	}, []string{dead}},
	{"a list that is cut", odd(map[airuddersim.Oddity]string{airuddersim.ListCap: "5", airuddersim.ListMore: ""}), func(w *world) { w.pass(time.Hour) }, []string{noticed}},
	{"words for rows that nobody knows", odd(map[airuddersim.Oddity]string{airuddersim.RowWords: "finished:answered"}), func(w *world) { w.pass(time.Hour) }, []string{noticed}},
	{"details that are cut", odd(map[airuddersim.Oddity]string{airuddersim.DetailCap: "40", airuddersim.DetailTotal: ""}),
		func(w *world) { w.pass(time.Hour) }, []string{noticed}},
	{"rows that share a CallID", odd(map[airuddersim.Oddity]string{airuddersim.SharedCallID: "5"}),
		func(w *world) { w.pass(time.Hour) }, []string{noticed}},
	{"fields that no page documents, and labels that come late",
		odd(map[airuddersim.Oddity]string{airuddersim.NewField: "", airuddersim.LateChanges: "10m", airuddersim.Zoneless: ""}),
		func(w *world) { w.pass(time.Hour) }, nil},
	{"a quota of Kafka's", nil, func(w *world) {
		w.throttles()
		w.pass(time.Hour)
	}, []string{noticed}},
	{"more tasks than the budget can read", func(c *airuddersim.Config) {
		c.Tasks, c.Rate, c.RowsPerTask, c.Window = 700, 3, 100, 12*time.Hour
	}, func(w *world) { w.pass(3 * time.Hour) }, []string{lag, overdue, budget}},
}

// odd is an account that answers otherwise than the documentation says.
func odd(so map[airuddersim.Oddity]string) func(*airuddersim.Config) {
	return func(c *airuddersim.Config) { c.Oddities = so }
}

// busy is an account that has been at work for a day, with some 200 tasks.
func busy(c *airuddersim.Config) {
	c.WarmUp, c.Rate, c.RowsPerTask = 24*time.Hour, 0.4, 160
}

// quiet is one with three campaigns.
func quiet(c *airuddersim.Config) {
	c.Tasks, c.Rate, c.RowsPerTask, c.Window = 3, 0.05, 150, 12*time.Hour
}

// Each scenario, played by real exporters, as a file of promtool's.
func TestScenarios(t *testing.T) {
	if *out == "" {
		t.Skip("promtool judges what this records: .ci/prometheus.sh")
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := open(t, s.sim)
				w.start("a", false)
				s.plays(w)
				w.close()
				w.record.write(t, *out, s.name, s.fires)
			})
		})
	}
}
