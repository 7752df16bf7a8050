package exporter

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/call"
)

// quota is what a fake Kafka asks of its clients.
type quota struct {
	mu    sync.Mutex
	each  time.Duration // by each commit
	until time.Time
}

func (q *quota) set(each time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.each = each
}

func (q *quota) last() (time.Duration, time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.each, q.until
}

// A quota is waited out before each commit, and told of while it lasts: as a notice,
// and as the reason where nothing is committed for a minute.
func TestThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		q := &quota{each: 20 * time.Second}
		kafka.throttled = q.last
		early := 0
		kafka.stored = func(int) {
			q.mu.Lock()
			defer q.mu.Unlock()
			if time.Now().Before(q.until) {
				early++
			}
			if q.until = time.Now().Add(q.each); q.each == 0 {
				q.until = time.Time{}
			}
		}
		for n, id := range []string{"a", "b", "c"} {
			source.set(id, call.Calling, 3+n, 3)
		}
		w := start(t, testConfig(), source, kafka)
		busy := func(n int) {
			for i := range n {
				time.Sleep(10 * time.Second)
				source.set("a", call.Calling, 4+i, 3)
			}
		}
		busy(10)
		s := w.Totals()
		if !s.Ready || len(s.Notices) != 1 || s.Notices[0].Cause != causeThrottled || !strings.Contains(s.Notices[0].Text, "(throttle_time_ms 20000)") {
			t.Errorf("ready is %v (%s), notices %+v", s.Ready, s.Why, s.Notices)
		}
		q.set(5 * time.Minute)
		busy(12)
		w.wantReady("while nothing is committed", ": Kafka throttles this exporter by a quota (throttle_time_ms 300000)")
		if why := w.Totals().Why; !strings.HasPrefix(why, "shard 0 commits nothing since ") {
			t.Errorf("it is told as %q", why)
		}
		q.set(0)
		time.Sleep(10 * time.Minute)
		w.wantReady("after it", "")
		if got := w.Totals().Notices; len(got) != 0 {
			t.Errorf("notices after it: %+v", got)
		}
		q.set(5 * time.Minute)
		busy(12)
		began := time.Now()
		w.stop()
		if took := time.Since(began); took > time.Second {
			t.Errorf("the end took %v: it waits for no quota", took)
		}
		if early > 0 {
			t.Errorf("%d commits came before the quota's time", early)
		}
		for line, want := range map[string]int{"level=WARN msg=\"Kafka throttles this exporter by a quota": 3, "notice is over: Kafka throttles": 1} {
			if n := strings.Count(w.log.String(), line); n < 1 || n > want {
				t.Errorf("%d lines, want %d: %s\n%s", n, want, line, w.log)
			}
		}
	})
}
