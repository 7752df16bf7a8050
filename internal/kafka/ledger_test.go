package kafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/rig"
)

// foreigner opens a transaction of its own on a topic's partition 0 and leaves
// it open until the test ends.
func (s *shop) foreigner(t *testing.T, topic, key string) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers...), kgo.TransactionalID("foreign"+s.suffix), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cl.EndTransaction(soon(t), kgo.TryAbort); err != nil {
			t.Error(err)
		}
		cl.Close()
	})
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	r := &kgo.Record{Topic: topic, Partition: 0, Key: []byte(key), Value: []byte("open")}
	if err := cl.ProduceSync(soon(t), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// Someone else's open transaction holds the last stable offset down, and must
// not hide what we committed behind it.
func TestReplayBehindForeignTransaction(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 1, 1)
	s.foreigner(t, s.config.LedgerTopic, "foreign")
	p, seen := s.start(t, s.dial(t), 0, "first")
	if seen.shown != 1 {
		t.Errorf("%d records, want the barrier alone", seen.shown)
	}
	for i := range 5 {
		if err := publish(p, s.units(fmt.Sprint(i, "-"), 100)); err != nil {
			t.Fatal(err)
		}
	}
	_, seen = s.start(t, s.dial(t), 0, "second")
	if got := len(seen.byKey); got != 500 {
		t.Errorf("%d entries, want 500", got)
	}
	if seen.byKey["foreign"] != "" {
		t.Error("an undecided record was shown")
	}
}

// The old owner works until the fence stands: what it commits while the new
// one's fence is on its way is in the new one's replay.
func TestReplayHasWhatCameBeforeTheFence(t *testing.T) {
	s := newShop(t, 1, 1)
	old, _ := s.start(t, s.dial(t), 0, "old")
	if err := publish(old, s.units("a", 2)); err != nil {
		t.Fatal(err)
	}
	w := newWire(t)
	slow := s.config
	slow.Dial = w.dial
	var last error
	f := w.add(apiInitProducerID, 0, func(c *wireConn, request []byte) error {
		last = publish(old, s.units("b", 2))
		_, err := c.Conn.Write(request)
		return err
	})
	_, seen := s.start(t, dialWith(t, slow), 0, "new")
	<-f.hit
	if last != nil {
		t.Fatalf("the old owner before the fence: %v", last)
	}
	for _, id := range []string{"a0", "a1", "b0", "b1"} {
		if seen.byKey["call/"+id] == "" {
			t.Errorf("call %s was committed before the fence, and the replay has not got it", id)
		}
	}
}

// A process that dies inside a transaction leaves it open; the next fence
// aborts it, and readers go on.
func TestOpenTransactionIsAborted(t *testing.T) {
	s := newShop(t, 1, 1)
	w := newWire(t)
	faulty := s.config
	faulty.Dial = w.dial
	dead, _ := s.start(t, dialWith(t, faulty), 0, "dead")
	w.add(apiEndTxn, 0, lost)
	if err := publish(dead, s.units("dead", 3)); err == nil {
		t.Fatal("a lost EndTxn was reported as a commit")
	}
	began := time.Now()
	p, seen := s.start(t, s.dial(t), 0, "next")
	if seen.shown != 2 {
		t.Errorf("%d records, want the two barriers", seen.shown)
	}
	if err := publish(p, s.units("a", 1)); err != nil {
		t.Fatal(err)
	}
	s.checkOnce(t, "a0")
	t.Logf("readers waited %v", time.Since(began))
}

// remake deletes a topic and creates it again, once no transaction is open on
// it: where the markers are being written, a broker (Kafka 4.1) stops writing
// anybody's for half a minute.
func (s *shop) remake(t *testing.T, topic string) {
	t.Helper()
	s.SettledEnds(topic)
	s.Remove(topic)
	s.Create(topic, 1, "cleanup.policy=compact")
}

func TestRecreatedLedgerIsNoticed(t *testing.T) {
	s := newShop(t, 1, 1)
	c := s.dial(t)
	p, _ := s.start(t, c, 0, "first")
	if err := publish(p, s.units("a", 20)); err != nil {
		t.Fatal(err)
	}
	s.remake(t, s.config.LedgerTopic)
	rig.Eventually(t, "the client to see the new topic", rig.Patience, func() bool {
		ranges, err := c.Ends(soon(t), s.config.LedgerTopic)
		return err == nil && ranges[0].End == 0
	})
	if err := publish(p, s.units("b", 1)); err == nil {
		t.Error("a commit into a ledger that was created again")
	} else if s.fake == nil && !errors.Is(err, ErrLedgerMoved) { // kfake refuses the sequence number
		t.Errorf("commit: %v, want ErrLedgerMoved", err)
	}
	var seen entries
	_, err := c.Producer(soon(t), 0, barrier("second"), seen.take)
	if !errors.Is(err, ErrLedgerMoved) {
		t.Errorf("the next start in the same process: %v, want ErrLedgerMoved", err)
	}
	var calls []string
	for i := range 20 {
		calls = append(calls, fmt.Sprint("a", i))
	}
	if _, err := s.dial(t).Producer(soon(t), 0, barrier("third"), seen.take); err != nil {
		t.Errorf("a new process knows nothing of the old ledger: %v", err)
	}
	s.checkOnce(t, calls...)
}

// A ledger that is made anew between the barrier and the replay has nothing to
// wait for.
func TestLedgerRecreatedBeforeTheReplay(t *testing.T) {
	s := newShop(t, 1, 1)
	w := newWire(t)
	config := s.config
	config.Dial, config.TransactionTimeout = w.dial, 2*time.Second
	c := dialWith(t, config)
	w.add(apiFetch, 0, func(c *wireConn, request []byte) error {
		s.remake(t, s.config.LedgerTopic)
		_, err := c.Conn.Write(request)
		return err
	})
	var seen entries
	if _, err := c.Producer(soon(t), 0, barrier("first"), seen.take); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a replay without its barrier: got %v, want an error of its own", err)
	}
	if _, err := c.Producer(soon(t), 0, barrier("second"), seen.take); !errors.Is(err, ErrLedgerMoved) {
		t.Errorf("the next start: got %v, want ErrLedgerMoved", err)
	}
}

// One that is made anew with fewer partitions has lost a shard.
func TestLedgerRecreatedWithFewerPartitions(t *testing.T) {
	s := newShop(t, 2, 1)
	c := s.dial(t)
	s.start(t, c, 1, "first")
	s.remake(t, s.config.LedgerTopic)
	var seen entries
	if _, err := c.Producer(soon(t), 1, barrier("second"), seen.take); !errors.Is(err, ErrLedgerMoved) {
		t.Errorf("got %v, want ErrLedgerMoved", err)
	}
}

func TestShortenedLedgerIsNoticed(t *testing.T) {
	s := newShop(t, 1, 1)
	p, _ := s.start(t, s.dial(t), 0, "first")
	if err := publish(p, s.units("a", 20)); err != nil {
		t.Fatal(err)
	}
	s.Set(s.config.LedgerTopic, "cleanup.policy=compact,delete") // as someone may have set it
	s.Truncate(s.config.LedgerTopic, 5)
	var seen entries
	if _, err := s.dial(t).Producer(soon(t), 0, barrier("second"), seen.take); !errors.Is(err, ErrLedgerMoved) {
		t.Errorf("start on a ledger that lost its beginning: %v, want ErrLedgerMoved", err)
	}
	if seen.shown > 0 {
		t.Errorf("%d records shown of a ledger that cannot be trusted", seen.shown)
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 1, 1)
	c := s.dial(t)
	var seen entries
	if _, err := c.Producer(soon(t), 4, barrier("x"), seen.take); err == nil {
		t.Error("a shard that the ledger does not have")
	}
	if _, err := c.Producer(soon(t), 0, func(int64, int16) batch.Record { return batch.Record{} }, seen.take); err == nil {
		t.Error("a barrier without a key")
	}
	boom := errors.New("boom")
	if _, err := c.Producer(soon(t), 0, barrier("x"), func(int64, []byte, []byte) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("an error of replay: %v, want it back", err)
	}
	missing := s.config
	missing.DeadLetterTopic = "no-such-topic"
	if _, err := dialWith(t, missing).Producer(soon(t), 0, barrier("x"), seen.take); err == nil {
		t.Error("a topic that is not there")
	}
	if os.Getenv("TEST_KAFKA_BROKERS") != "" {
		return // nothing listens at the fake's old address; on a shared machine we cannot know
	}
	s.fake.Close()
	if _, err := c.Producer(shortly(t), 0, barrier("x"), seen.take); err == nil {
		t.Error("a start without a broker")
	}
}

// TestReplayOfCleanedPartition lets the broker's cleaner at a ledger and
// replays what it left, in pieces of every size.
func TestReplayOfCleanedPartition(t *testing.T) {
	s := newShop(t, 1, 1)
	if s.fake != nil {
		t.Skip("kfake moves the log start when it compacts, as no broker does; TestReplayLayouts stands for it")
	}
	s.config.LedgerTopic = s.topic("cleaned", 1, "cleanup.policy=compact", "segment.ms=1000",
		"min.cleanable.dirty.ratio=0.01", "delete.retention.ms=100", "max.compaction.lag.ms=1000")
	c := s.dial(t)
	want := make(map[string]string)
	for round := range 3 {
		p, _ := s.start(t, c, 0, fmt.Sprint("round ", round))
		for i := range 40 {
			r := batch.Record{Topic: s.config.LedgerTopic, Key: []byte(fmt.Sprint("call/", i%7)), Value: []byte(fmt.Sprint(round, i))}
			if i%7 == 3 {
				r.Value = nil
				delete(want, string(r.Key))
			} else {
				want[string(r.Key)] = string(r.Value)
			}
			if err := publish(p, [][]batch.Record{{r}}); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(1100 * time.Millisecond) // the segment's age, so that the next round rolls it
	}
	written := 3 * 41
	s.start(t, c, 0, "last")
	rig.Eventually(t, "the cleaner", rig.Patience, func() bool {
		n, _ := s.rawRecords(t, c, 0)
		return n < written-30
	})
	for _, size := range []int32{1, 70, 500, 1 << 20} {
		n, got := s.rawRecords(t, c, size)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%d bytes at a time: %v, want %v", size, got, want)
		}
		t.Logf("%d of %d records left", n, written)
	}
	if _, seen := s.start(t, c, 0, "after"); fmt.Sprint(seen.byKey) != fmt.Sprint(want) {
		t.Errorf("replayed %v, want %v", seen.byKey, want)
	}
}

// rawRecords reads the whole ledger, size bytes at a time.
func (s *shop) rawRecords(t *testing.T, c *Client, size int32) (int, map[string]string) {
	t.Helper()
	var seen entries
	ranges, err := c.Ends(soon(t), s.config.LedgerTopic)
	if err != nil {
		t.Fatal(err)
	}
	s2 := &scan{Place: batch.Place{Topic: s.config.LedgerTopic, Partition: 0}, to: ranges[0].End, visit: func(m *batch.Stored) error { return seen.take(m.Offset, m.Key, m.Value) }}
	if err := c.stream(soon(t), reading{Place: s2.Place, maxBytes: size}, s2.take); err != nil {
		t.Fatal(err)
	}
	delete(seen.byKey, "producer")
	return seen.shown, seen.byKey
}
