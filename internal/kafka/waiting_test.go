package kafka

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	kafkago "github.com/segmentio/kafka-go"

	"airudder-exporter/internal/kafka/access"
)

// What the brokers refuse at work is told with the settings that they refuse.
func TestWaitingNamesTheSettings(t *testing.T) {
	user := access.Config{
		Brokers: []string{"nowhere:9092"},
		SASL:    access.SASL{Mechanism: access.Plain, Username: "the-exporter", Password: password},
	}
	c, err := Dial(Config{Config: user, LedgerTopic: "ledger"},
		slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		err  error
		want string
	}{
		{kafkago.SASLAuthenticationFailed, `the broker refuses SASL.Username "the-exporter"`},
		{access.OnTopic(kafkago.TopicAuthorizationFailed, "Write", "events"), `the Kafka user "the-exporter" lacks the right Write on the topic "events"`},
	} {
		w := &wait{api: "Produce", shard: everyShard, since: time.Now()}
		c.waits.put(w, test.err)
		if got := c.Waiting(0); !strings.Contains(got, test.want) || strings.Contains(got, password) {
			t.Errorf("got %q, want %q", got, test.want)
		}
		c.waits.remove(w)
	}
}

// A request that is asked again for minutes stands in Waiting, with the reason
// in words, and in few lines of the log.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c, err := Dial(Config{Config: access.Config{Brokers: []string{"nowhere:9092"}}, LedgerTopic: "ledger"},
			slog.New(slog.NewTextHandler(&log, nil)), prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		ended := make(chan error)
		go func() {
			ended <- c.again(t.Context(), "EndTxn", 3, coordinatorAgain, func(context.Context) error {
				if time.Since(began) < 11*time.Minute {
					return kafkago.ConcurrentTransactions
				}
				return nil
			})
		}()
		time.Sleep(time.Second)
		if got := c.Waiting(3); got != "" {
			t.Errorf("after a second it waits already: %s", got)
		}
		time.Sleep(10 * time.Second)
		want := "waiting for Kafka since " + began.UTC().Format(time.RFC3339) + ": the shard's last transaction has not ended everywhere yet: "
		if got := c.Waiting(3); !strings.HasPrefix(got, want) {
			t.Errorf("after 11 s: got %q, want %q", got, want)
		}
		if got := c.Waiting(0); got != "" {
			t.Errorf("another shard waits for it: %s", got)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if got := c.Waiting(3); got != "" {
			t.Errorf("it waits for what was answered: %s", got)
		}
		said := map[string]int{"level=WARN": 3, "level=INFO": 1, "Kafka answers again\" after=11m0s": 1}
		for what, n := range said { // at 5 s, 5 min and 10 min, and at the end
			if got := strings.Count(log.String(), what); got != n {
				t.Errorf("%q stands %d times in the log, want %d:\n%s", what, got, n, &log)
			}
		}
	})
}
