package embedded

import (
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The hook fires once a committed transaction, while its records are in the
// log and undecided.
func TestBeforeEndTxnFiresInsideTheTransaction(t *testing.T) {
	ctx := testContext(t)
	b := startBroker(t, BrokerConfig{Partitions: 1, Topics: []string{topic}})
	var fired []string
	b.BeforeEndTxn(func(transactionalID string) bool {
		fired = append(fired, transactionalID)
		p := b.Cluster().PartitionInfo(topic, 0)
		if p.LastStableOffset >= p.HighWatermark {
			t.Errorf("last stable offset %d, end %d: no transaction is open", p.LastStableOffset, p.HighWatermark)
		}
		return false
	})
	cl := client(t, b, kgo.TransactionalID("writer"))
	if err := transact(ctx, cl, "a", "b"); err != nil {
		t.Fatal(err)
	}
	if err := write(ctx, cl, "aborted"); err != nil {
		t.Fatal(err)
	}
	if err := cl.EndTransaction(ctx, kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	if err := transact(ctx, cl, "c"); err != nil {
		t.Fatal(err)
	}
	if want := []string{"writer", "writer"}; !slices.Equal(fired, want) {
		t.Errorf("hook calls: got %q, want %q", fired, want)
	}
	wantValues(t, b, "a", "b", "c")
}

// A dropped commit never happens, for a client that dies there; the next
// producer aborts what it left.
func TestBeforeEndTxnDrops(t *testing.T) {
	ctx := testContext(t)
	b := startBroker(t, BrokerConfig{Partitions: 1, Topics: []string{topic}})
	b.BeforeEndTxn(func(string) bool { return true })
	dying := client(t, b, kgo.TransactionalID("writer"), kgo.RequestRetries(0), kgo.RetryTimeout(time.Millisecond))
	if err := transact(ctx, dying, "lost"); err == nil {
		t.Fatal("a dropped commit was answered with success")
	}
	b.BeforeEndTxn(nil)
	if err := transact(ctx, client(t, b, kgo.TransactionalID("writer")), "kept"); err != nil {
		t.Fatal(err)
	}
	wantValues(t, b, "kept")
}

// A producer that was fenced is inside no transaction, whoever writes now.
func TestBeforeEndTxnIgnoresTheFenced(t *testing.T) {
	ctx := testContext(t)
	b := startBroker(t, BrokerConfig{Partitions: 1, Topics: []string{topic}})
	fired := 0
	b.BeforeEndTxn(func(string) bool { fired++; return false })

	old := client(t, b, kgo.TransactionalID("writer"))
	if err := write(ctx, old, "old"); err != nil {
		t.Fatal(err)
	}
	next := client(t, b, kgo.TransactionalID("writer"))
	if err := write(ctx, next, "next"); err != nil {
		t.Fatal(err)
	}
	if err := old.EndTransaction(ctx, kgo.TryCommit); err == nil {
		t.Error("the fenced producer committed")
	}
	if fired != 0 {
		t.Errorf("hook calls for the fenced producer: got %d, want 0", fired)
	}
	if err := next.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if fired != 1 {
		t.Errorf("hook calls in all: got %d, want 1", fired)
	}
	wantValues(t, b, "next")
}
