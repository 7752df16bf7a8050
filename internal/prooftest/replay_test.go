package prooftest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// Steps of a replay that no exporter has. To the proxy its first transaction is the
// barrier.
const (
	stepSource step = "Fetch" // of the source, and of the target
	stepCreate step = "CreateTopics"
)

// copier is a replay as a process, behind a network of its own.
func (w *world) copier(name string) *child {
	w.T.Helper()
	return w.exporter(name, "KAFKA_TRANSACTION_TIMEOUT=3s", "KAFKA_CREATE_TOPICS=true")
}

func replayOf(target string, more ...string) []string {
	return append([]string{"replay", "again", "--to-topic", target, "--execute"}, more...)
}

// run runs a command to its end, killed where at says so, and returns what it printed and
// its exit code, which is -1 of one that was killed.
func (c *child) run(at func(*request, func()) fate, args ...string) (string, int) {
	c.T.Helper()
	cmd := c.Command(c.T.Context(), args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	started := make(chan struct{})
	kill := func() { <-started; _ = cmd.Process.Kill() }
	c.net.arm(func(r *request) fate { return at(r, kill) })
	if err := cmd.Start(); err != nil {
		c.T.Fatal(err)
	}
	close(started)
	_ = cmd.Wait() // its exit code is looked at
	c.net.arm(nil)
	c.net.forget()
	return out.String(), cmd.ProcessState.ExitCode()
}

func everything(*kgo.Record) bool { return true }

// TestReplayBesideKills kills a replay twenty times, at random and at each of its steps,
// while campaigns go on and their exporter is killed, too. In the end the target holds each
// event once, in order.
func TestReplayBesideKills(t *testing.T) {
	t.Parallel()
	cfg := campaigns(81, 5, 60, 8)
	cfg.Renew = true // there is always more to copy
	w := newWorld(t, cfg, nil)
	one := w.exporter("one")
	one.Start()
	w.play(15)
	w.awaitMore(20)
	tool, target := w.copier("tool"), w.Topics.Events+"-again"
	rnd := rand.New(rand.NewPCG(81, 1))
	steps := []step{stepSource, stepFence, stepBarrierAdd, stepBarrierProduce, stepBarrierEnd, stepAdd, stepProduce, stepEnd}
	kills, open := 0, 0
	for n := killsOr(t, 20, 20); kills < n; {
		at, ways := steps[(kills)%len(steps)], []way{lost, arrives, silent}
		on := ways[rnd.IntN(len(ways))]
		skip := rnd.IntN(3)
		var mu sync.Mutex
		_, code := tool.run(func(r *request, kill func()) (f fate) {
			mu.Lock()
			defer mu.Unlock()
			if r.step != at {
				return f
			}
			if skip--; skip != -1 {
				return f
			}
			switch on {
			case lost:
				f.before, f.lose = kill, true
			case arrives:
				f.after = kill
			case silent:
				f.after, f.half = kill, true
			}
			return f
		}, replayOf(target, "--rate", fmt.Sprint(40+rnd.IntN(200)))...)
		switch code {
		case -1:
			kills++
			ending := at == stepEnd || at == stepBarrierEnd
			if at == stepProduce || at == stepBarrierProduce || ending && on == lost {
				open++
			}
			if kills%5 == 0 {
				one.Kill()
				one.Start()
			}
		case 0: // before the moment came
			w.awaitMore(1)
		default:
			t.Fatalf("a replay that is not killed ends with %d", code)
		}
	}
	w.settle()
	said := tool.end(nil, 0, replayOf(target)...)
	source := w.Read(w.Topics.Events)
	copies := w.Read(target)
	n := rig.CheckReplay(t, source, copies, "again", everything)
	t.Logf("replay: killed %d times, %d of them in an open transaction: %d events copied, %d records aborted\n%s", kills, open, n, len(copies.Hidden), said)
	if n == 0 || open == 0 {
		t.Error("nothing was copied, or no kill came inside a transaction")
	}
	w.check(nil)
}

// TestReplayFaults has every request of a replay go wrong. One that meets it while it writes
// comes to its end by itself; another may end, and is run again. Each target then holds each
// event once, in order.
func TestReplayFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t, airuddersim.Config{Seed: 82}, nil)
	w.Sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Finished, Rows: airuddersim.FinishedRows(300)})
	one := w.exporter("one")
	one.Start()
	w.awaitEvents()
	one.Terminate()
	source := w.Read(w.Topics.Events)
	writing := []asked{
		{stepFind, itself, false, findCodes},
		{stepFence, itself, true, initCodes},
		{stepBarrierAdd, itself, true, addCodes}, {stepBarrierProduce, itself, true, produceCodes}, {stepBarrierEnd, itself, true, endCodes},
		{stepAdd, itself, true, addCodes}, {stepProduce, itself, true, produceCodes}, {stepEnd, itself, true, endCodes},
	}
	reading := []asked{
		{stepMetadata, itself, false, metaCodes}, {stepVersions, itself, false, nil}, {stepConfigs, itself, false, configCodes},
		{stepListOffsets, itself, false, listCodes}, {stepSource, itself, false, fetchCodes},
		{stepCreate, itself, true, []int16{-1, 7, 29, 41}},
	}
	all := append(writing[:len(writing):len(writing)], reading...)
	late := []faultRow{{writing[3], late, 0, 1}, {writing[6], late, 0, 1}}
	var rows []faultRow
	switch {
	case everyRow():
		rows = slices.Concat(late, networkRows(all), everyNth(codeRows(all), 5))
	case wholeTable(t):
		rows = slices.Concat(late, everyNth(networkRows(all), 4), everyNth(codeRows(all), 20))
	default:
		rows = slices.Concat(late, everyNth(networkRows(writing), 3), everyNth(networkRows(reading), 6), everyNth(codeRows(all), 11))
	}
	const lives = 4
	tally := faultTally{}
	var mu sync.Mutex
	t.Run("rows", func(t *testing.T) {
		for life := range lives {
			tool := w.copier(fmt.Sprint("tool-", life))
			t.Run(fmt.Sprint(life), func(t *testing.T) {
				t.Parallel()
				for i := life; i < len(rows); i += lives {
					target := fmt.Sprintf("%s-again-%d", w.Topics.Events, i)
					took, hits := w.replayUnder(t, tool, rows[i], target)
					rig.CheckReplay(t, source, w.Read(target), "again", everything)
					mu.Lock()
					tally.book(fmt.Sprintf("%s, %s", rows[i].step, rows[i].on), hits, took)
					mu.Unlock()
					if t.Failed() {
						t.Fatalf("%s: see above", rows[i])
					}
				}
			})
		}
	})
	tally.report(t, "replay", 0, 0) // CheckReplay fails the test where there is one
}

// replayUnder runs a replay whose requests go wrong as a row says, and again where it ended
// for that.
func (w *world) replayUnder(t *testing.T, tool *child, row faultRow, target string) (time.Duration, int) {
	t.Helper()
	var mu sync.Mutex
	hits := 0
	began := time.Now()
	said, code := tool.run(func(r *request, _ func()) fate {
		mu.Lock()
		defer mu.Unlock()
		if r.step != row.step || hits >= row.times || row.step == stepSource && r.producer != nil {
			return fate{}
		}
		hits++
		return row.fate(w, r)
	}, replayOf(target, "--rate", "400")...)
	if code != 0 && row.code == 0 && slices.Contains([]step{stepFence, stepBarrierAdd, stepBarrierProduce, stepBarrierEnd, stepAdd, stepProduce, stepEnd}, row.step) {
		t.Errorf("%s: it ended with %d:\n%s", row, code, said)
	}
	if says := row.says(row.code); says != "" && !strings.Contains(said, strings.Replace(says, "ids", "id", 1)) {
		t.Errorf("%s: it does not say %q:\n%s", row, says, said)
	}
	if hits < row.times && code == 0 && row.times == 1 {
		t.Errorf("%s: it came %d times:\n%s", row, hits, said)
	}
	for tries := 0; code != 0; tries++ {
		if code != 1 && code != 2 || strings.Contains(said, "panic") || tries == 3 {
			t.Fatalf("%s: it ended with %d:\n%s", row, code, said)
		}
		said, code = tool.run(func(*request, func()) fate { return fate{} }, replayOf(target)...)
	}
	return time.Since(began), hits
}
