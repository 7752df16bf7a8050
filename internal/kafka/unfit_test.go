package kafka

import (
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/rig"
)

// twisted is a shop behind a twist, whose transactions may take a second.
func twisted(t *testing.T, twist rig.Twist) *shop {
	t.Helper()
	if os.Getenv("TEST_KAFKA_BROKERS") != "" {
		t.Skip("of the broker in process, without TEST_KAFKA_BROKERS")
	}
	s := &shop{cluster: &cluster{Kafka: rig.EmbeddedKafka(t)}, config: Config{
		LedgerTopic: "ledger", EventTopic: "events", TransactionTimeout: time.Second,
	}}
	s.topic("ledger", 1, "cleanup.policy=compact")
	s.topic("events", 1)
	s.config.Brokers = []string{s.Twisted(twist)}
	return s
}

// Brokers without transactions, or without markers in the log, are refused in a sentence.
func TestUnfitKafka(t *testing.T) {
	for name, tt := range map[string]struct {
		twist rig.Twist
		want  string
	}{
		"no InitProducerId":      {rig.NotOffered(kmsg.InitProducerID), "this Kafka has no transactions, without which"},
		"InitProducerId refused": {rig.Refused(kmsg.InitProducerID, 35), "this Kafka has no transactions, without which"},
		"no markers":             {rig.WithoutMarkers(), "this Kafka keeps no control records, by which the exporter tells what is committed from what is not: it says that the transaction at offset 0 of ledger[0] is decided, and has written none; use Apache Kafka"},
		"hidden markers":         {rig.HidesMarkers(), "is decided, and does not send it to consumers; use Apache Kafka"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := twisted(t, tt.twist)
			_, err := s.dial(t).Producer(soon(t), 0, barrier("us"), new(entries).take)
			unfit, ok := errors.AsType[*UnfitError](err)
			if !ok || !strings.HasPrefix(unfit.Error(), tt.want) && !strings.Contains(unfit.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if !(Partition{}).Lasting(err) {
				t.Error("it does not last")
			}
		})
	}
}

// A broker that takes a transaction for decided before its marker is in the log is slow,
// and not refused: it has the marker after the next fence.
func TestLateMarkersAreNoRefusal(t *testing.T) {
	var fences atomic.Int32
	hidden := rig.HidesMarkers().Answer
	s := twisted(t, rig.Twist{Answer: func(req kmsg.Request, res kmsg.Response) {
		switch res.(type) {
		case *kmsg.InitProducerIDResponse:
			fences.Add(1)
		case *kmsg.FetchResponse:
			if fences.Load() < 2 {
				hidden(req, res)
			}
		}
	}})
	c := s.dial(t)
	_, err := c.Producer(soon(t), 0, barrier("first"), new(entries).take)
	if _, unfit := errors.AsType[*UnfitError](err); unfit || !errors.Is(err, errUnmarked) {
		t.Fatalf("got %v, want %v", err, errUnmarked)
	}
	s.start(t, c, 0, "second")
}

// What a log with markers can show in place of the one that is waited for, and what only
// one without them can.
func TestUnmarked(t *testing.T) {
	const barrier = 10
	waiting := replay{barrier: barrier, seen: true}
	for name, tt := range map[string]struct {
		r                             replay
		highWatermark, lastStable, at int64
		batches                       []batch.Batch
		want                          bool
	}{
		"the transaction is open":                        {waiting, 11, 10, 11, nil, false},
		"its marker is not replicated":                   {waiting, 11, 10, 11, nil, false},
		"another's transaction is open before it":        {waiting, 12, 4, 11, nil, false},
		"the marker was cleaned, and more was written":   {waiting, 14, 14, 14, nil, false},
		"the marker was cleaned, and another is open":    {waiting, 14, 13, 11, nil, false},
		"a broker that led once does not reach so far":   {replay{barrier: barrier}, 10, 10, 10, nil, false},
		"the marker comes":                               {waiting, 12, 12, 12, make([]batch.Batch, 1), false},
		"the marker is there":                            {replay{barrier: barrier, seen: true, end: 12}, 12, 12, 12, nil, false},
		"a broker that does not tell the last stable":    {waiting, 11, -1, 11, nil, false},
		"decided, and no offset was taken":               {waiting, 11, 11, 11, nil, true},
		"decided, and the offset taken shows no records": {waiting, 12, 12, 11, nil, true},
	} {
		got := &chunk{batches: tt.batches, next: tt.at}
		got.HighWatermark, got.LastStable = tt.highWatermark, tt.lastStable
		if is := tt.r.unmarked(got); is != tt.want {
			t.Errorf("%s: got %t, want %t", name, is, tt.want)
		}
	}
}
