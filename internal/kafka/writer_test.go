package kafka

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/batch"
)

// writing opens a Writer of the event topic, as a replay does, and says where that ends.
func (s *shop) writing(t *testing.T, c *Client) *Writer {
	t.Helper()
	w, err := c.Writer(soon(t), s.config.EventTopic+"-replay", s.config.EventTopic)
	if err != nil {
		t.Fatal(err)
	}
	decided, err := c.Decided(soon(t), s.config.EventTopic)
	if err != nil {
		t.Fatal(err)
	}
	var ends []int64
	for _, d := range decided {
		ends = append(ends, d.Log)
	}
	w.Begins(ends)
	return w
}

// rounds are batches of one record for each name, a round for each group of them, which go
// to the partitions in turn.
func (s *shop) rounds(t *testing.T, groups ...[]string) iter.Seq2[[]batch.Placed, error] {
	t.Helper()
	return func(yield func([]batch.Placed, error) bool) {
		for _, names := range groups {
			var round []batch.Placed
			for i, name := range names {
				at := batch.Place{Topic: s.config.EventTopic, Partition: i}
				b, err := batch.EncodeAt(at, []batch.Record{{Key: []byte(name), Value: []byte("v")}}, batch.Uncompressed)
				if err != nil {
					t.Error(err)
				}
				round = append(round, b)
			}
			if !yield(round, nil) {
				return
			}
		}
	}
}

// A transaction of several rounds is one, whatever partitions they touch.
func TestWriter(t *testing.T) {
	s := newShop(t, 1, 2)
	w := s.writing(t, s.dial(t))
	for n := range 3 {
		a, b, c := fmt.Sprint("a", n), fmt.Sprint("b", n), fmt.Sprint("c", n)
		if err := w.Commit(t.Context(), s.rounds(t, []string{a}, []string{b, c})); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(t.Context(), s.rounds(t)); err != nil {
		t.Errorf("nothing to write: %v", err)
	}
	var got string
	for _, r := range s.Read(s.config.EventTopic).Committed {
		got += fmt.Sprintf("%d@%d:%s ", r.Partition, r.Offset, r.Key)
	}
	if want := "0@0:a0 0@1:b0 0@3:a1 0@4:b1 0@6:a2 0@7:b2 1@0:c0 1@2:c1 1@4:c2 "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What fails leaves nothing that is committed, and the writer writes no more.
func TestWriterFails(t *testing.T) {
	s := newShop(t, 1, 2)
	c := s.dial(t)
	broken := errors.New("broken")
	for _, test := range []struct {
		name string
		try  func(w *Writer) error
		want error
	}{
		{"another writer", func(w *Writer) error {
			s.writing(t, s.dial(t))
			return w.Commit(t.Context(), s.rounds(t, []string{"x"}))
		}, ErrFenced},
		{"an old end", func(w *Writer) error {
			w.next[1]--
			return w.Commit(t.Context(), s.rounds(t, []string{"x", "y"}))
		}, ErrMoved},
		{"a stranger", func(w *Writer) error {
			s.MustWrite(&kgo.Record{Topic: s.config.EventTopic, Key: []byte("stranger")})
			return w.Commit(t.Context(), s.rounds(t, []string{"x"}))
		}, ErrMoved},
		{"the rounds", func(w *Writer) error {
			return w.Commit(t.Context(), func(yield func([]batch.Placed, error) bool) {
				for round := range s.rounds(t, []string{"x"}) {
					if !yield(round, nil) {
						return
					}
				}
				yield(nil, broken)
			})
		}, broken},
		{"the context", func(w *Writer) error {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return w.Commit(ctx, s.rounds(t, []string{"x"}))
		}, context.Canceled},
	} {
		w := s.writing(t, c)
		if err := test.try(w); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
		if err := w.Commit(t.Context(), s.rounds(t, []string{"z"})); !errors.Is(err, test.want) {
			t.Errorf("%s, then: got %v, want the same error", test.name, err)
		}
	}
	if err := s.writing(t, c).Commit(t.Context(), s.rounds(t, []string{"last"})); err != nil {
		t.Fatal(err)
	}
	var got string
	for _, r := range s.Read(s.config.EventTopic).Committed {
		got += string(r.Key) + " "
	}
	if got != "stranger last " {
		t.Errorf("committed: got %s, want the stranger's and the last one", got)
	}
}

// A record whose transaction was open when the ends were asked for is below them, once it
// is committed; what others have open then does not move them.
func TestDecided(t *testing.T) {
	s := newShop(t, 1, 1)
	c := s.dial(t)
	topic := s.config.EventTopic
	begin := func(name string) *kgo.Client {
		writer, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers...), kgo.TransactionalID(name+s.suffix))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(writer.Close)
		if err := writer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := writer.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: []byte(name)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		return writer
	}
	show := func(d Decided) (keys string) {
		t.Helper()
		err := c.ScanDecided(soon(t), topic, d, 0, func(r *batch.Stored) error {
			keys += fmt.Sprintf("%d:%s ", r.Offset, r.Key)
			return nil
		}, func(int64) {})
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	first := begin("first")                                                  // 0
	begin("open")                                                            // 1
	third := begin("third")                                                  // 2
	if err := third.EndTransaction(t.Context(), kgo.TryCommit); err != nil { // 3
		t.Fatal(err)
	}
	stable, err := c.Stable(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	if got := show(stable[0]); got != "" || stable[0].End != 0 {
		t.Errorf("below the first that is open: got %q up to %d, want nothing", got, stable[0].End)
	}
	asked, err := c.Ends(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	asked[0].End = 1 // as it was before the second began
	ended := make(chan error, 1)
	go func() { ended <- first.EndTransaction(t.Context(), kgo.TryCommit) }()
	log, err := c.settledFrom(t.Context(), topic, asked, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := show(decided(asked, log)[0]); got != "0:first " {
		t.Errorf("got %q, want the first alone: what comes after one that is open may come again", got)
	}
}
