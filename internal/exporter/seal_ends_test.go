package exporter

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/call"
)

// sealEnds holds each seal, as its transaction is stored, against the events that were
// committed in the transactions before.
type sealEnds struct {
	t      *testing.T
	kafka  *fakeKafka
	shown  int              // of the log
	events map[string]int64 // where a task's last event ends, at most
	seals  map[string]int
}

// take looks at the transaction that was stored last.
func (s *sealEnds) take() {
	end, here := s.kafka.Ends()[0], map[string]bool{}
	log := s.kafka.Log()
	for _, r := range log[s.shown:] {
		taskID := strings.Split(string(r.Key)+"/", "/")[1]
		if r.Topic == "events" {
			here[taskID] = true
		}
		var at int64
		if n, _ := fmt.Sscanf(string(r.Value), "seal at [%d]", &at); r.Topic != "status" || n == 0 {
			continue
		}
		s.seals[taskID]++
		if at < s.events[taskID] || at > end || here[taskID] {
			s.t.Errorf("a seal of %s tells of %d: its events end at %d, and all of them at %d; some are of its own transaction: %v",
				taskID, at, s.events[taskID], end, here[taskID])
		}
	}
	s.shown = len(log)
	for taskID := range here {
		s.events[taskID] = end
	}
}

// A seal's event_offsets come after each event of its task, whichever producer
// committed it, and whatever was committed since the producer's first seal. Where they
// are not to be had the task is sealed later.
func TestSealEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		check := &sealEnds{t: t, kafka: kafka, events: map[string]int64{}, seals: map[string]int{}}
		kafka.stored = func(int) { check.take() }
		refused := 0
		kafka.endsFault = func() error {
			if refused++; refused < 3 {
				return errors.New("the tail cannot be read")
			}
			return nil
		}
		source.set("earlier", call.Finished, 30, 0)
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Minute)
		w.stop()
		if check.events["earlier"] == 0 || len(check.seals) > 0 {
			t.Fatalf("events at %v, seals %v: want the first without the second", check.events, check.seals)
		}
		w = start(t, testConfig(), source, kafka)
		source.set("later", call.Calling, 5, 2)
		time.Sleep(4 * time.Hour)
		source.set("later", call.Finished, 7, 0)
		source.set("last", call.Finished, 40, 0)
		time.Sleep(4 * time.Hour)
		w.stop()
		for _, taskID := range []string{"earlier", "later", "last"} {
			if check.seals[taskID] != 1 {
				t.Errorf("%s has %d seals, want one", taskID, check.seals[taskID])
			}
		}
		if kafka.opens != 2 {
			t.Errorf("%d producers, want 2: no question ends one", kafka.opens)
		}
		if refused != 3 {
			t.Errorf("Kafka was asked %d times, want twice in vain and once more", refused)
		}
		once(t, kafka, 30+7+40, "call/")
	})
}
