package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/rig"
)

// noon is the time that the tests of Tail speak of: in the past, and young enough for
// a broker's retention.
var noon = time.Now().Add(-24 * time.Hour).Truncate(time.Hour)

// tailKeys is what Tail shows of a stretch that has an end, as partition:key.
func (s *shop) tailKeys(t *testing.T, c *Client, topic string, of Stretch) string {
	t.Helper()
	var shown []string
	err := c.Tail(soon(t), []string{topic}, of, func(m Message) error {
		shown = append(shown, fmt.Sprintf("%d:%s", m.Partition, m.Key))
		return nil
	})
	if err != nil {
		t.Fatalf("%+v: %v", of, err)
	}
	// Each partition's records come in order, the partitions side by side.
	slices.SortStableFunc(shown, func(a, b string) int { return strings.Compare(a[:1], b[:1]) })
	return strings.Join(shown, " ")
}

// transaction writes records in a transaction of its own, and returns what ends it.
func (s *shop) transaction(t *testing.T, name string, records ...*kgo.Record) (end func(kgo.TransactionEndTry)) {
	t.Helper()
	writer, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers...), kgo.TransactionalID(name+s.suffix), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(writer.Close)
	if err := writer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := writer.ProduceSync(soon(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return func(how kgo.TransactionEndTry) {
		t.Helper()
		if err := writer.EndTransaction(soon(t), how); err != nil {
			t.Fatal(err)
		}
	}
}

// at is a record that was published so long after noon.
func (s *shop) at(partition int32, key string, after time.Duration) *kgo.Record {
	return &kgo.Record{Topic: s.config.EventTopic, Partition: partition, Key: []byte(key), Timestamp: noon.Add(after)}
}

// TestTailStretch: partition 1 ends with a marker, partition 2 with an aborted
// transaction and its marker; partition 3 is empty, and the clocks differ.
func TestTailStretch(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 1, 4)
	c := s.dial(t)
	s.MustWrite(s.at(0, "a", 0), s.at(0, "b", time.Hour), s.at(0, "c", 2*time.Hour), s.at(0, "slow", 90*time.Minute))
	s.transaction(t, "one", s.at(1, "d", time.Hour), s.at(1, "e", 3*time.Hour))(kgo.TryCommit)
	s.MustWrite(s.at(2, "f", 2*time.Hour))
	s.transaction(t, "two", s.at(2, "aborted", 2*time.Hour))(kgo.TryAbort)
	for _, test := range []struct {
		of   Stretch
		want string
	}{
		{Stretch{FromStart: true}, "0:a 0:b 0:c 0:slow 1:d 1:e 2:f"},
		{Stretch{Since: noon.Add(-time.Hour)}, "0:a 0:b 0:c 0:slow 1:d 1:e 2:f"},
		{Stretch{Since: time.Unix(-5, 0)}, "0:a 0:b 0:c 0:slow 1:d 1:e 2:f"},
		{Stretch{Since: noon.Add(time.Hour)}, "0:b 0:c 0:slow 1:d 1:e 2:f"},
		{Stretch{Since: noon.Add(time.Hour + time.Nanosecond)}, "0:c 0:slow 1:e 2:f"},
		{Stretch{Since: noon.Add(2 * time.Hour)}, "0:c 1:e 2:f"},
		{Stretch{Since: noon.Add(4 * time.Hour)}, ""},
		{Stretch{FromStart: true, Until: noon.Add(2 * time.Hour)}, "0:a 0:b 0:slow 1:d"},
		{Stretch{Since: noon.Add(time.Hour), Until: noon.Add(2 * time.Hour)}, "0:b 0:slow 1:d"},
		{Stretch{Since: noon.Add(150 * time.Minute), Until: noon.Add(170 * time.Minute)}, ""},
		{Stretch{}, ""}, // the next record is behind the end
	} {
		test.of.ToEnd = true
		if got := s.tailKeys(t, c, s.config.EventTopic, test.of); got != test.want {
			t.Errorf("%+v: shown %q, want %q", test.of, got, test.want)
		}
	}
	boom := errors.New("boom")
	err := c.Tail(soon(t), []string{s.config.EventTopic}, Stretch{FromStart: true, ToEnd: true}, func(Message) error { return boom })
	if !errors.Is(err, boom) {
		t.Errorf("an error of visit: %v, want it back", err)
	}
}

func TestTailOfEmptyTopic(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 1, 2)
	c := s.dial(t)
	for _, of := range []Stretch{{}, {FromStart: true}, {Since: noon}} {
		of.ToEnd = true
		if got := s.tailKeys(t, c, s.config.EventTopic, of); got != "" {
			t.Errorf("%+v: shown %q of an empty topic", of, got)
		}
	}
	err := c.Tail(soon(t), []string{"none" + s.suffix}, Stretch{ToEnd: true}, func(Message) error { return nil })
	if !errors.Is(err, ErrNoTopic) {
		t.Errorf("without a topic: %v", err)
	}
}

// Retention may have taken the beginning, or everything.
func TestTailOfShortenedTopic(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 1, 1)
	c := s.dial(t)
	s.MustWrite(s.at(0, "a", 0), s.at(0, "b", time.Hour))
	s.transaction(t, "one", s.at(0, "c", 2*time.Hour))(kgo.TryCommit)
	for _, test := range []struct {
		before int64
		of     Stretch
		want   string
	}{
		{1, Stretch{FromStart: true}, "0:b 0:c"},
		{1, Stretch{Since: noon}, "0:b 0:c"},
		{1, Stretch{Since: noon.Add(2 * time.Hour)}, "0:c"},
		{-1, Stretch{FromStart: true}, ""},
		{-1, Stretch{Since: noon}, ""},
	} {
		s.Truncate(s.config.EventTopic, test.before)
		test.of.ToEnd = true
		if got := s.tailKeys(t, c, s.config.EventTopic, test.of); got != test.want {
			t.Errorf("without the records before %d, %+v: shown %q, want %q", test.before, test.of, got, test.want)
		}
	}
}

// What was committed before Tail was called is shown, however late its marker; what
// somebody has begun since holds nothing up.
func TestTailToEndBesideOpenTransactions(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 1, 1)
	w := newWire(t)
	watched := s.config
	watched.Dial = w.dial
	c := dialWith(t, watched)
	end := s.transaction(t, "first", s.at(0, "a", 0))
	shown := make(chan string)
	go func() { shown <- s.tailKeys(t, c, s.config.EventTopic, Stretch{FromStart: true, ToEnd: true}) }()
	rig.Eventually(t, "questions for the end", rig.Patience, func() bool { return w.count(apiListOffsets) > 3 })
	endLater := s.transaction(t, "second", s.at(0, "open", 0))
	end(kgo.TryCommit)
	if got := <-shown; got != "0:a" {
		t.Errorf("shown %q, want what was committed", got)
	}
	endLater(kgo.TryAbort)
}

// A reader that retention overtakes continues with what is left, as far as its end.
func TestTailIsOvertaken(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 1, 1)
	c := s.dial(t)
	s.MustWrite(s.at(0, "a", 0), s.at(0, "b", 0), s.at(0, "c", 0))
	s.Truncate(s.config.EventTopic, 2)
	for _, test := range []struct {
		end  int64
		want string
	}{{2, ""}, {3, "c"}, {4, "cut"}} {
		var shown string
		err := c.follow(soon(t), s.config.EventTopic, Range{End: test.end}, func(m *batch.Stored) error {
			shown += string(m.Key)
			return nil
		}, func(int64) {})
		if err != nil && strings.Contains(err.Error(), "was cut, or deleted and created again") {
			shown = "cut"
		} else if err != nil {
			t.Error(err)
		}
		if shown != test.want {
			t.Errorf("up to %d: shown %q, want %q", test.end, shown, test.want)
		}
	}
}

// A tail without an end shows what comes from a time on.
func TestTailSinceFollows(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 1, 1)
	c := s.dial(t)
	s.MustWrite(s.at(0, "old", 0), s.at(0, "a", time.Hour))
	var shown shown
	ctx, cancel := context.WithCancel(soon(t))
	ended := make(chan error)
	go func() {
		ended <- c.Tail(ctx, []string{s.config.EventTopic}, Stretch{Since: noon.Add(time.Hour)}, shown.take)
	}()
	rig.Eventually(t, "what was there", rig.Patience, func() bool { return shown.count("a") == 1 })
	s.MustWrite(s.at(0, "older", 0), s.at(0, "b", 2*time.Hour))
	rig.Eventually(t, "what came", rig.Patience, func() bool { return shown.count("b") == 1 })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Tail ended with %v", err)
	}
	if n := shown.count("old"); n > 0 {
		t.Errorf("%d records from before the time", n)
	}
}

// The offsets by time are asked for again while a leader is being elected, and the
// lack of a right is an error that names it.
func TestTailSinceAsksAgain(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 1, 1)
	s.MustWrite(s.at(0, "a", 0))
	w := newWire(t)
	watched := s.config
	watched.Dial = w.dial
	c := dialWith(t, watched)
	if _, err := c.FirstAt(soon(t), s.config.EventTopic, noon, 1); err != nil { // the metadata are there
		t.Fatal(err)
	}
	for _, code := range []int16{6, 78} {
		w.add(apiListOffsets, 0, answers(code))
		if got, err := c.FirstAt(soon(t), s.config.EventTopic, noon, 1); err != nil || got[0] != 0 {
			t.Errorf("after code %d: %v, %v", code, got, err)
		}
	}
	w.add(apiListOffsets, 0, answers(29))
	if _, err := c.FirstAt(soon(t), s.config.EventTopic, noon, 1); code(err) != 29 {
		t.Errorf("without a right: %v", err)
	}
}
