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
)

// A request that is asked again for minutes stands in Waiting, with the reason
// in words, and in few lines of the log.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c, err := Dial(Config{Brokers: []string{"nowhere:9092"}, LedgerTopic: "ledger"},
			slog.New(slog.NewTextHandler(&log, nil)), prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		ended := make(chan error)
		go func() {
			ended <- c.again(t.Context(), "EndTxn", coordinatorAgain, func(context.Context) error {
				if time.Since(began) < 3*time.Minute {
					return kafkago.Error(codeConcurrent)
				}
				return nil
			})
		}()
		time.Sleep(time.Second)
		if got := c.Waiting(); got != "" {
			t.Errorf("after a second it waits already: %s", got)
		}
		time.Sleep(10 * time.Second)
		want := "waiting for Kafka since " + began.UTC().Format(time.RFC3339) + " (EndTxn): the shard's last transaction is not ended everywhere yet: "
		if got := c.Waiting(); !strings.HasPrefix(got, want) {
			t.Errorf("after 11 s: got %q, want %q", got, want)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if got := c.Waiting(); got != "" {
			t.Errorf("it waits for what was answered: %s", got)
		}
		said := map[string]int{"level=WARN": 3, "level=INFO": 1, "kafka answers again": 1}
		for what, n := range said { // at 2 s, 1 min and 2 min, and at the end
			if got := strings.Count(log.String(), what); got != n {
				t.Errorf("%q stands %d times in the log, want %d:\n%s", what, got, n, &log)
			}
		}
	})
}
