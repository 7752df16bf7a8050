package contract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"airudder-exporter/internal/batch"
)

func (t *trial) empty() {
	t.want(t.Shard(0), "")
}

func (t *trial) committed() {
	p, _ := t.open(t.Shard(0), "a")
	if asked, until := p.Throttled(); asked != 0 || !until.IsZero() {
		t.Errorf("it is throttled for %v until %v", asked, until)
	}
	t.write(p, t.unit("1"), t.unit("2"))
	t.write(p, []batch.Record{t.entry("task/x", "")}, []batch.Record{{Topic: t.Ledger, Key: []byte("call/1")}})
	t.write(p, t.unit("3"))
	t.want(t.Shard(0), "producer a call/1 call/2 task/x -call/1 call/3", "1", "2", "3")
}

func (t *trial) prepared() {
	p, _ := t.open(t.Shard(0), "a")
	t.prepare(p, t.unit("1"))
	again := t.prepare(p, t.unit("1"), t.unit("2"))
	if err := p.Commit(t.ctx, again); err != nil {
		t.Fatal(err)
	}
	t.prepare(p, t.unit("3"))
	t.want(t.Shard(0), "producer a call/1 call/2", "1", "2")
}

func (t *trial) overlapping() {
	p, _ := t.open(t.Shard(0), "a")
	committing := make(chan error, 1)
	var events, entries []string
	txn := t.prepare(p, t.unit("0"))
	for i := range 20 {
		events, entries = append(events, fmt.Sprint(i)), append(entries, fmt.Sprint("call/", i))
		go func(txn *batch.Txn) { committing <- p.Commit(t.ctx, txn) }(txn)
		txn = t.prepare(p, t.unit(fmt.Sprint(i+1)))
		if err := <-committing; err != nil {
			t.Fatal(err)
		}
	}
	t.want(t.Shard(0), "producer a "+strings.Join(entries, " "), events...)
}

func (t *trial) leading() {
	p, _ := t.open(t.Shard(0), "a")
	units := t.units(0, 3000)
	var events, entries []string
	for i := range units {
		events, entries = append(events, fmt.Sprint(i)), append(entries, fmt.Sprint("call/", i))
		units[i][0].Value = bytes.Repeat([]byte("e"), 1000) // more than one batch holds
	}
	if txn := t.prepare(p, units...); txn.Units == len(units) {
		t.Errorf("one transaction takes %d units", txn.Units)
	}
	t.write(p, units...)
	t.want(t.Shard(0), "producer a "+strings.Join(entries, " "), events...)
}

func (t *trial) fenced() {
	old := t.Shard(0)
	p, _ := t.open(old, "old")
	t.write(p, t.unit("1"))
	ready := t.prepare(p, t.unit("2"))
	young, shown := t.open(t.Shard(0), "young")
	if got := strings.Join(shown, " "); got != "producer old call/1 producer young" {
		t.Errorf("the replay shows %q", got)
	}
	err := p.Commit(t.ctx, ready)
	if err == nil || !old.Fenced(err) || old.Lasting(err) || old.Explain(err) == "" {
		t.Errorf("the older producer's commit: %v, want a fence", err)
	}
	if _, err := p.Prepare(slices.Values(t.units(3, 4))); err == nil || !old.Fenced(err) {
		t.Errorf("the older producer prepares: %v, want the same error", err)
	}
	t.write(young, t.unit("4"))
	t.want(t.Shard(0), "producer old call/1 producer young call/4", "1", "4")
}

func (t *trial) finished() {
	shard := t.Shard(0)
	p, _ := t.open(shard, "a")
	first, second := t.prepare(p, t.unit("1")), t.prepare(p, t.unit("2"))
	if err := p.Commit(t.ctx, second); err != nil {
		t.Fatal(err)
	}
	out := p.Commit(t.ctx, first)
	if out == nil || shard.Fenced(out) {
		t.Errorf("a commit out of order: %v, want an error that is no fence", out)
	}
	if _, err := p.Prepare(slices.Values(t.units(3, 4))); err == nil {
		t.Error("a finished producer prepares")
	}
	p, _ = t.open(t.Shard(0), "b")
	ended, cancel := context.WithCancel(t.ctx)
	cancel()
	if err := p.Commit(ended, t.prepare(p, t.unit("5"))); !errors.Is(err, context.Canceled) {
		t.Errorf("a commit whose context has ended: %v", err)
	}
	p, _ = t.open(t.Shard(0), "c")
	if _, err := p.Prepare(slices.Values([][]batch.Record{{{Topic: "another", Key: []byte("k")}}})); err == nil {
		t.Error("a record for a topic that is none of the producer's is taken")
	}
	t.want(t.Shard(0), "producer a call/2 producer b producer c", "2")
}

func (t *trial) tooLarge() {
	p, _ := t.open(t.Shard(0), "a")
	sized := func(call string, n int) []batch.Record {
		unit := t.unit(call)
		unit[0].Value = bytes.Repeat([]byte("v"), n-unit[0].Size()+len(unit[0].Value))
		return unit
	}
	if err := p.Renew(t.ctx); err != nil {
		t.Errorf("renew: %v", err)
	}
	limit := p.Limit(t.Events)
	if limit <= 0 || p.Limit("another") != 0 {
		t.Fatalf("limits of %d bytes, and %d of a topic that is none of the producer's", limit, p.Limit("another"))
	}
	if p.Partitions(t.Events) <= 0 || p.Partitions("another") != 0 {
		t.Fatalf("%d partitions, and %d of a topic that is none of the producer's", p.Partitions(t.Events), p.Partitions("another"))
	}
	most := limit
	for batch.Needs(most) > limit {
		most--
	}
	if err := p.Fits(sized("1", most)); err != nil {
		t.Errorf("a record of the limit's size: %v", err)
	}
	large := sized("2", most+1)
	_, err := p.Prepare(slices.Values([][]batch.Record{large}))
	for _, err := range []error{err, p.Fits(large)} {
		if found, is := errors.AsType[*batch.TooLargeError](err); !is || found.Topic != t.Events || found.Limit != limit {
			t.Errorf("a record above the limit: %v", err)
		}
	}
	t.write(p, sized("3", most))
	t.want(t.Shard(0), "producer a call/3", "3")
}

func (t *trial) barrier() {
	last := int16(-1)
	for range 3 {
		_, err := t.Shard(0).Open(t.ctx, func(id int64, epoch int16) batch.Record {
			if epoch <= last {
				t.Errorf("epoch %d comes after %d", epoch, last)
			}
			last = epoch
			return t.entry(barrierKey, "a")
		}, func([]byte, []byte) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	boom := errors.New("boom")
	_, err := t.Shard(0).Open(t.ctx, func(int64, int16) batch.Record { return t.entry(barrierKey, "b") }, func([]byte, []byte) error { return boom })
	if !errors.Is(err, boom) {
		t.Errorf("a replay whose visitor fails: %v, want its error", err)
	}
	t.want(t.Shard(0), "producer a producer a producer a producer b")
}

func (t *trial) later() {
	old := t.Shard(0)
	p, _ := t.open(old, "old")
	t.write(p, t.unit("1"))
	t.open(t.Shard(0), "rival")
	if err := p.Commit(t.ctx, t.prepare(p, t.unit("2"))); err == nil {
		t.Error("the older producer commits")
	}
	found := false
	err := old.Later(t.ctx, func(key, value []byte) bool {
		found = found || string(key) == barrierKey && string(value) == "rival"
		return found
	})
	if err != nil || !found {
		t.Errorf("the rival's barrier is seen: %v, %v", found, err)
	}
	ctx, cancel := context.WithTimeout(t.ctx, 50*time.Millisecond)
	defer cancel()
	if err := old.Later(ctx, func([]byte, []byte) bool { return false }); err == nil {
		t.Error("a look that never sees enough ends without an error")
	}
}

func (t *trial) newest() {
	meta := func(key []byte) bool { return string(key) != "meta" }
	end := int64(-1)
	look := func(want string) {
		t.Helper()
		key, _, now, err := t.Shard(1).Newest(t.ctx, meta)
		if err != nil || string(key) != want {
			t.Errorf("the newest record is %q, %v; want %q", key, err, want)
		}
		if now <= end {
			t.Errorf("the end is %d after %d", now, end)
		}
		end = now
	}
	look("")
	p, _ := t.open(t.Shard(1), "one")
	look(barrierKey)
	t.write(p, []batch.Record{t.entry("call/1", "x")}, []batch.Record{t.entry("call/2", "x")})
	look("call/2")
	for range 40 {
		t.write(p, []batch.Record{t.entry("meta", "x")})
	}
	look("call/2")
	if _, _, now, err := t.Shard(1).Newest(t.ctx, meta); err != nil || now != end {
		t.Errorf("the end moved from %d to %d, %v, though nobody wrote", end, now, err)
	}
}

func (t *trial) apart() {
	one, _ := t.open(t.Shard(0), "one")
	two, _ := t.open(t.Shard(1), "two")
	t.write(one, t.unit("1"))
	t.write(two, t.unit("2"))
	t.write(one, t.unit("3"))
	t.want(t.Shard(0), "producer one call/1 call/3", "1", "2", "3")
	t.want(t.Shard(1), "producer two call/2", "1", "2", "3")
	if got := []int{t.Shard(0).Number(), t.Shard(1).Number()}; !slices.Equal(got, []int{0, 1}) {
		t.Errorf("the shards are called %v", got)
	}
}
