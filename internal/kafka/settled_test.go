package kafka

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestSettled waits for a transaction that somebody has open, and not for ever.
func TestSettled(t *testing.T) {
	s := newShop(t, 1, 2)
	c := s.dial(t)
	writer, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers...), kgo.TransactionalID("writer"+s.suffix), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(writer.Close)
	if err := writer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	r := &kgo.Record{Topic: s.config.EventTopic, Partition: 1, Key: []byte("last")}
	if err := writer.ProduceSync(t.Context(), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
	asked, err := c.Ends(t.Context(), s.config.EventTopic)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.settledFrom(t.Context(), s.config.EventTopic, asked, time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "a transaction is open on "+s.config.EventTopic+"[1]") {
		t.Errorf("got error %v, want one that names the partition", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- writer.EndTransaction(t.Context(), kgo.TryCommit) }()
	ranges, err := c.Settled(t.Context(), s.config.EventTopic)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := scanKeys(t, c, s.config.EventTopic, 1, ranges[1].Start, ranges[1].End); got != "0:last" {
		t.Errorf("up to %d: got %q, want the record that was committed last", ranges[1].End, got)
	}
}

// TestSettledBesideABusyWriter has somebody begin a transaction before another's ends:
// what was open at the beginning is waited for, and nothing else.
func TestSettledBesideABusyWriter(t *testing.T) {
	s := newShop(t, 1, 1)
	c := s.dial(t)
	begin := func(name string) *kgo.Client {
		writer, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers...), kgo.TransactionalID(name+s.suffix))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(writer.Close)
		if err := writer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := writer.ProduceSync(t.Context(), &kgo.Record{Topic: s.config.EventTopic, Key: []byte(name)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		return writer
	}
	first := begin("first")
	asked, err := c.Ends(t.Context(), s.config.EventTopic)
	if err != nil {
		t.Fatal(err)
	}
	begin("second")
	if _, err := c.settledFrom(t.Context(), s.config.EventTopic, asked, 0); err == nil {
		t.Error("a transaction is open that was begun before")
	}
	if err := first.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	ranges, err := c.settledFrom(t.Context(), s.config.EventTopic, asked, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if got := scanKeys(t, c, s.config.EventTopic, 0, ranges[0].Start, ranges[0].End); got != "0:first" {
		t.Errorf("up to %d: got %q, want the record of the transaction that has ended", ranges[0].End, got)
	}
}

func TestRetention(t *testing.T) {
	s := newShop(t, 1, 1)
	for _, tt := range []struct {
		name    string
		configs []string
		want    time.Duration
		known   bool
	}{
		{"a week", []string{"cleanup.policy=delete", "retention.ms=604800000"}, 168 * time.Hour, true},
		{"for ever", []string{"cleanup.policy=delete", "retention.ms=-1"}, 0, false},
		{"by size, too", []string{"cleanup.policy=delete", "retention.ms=604800000", "retention.bytes=1000"}, 0, false},
		{"compacted", []string{"cleanup.policy=compact,delete", "retention.ms=604800000"}, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config := s.config
			config.EventTopic = s.topic(strings.NewReplacer(" ", "-", ",", "").Replace(tt.name), 1, tt.configs...)
			got, known, err := dialWith(t, config).Retention(t.Context(), config.EventTopic)
			if err != nil || got != tt.want || known != tt.known {
				t.Errorf("got %s, %v, error %v; want %s, %v", got, known, err, tt.want, tt.known)
			}
		})
	}
}
