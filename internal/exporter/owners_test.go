package exporter

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// onlooker shows what a test put into it.
type onlooker struct {
	mu      sync.Mutex
	entries map[int]ledger.Entry // by shard: what came since the last look
	ends    map[int]int64
	err     error
	asked   []map[int]int64
}

func (o *onlooker) Latest(_ context.Context, since map[int]int64, counts func([]byte) bool, show func(int, []byte, []byte, time.Time, int64)) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, since)
	if o.err != nil {
		return o.err
	}
	for shard := range since {
		var key, value []byte
		if e, wrote := o.entries[shard]; wrote && counts(e.AppendKey(nil)) {
			key, value = e.AppendKey(nil), e.AppendValue(nil)
		}
		o.ends[shard] += 10
		show(shard, key, value, time.Now().Add(-time.Hour), o.ends[shard])
	}
	o.entries = nil
	return nil
}

func (o *onlooker) writes(shard int, w ledger.Writer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.entries == nil {
		o.entries = map[int]ledger.Entry{}
	}
	o.entries[shard] = ledger.Entry{Kind: ledger.KindProducer, Writer: w}
}

// A standby knows who owns the shards, from the first look on, and reads each later time
// what is new alone.
func TestStandbyKnowsTheOwners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, testConfig(), newFakeSource(t))
		w.meta.Partitions = 3
		look := &onlooker{ends: map[int]int64{}}
		look.writes(0, ledger.Writer{Host: "a", PID: 1, Instance: "aaa"})
		look.writes(1, ledger.Writer{Host: "b", PID: 2, Instance: "bbb", Role: ledger.Tool, Done: true})
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		w.group.Go(func() { _ = w.WatchOwners(ctx, look, 15*time.Second) })
		synctest.Wait()
		got := w.Totals().Owners
		want := []Owner{
			{Shard: 0, Host: "a", PID: 1, Instance: "aaa", Since: began.Add(-time.Hour), SeenAt: began},
			{Shard: 1, Host: "b", PID: 2, Instance: "bbb", Tool: true, Done: true, Since: began.Add(-time.Hour), SeenAt: began},
		}
		if !slices.Equal(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		look.writes(1, ledger.Writer{Host: "c", PID: 3, Instance: "ccc"})
		time.Sleep(16 * time.Second)
		got = w.Totals().Owners
		if len(got) != 2 || got[0].Host != "a" || got[1].Host != "c" || got[1].Tool || got[0].SeenAt != began.Add(15*time.Second) || got[0].Since != want[0].Since {
			t.Errorf("after another took a shard: %+v", got)
		}
		look.mu.Lock()
		look.err = errors.New("no broker")
		look.mu.Unlock()
		time.Sleep(time.Hour)
		if got := w.Totals().Owners; len(got) != 2 || got[1].SeenAt != began.Add(15*time.Second) {
			t.Errorf("without a broker: %+v", got)
		}
		cancel()
		w.group.Wait()
		if n := len(look.asked); n > 242 {
			t.Errorf("it looked %d times in an hour", n)
		}
		for shard := range 3 {
			if look.asked[0][shard] != -1 || look.asked[1][shard] != 10 || look.asked[2][shard] != 20 {
				t.Errorf("shard %d was read from %d, %d, %d", shard, look.asked[0][shard], look.asked[1][shard], look.asked[2][shard])
			}
		}
	})
}

// An owner that has nothing to write hears of its fence by nobody; whoever looks sees it,
// and a take-over counts once.
func TestOwnerThatWasTakenOverInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 1, 5)
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Minute)
		if got := w.Totals().Owners; len(got) != 1 || !got[0].Self || got[0].Since.IsZero() {
			t.Errorf("before anybody looks the owners are %+v", got)
		}
		look := &onlooker{ends: map[int]int64{}}
		ends := map[int]int64{}
		rival := ledger.Writer{Host: "there", PID: 2, Instance: "other", Producer: 5, Epoch: 3}
		see := func() Snapshot {
			if err := w.lookAtOwners(t.Context(), look, ends, time.Second); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			return w.Totals()
		}
		look.writes(0, rival)
		if s := see(); len(s.Owners) != 1 || s.Owners[0].Self || s.Owners[0].Host != "there" || len(s.Notices) != 0 {
			t.Errorf("after one take-over: %+v, %+v", s.Owners, s.Notices)
		}
		w.contested(0, rival) // as the producer that hears of it at last does
		if s := see(); len(s.Notices) != 0 {
			t.Errorf("heard of twice: %+v", s.Notices)
		}
		rival.Epoch = 5
		look.writes(0, rival)
		if s := see(); len(s.Notices) != 1 || s.Notices[0].Cause != causeContested {
			t.Errorf("after two take-overs: %+v", s.Notices)
		}
		w.stop()
	})
}
