package prooftest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"airudder-exporter/internal/rig"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestForeignTransaction leaves a stranger's transaction open on the ledger and
// on the events. Nobody who reads committed data sees beyond its beginning; the
// exporter goes on all the same, and a new one finds everything that was
// committed meanwhile.
func TestForeignTransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t, renewed(71), nil)
	one := w.exporter("one")
	w.play(10)
	one.Start()
	w.awaitMore(20)
	end := w.openForeign()
	for range 3 {
		before := published(one)
		rig.Eventually(t, "events while readers are held back", rig.Patience, func() bool { return published(one) > before+20 })
		one.Kill()
		one.Start()
		rig.Eventually(t, "a restored ledger", rig.Patience, func() bool { return published(one) > before })
	}
	stable, all := w.StableEnds(w.Topics.Ledger)[0], w.Ends(w.Topics.Ledger)[0]
	if stable == 0 || stable > all-60 {
		t.Errorf("the ledger is stable up to %d of %d: nothing was held back, so nothing is proved", stable, all)
	}
	end()
	w.settle()
	t.Logf("a stranger's transaction held readers of the ledger back at offset %d of %d", stable, all)
	w.check(nil)
}

// openForeign has a stranger write to the ledger and to every partition of the
// events in one transaction, which lasts until end is called.
func (w *world) openForeign() (end func()) {
	w.T.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.Brokers...), kgo.TransactionalID(w.Topics.Ledger+"/stranger"),
		kgo.TransactionTimeout(10*time.Minute), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		w.T.Fatal(err)
	}
	w.T.Cleanup(client.Close)
	ctx, cancel := context.WithTimeout(context.Background(), rig.Patience)
	defer cancel()
	if err := client.BeginTransaction(); err != nil {
		w.T.Fatal(err)
	}
	records := []*kgo.Record{{Topic: w.Topics.Ledger, Key: []byte("stranger"), Value: []byte("{}")}}
	for p := range w.Partitions(w.Topics.Events) {
		records = append(records, &kgo.Record{Topic: w.Topics.Events, Partition: int32(p), Value: []byte("stranger")})
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		w.T.Fatal(err)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), rig.Patience)
		defer cancel()
		if err := client.EndTransaction(ctx, kgo.TryAbort); err != nil {
			w.T.Fatal(err)
		}
	}
}

// published is how many events stand in an exporter's ledger, as it says; 0: it
// does not say.
func published(c *child) int {
	_, text := c.Page("/api/status?limit=0")
	var status struct {
		Totals struct{ Events int }
	}
	if json.Unmarshal([]byte(text), &status) != nil {
		return 0
	}
	return status.Totals.Events
}
