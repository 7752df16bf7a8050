package prooftest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/airuddersim"
)

// watch follows the events as a read_committed consumer sees them, past the
// proxies. It is for waiting; the checker reads everything anew.
type watch struct {
	mu    sync.Mutex
	calls []airuddersim.CallKey
	last  time.Time // when the newest event was written
	on    func(*kgo.Record)
}

// watch begins to follow a world's events. It ends with the test.
func (w *world) watch(t testing.TB) *watch {
	t.Helper()
	seen := &watch{}
	w.follow(t, w.topics.events, seen.add)
	return seen
}

// follow shows each committed record of a topic, past the proxies and from the
// first one, until the test ends. The topic need not be there yet.
func (w *world) follow(t testing.TB, topic string, show func(*kgo.Record)) {
	t.Helper()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(w.brokers...),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxWait(100*time.Millisecond),
		kgo.MetadataMinAge(50*time.Millisecond),
		kgo.MetadataMaxAge(time.Second),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		running.Wait()
		client.Close()
	})
	running.Go(func() {
		for ctx.Err() == nil {
			client.PollFetches(ctx).EachRecord(show)
		}
	})
}

func (s *watch) add(r *kgo.Record) {
	taskID, rest, _ := strings.Cut(headerOf(r, "ce_id"), "/")
	callID, _, _ := strings.Cut(rest, "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, airuddersim.CallKey{TaskID: taskID, CallID: callID})
	if r.Timestamp.After(s.last) {
		s.last = r.Timestamp
	}
	if s.on != nil {
		s.on(r)
	}
}

// onEvent has a function called for every event from now on.
func (s *watch) onEvent(on func(*kgo.Record)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = on
}

func (s *watch) keys() []airuddersim.CallKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

func (s *watch) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

// newest is when the newest event was written, by the exporter's own clock.
func (s *watch) newest() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func headerOf(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}
