package kafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/batch/handmade"
	"airudder-exporter/internal/rig"
)

// scanKeys is what Scan shows of a range, as offset:key.
func scanKeys(t *testing.T, c *Client, topic string, partition int, from, to int64) string {
	t.Helper()
	var shown []string
	err := c.Scan(soon(t), topic, partition, from, to, func(m Message) error {
		if m.Topic != topic || m.Partition != partition {
			t.Errorf("a message of %s[%d]", m.Topic, m.Partition)
		}
		shown = append(shown, fmt.Sprintf("%d:%s", m.Offset, m.Key))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(shown, " ")
}

func TestScan(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 1, 1)
	c := s.dial(t)
	p, _ := s.start(t, c, 0, "first") // 0, marker 1
	if err := publish(p, s.units("a", 2)); err != nil {
		t.Fatal(err)
	} // 2, 3, marker 4
	s.foreigner(t, s.config.LedgerTopic, "open") // 5
	if err := publish(p, s.units("b", 1)); err != nil {
		t.Fatal(err)
	} // 6, marker 7
	var ranges []Range
	rig.Eventually(t, "the last marker, which comes after the commit's answer", rig.Patience, func() bool {
		var err error
		if ranges, err = c.Ends(soon(t), s.config.LedgerTopic); err != nil {
			t.Fatal(err)
		}
		return ranges[0].End >= 8
	})
	if want := (Range{End: 8}); len(ranges) != 1 || ranges[0] != want {
		t.Fatalf("ends %v, want %v", ranges, want)
	}
	tests := []struct {
		from, to int64
		want     string
	}{
		{0, 8, "0:producer 2:call/a0 3:call/a1 6:call/b0"},
		{3, 8, "3:call/a1 6:call/b0"}, // in the middle of a batch
		{0, 7, "0:producer 2:call/a0 3:call/a1"},
		{0, 4, "0:producer"}, // the outcome of a0 and a1 stands at 4
		{0, 5, "0:producer 2:call/a0 3:call/a1"},
		{5, 6, ""},
		{4, 4, ""},
	}
	for _, test := range tests {
		if got := scanKeys(t, c, s.config.LedgerTopic, 0, test.from, test.to); got != test.want {
			t.Errorf("scan [%d, %d): %q, want %q", test.from, test.to, got, test.want)
		}
	}
	boom := errors.New("boom")
	if err := c.Scan(soon(t), s.config.LedgerTopic, 0, 0, 8, func(Message) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("an error of visit: %v, want it back", err)
	}
	if err := c.Scan(shortly(t), s.config.LedgerTopic, 0, 0, 100, func(Message) error { return nil }); !waited(err) {
		t.Errorf("a scan beyond the end: %v, want it to wait for its context", err)
	}
}

// A partition is read to its end though compaction left nothing there.
func TestScanOfEmptiedEnd(t *testing.T) {
	var shown []string
	s := &scan{Place: batch.Place{Topic: "events", Partition: 0}, from: 0, to: 10, visit: func(m *batch.Stored) error {
		shown = append(shown, string(m.Key))
		return nil
	}}
	log := []handmade.Batch{handmade.Data(0, own, "a"), handmade.Marker(1, own, "commit"), handmade.Data(2, own, "b"), handmade.Marker(3, own, "commit")}
	var c chunk
	if err := c.fill(response(t, log, 0, 0, 1<<20), 0); err != nil {
		t.Fatal(err)
	}
	if err := s.take(&c); err != nil {
		t.Fatalf("at offset 4 of 10: %v, want more", err)
	}
	c = chunk{next: 4}
	c.HighWatermark = 9 // a follower that is behind
	if err := s.take(&c); err != nil {
		t.Fatalf("a broker that does not have everything: %v, want more", err)
	}
	c.HighWatermark = 10
	if err := s.take(&c); !errors.Is(err, errEnough) {
		t.Errorf("nothing left below the end: %v, want enough", err)
	}
	if got := strings.Join(shown, " "); got != "a b" {
		t.Errorf("shown %q, want a b", got)
	}
}

func TestScanGivesWholeRecords(t *testing.T) {
	s := newShop(t, 1, 1)
	c := s.dial(t)
	var messages []Message
	p, _ := s.start(t, c, 0, "first")
	want := batch.Record{Topic: s.config.EventTopic, Key: []byte("k"), Value: []byte("v"),
		Headers: []batch.Header{{Key: "one", Value: []byte("1")}, {Key: "two", Value: []byte("")}, {Key: "three"}}}
	if err := publish(p, [][]batch.Record{{want, {Topic: s.config.EventTopic, Key: []byte("k")}}}); err != nil {
		t.Fatal(err)
	}
	if err := c.Scan(soon(t), s.config.EventTopic, 0, 0, 2+1, func(m Message) error { messages = append(messages, m); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(messages) != 2 {
		t.Fatalf("%d messages, want 2", len(messages))
	}
	if got := messages[0].Record; fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("record %q, want %q", got, want)
	}
	if messages[1].Value != nil {
		t.Errorf("a tombstone came as %q", messages[1].Value)
	}
}

func TestTail(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 1, 3)
	c := s.dial(t)
	p, _ := s.start(t, c, 0, "first")
	if err := publish(p, s.units("old", 10)); err != nil {
		t.Fatal(err)
	}
	for _, fromStart := range []bool{true, false} {
		t.Run(fmt.Sprint("from start ", fromStart), func(t *testing.T) {
			prefix := fmt.Sprintf("new-%v-", fromStart)
			var shown shown
			ctx, cancel := context.WithCancel(soon(t))
			ended := make(chan error)
			go func() {
				ended <- c.Tail(ctx, []string{s.config.EventTopic, s.config.StatusTopic}, Stretch{FromStart: fromStart}, shown.take)
			}()
			s.signs(t, p, &shown)
			if err := publish(p, s.units(prefix, 10)); err != nil {
				t.Fatal(err)
			}
			rig.Eventually(t, "the new events", rig.Patience, func() bool { return shown.count(prefix) >= 10 })
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("Tail ended with %v", err)
			}
			if n := shown.count(prefix); n != 10 {
				t.Errorf("%d new events shown, want 10", n)
			}
			if old := shown.count("old"); (old == 10) != fromStart || (old == 0) == fromStart {
				t.Errorf("%d events from before the start", old)
			}
		})
	}
}

// shown is what a Tail has shown so far.
type shown struct {
	mu   sync.Mutex
	keys []string
}

func (s *shown) take(m Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, string(m.Key))
	return nil
}

func (s *shown) count(prefix string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range s.keys {
		if strings.HasPrefix(key, prefix) {
			n++
		}
	}
	return n
}

// signs publishes to the event topic until the tail shows that it is
// listening; it fixes where it begins for all partitions of a topic at once.
func (s *shop) signs(t *testing.T, p *Producer, tail *shown) {
	t.Helper()
	rig.Eventually(t, "the tail to begin", rig.Patience, func() bool {
		if err := publish(p, [][]batch.Record{{{Topic: s.config.EventTopic, Key: []byte("sign")}}}); err != nil {
			t.Fatal(err)
		}
		return tail.count("sign") > 0
	})
}

// Of several that begin at once one writes, and the others see it.
func TestWriteOnce(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 3, 1)
	var group errgroup.Group
	for i := range 4 {
		c := s.dial(t)
		group.Go(func() error {
			var err error
			for range 50 { // fenced by another: look again
				err = c.WriteOnce(soon(t), s.config.LedgerTopic+"-init", func(ctx context.Context) (map[int]batch.Record, error) {
					return s.lookForMeta(ctx, c, i)
				})
				if err == nil {
					return nil
				}
				sleep(t.Context(), time.Duration(rand.IntN(200))*time.Millisecond)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	found := make(map[int32]string)
	for _, r := range s.Read(s.config.LedgerTopic).Committed {
		if found[r.Partition] != "" {
			t.Errorf("partition %d has a second meta", r.Partition)
		}
		found[r.Partition] = string(r.Value)
	}
	if len(found) != 3 || found[0] != found[1] || found[1] != found[2] {
		t.Errorf("metas %v, want the same in each of 3 partitions", found)
	}
	c := s.dial(t)
	boom := errors.New("boom")
	if err := c.WriteOnce(soon(t), "id"+s.suffix, func(context.Context) (map[int]batch.Record, error) { return nil, boom }); !errors.Is(err, boom) {
		t.Errorf("an error of decide: %v, want it back", err)
	}
}

func (s *shop) lookForMeta(ctx context.Context, c *Client, who int) (map[int]batch.Record, error) {
	write := make(map[int]batch.Record)
	ranges, err := c.Ends(ctx, s.config.LedgerTopic)
	if err != nil {
		return nil, err
	}
	for _, r := range ranges {
		found := false
		err := c.Scan(ctx, s.config.LedgerTopic, r.Partition, r.Start, r.End, func(m Message) error {
			found = found || string(m.Key) == "meta"
			return nil
		})
		if err != nil {
			return nil, err
		}
		if !found {
			write[r.Partition] = batch.Record{Topic: s.config.LedgerTopic, Key: []byte("meta"), Value: []byte(fmt.Sprint("written by ", who))}
		}
	}
	return write, nil
}
