package prooftest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

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
	seen := w.watch(t)
	stop := w.play(10)
	one.start()
	eventually(t, "events", patience, func() bool { return seen.count() > 20 })
	end := w.openForeign()
	for range 3 {
		before := published(one)
		eventually(t, "events while readers are held back", patience, func() bool { return published(one) > before+20 })
		one.kill()
		one.start()
		eventually(t, "a restored ledger", patience, func() bool { return published(one) > before })
	}
	stable, all := w.ends(w.topics.ledger, 1)[0], w.ends(w.topics.ledger, 0)[0]
	if stable == 0 || stable > all-60 {
		t.Errorf("the ledger is stable up to %d of %d: nothing was held back, so nothing is proved", stable, all)
	}
	end()
	stop()
	w.awaitEvents(seen, patience)
	one.terminate(grace)
	t.Logf("a stranger's transaction held readers of the ledger back at offset %d of %d", stable, all)
	w.check(nil)
}

// openForeign has a stranger write to the ledger and to every partition of the
// events in one transaction, which lasts until end is called.
func (w *world) openForeign() (end func()) {
	w.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.TransactionalID(w.topics.ledger+"/stranger"),
		kgo.TransactionTimeout(10*time.Minute), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(client.Close)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := client.BeginTransaction(); err != nil {
		w.t.Fatal(err)
	}
	records := []*kgo.Record{{Topic: w.topics.ledger, Key: []byte("stranger"), Value: []byte("{}")}}
	for p := range partitionsOf(ctx, w.t, w.client, w.topics.events) {
		records = append(records, &kgo.Record{Topic: w.topics.events, Partition: int32(p), Value: []byte("stranger")})
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := client.EndTransaction(ctx, kgo.TryAbort); err != nil {
			w.t.Fatal(err)
		}
	}
}

// published is how many events stand in an exporter's ledger, as it says; 0: it
// does not say.
func published(c *child) (events int) {
	res, err := http.Get("http://" + settingOf(c, "HTTP_ADDR") + "/api/status")
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	var status struct {
		Tasks []struct{ Events int }
	}
	if err != nil || json.Unmarshal(text, &status) != nil {
		return 0
	}
	for _, task := range status.Tasks {
		events += task.Events
	}
	return events
}
