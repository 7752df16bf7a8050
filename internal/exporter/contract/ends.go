package contract

import (
	"context"
	"errors"
	"slices"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/exporter"
)

func (t *trial) ends() {
	ends := func(p exporter.Producer) []int64 {
		t.Helper()
		all, err := p.Ends(t.ctx)
		if err != nil {
			t.Fatalf("ends: %v", err)
		}
		return all
	}
	same := func(who string, p exporter.Producer) {
		t.Helper()
		if got, want := ends(p), t.Ends(); !slices.Equal(got, want) {
			t.Errorf("%s: the events end at %v, want %v", who, got, want)
		}
	}
	old, _ := t.open(t.Shard(0), "old")
	clear(ends(old)) // the caller's
	same("nothing published", old)
	for i := range 3 {
		t.write(old, t.units(10*i, 10*i+1+4*i)...)
		same("the old one's own commits", old)
	}
	t.write(old, []batch.Record{t.entry("task/x", "")})
	lost := t.prepare(old, t.unit("lost"))
	same("nothing but an entry, and a transaction that is only prepared", old)
	young, _ := t.open(t.Shard(0), "young")
	if err := old.Commit(t.ctx, lost); err == nil {
		t.Error("a fenced producer commits")
	}
	t.write(young, t.unit("4"))
	same("what came before, and a commit before the question", young)
	other, _ := t.open(t.Shard(1), "other")
	t.write(other, t.units(100, 130)...)
	t.write(young, t.units(50, 80)...)
	same("after another's commits", young)
	for i, end := range ends(other) {
		if end > t.Ends()[i] {
			t.Errorf("partition %d ends at %d", i, end)
		}
	}
	ended, cancel := context.WithCancel(t.ctx)
	cancel()
	third, _ := t.open(t.Shard(0), "third")
	if _, err := third.Ends(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("a question whose context has ended: %v", err)
	}
	t.write(third, t.unit("5"))
	same("after an error", third)
}
