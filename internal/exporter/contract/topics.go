package contract

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/batch"
)

// shown is what a look at the ledger shows, a partition after the other; it sees
// enough of a partition at a key.
func (t *trial) shown(enoughAt string) string {
	t.Helper()
	parts := make([]string, t.Shards)
	starts, err := t.Topics.Look(t.ctx, t.Ledger, func(partition int, key, _ []byte) (bool, error) {
		parts[partition] += " " + string(key)
		return string(key) == enoughAt, nil
	})
	if err != nil {
		t.Fatalf("look: %v", err)
	}
	if !slices.Equal(starts, make([]int64, t.Shards)) {
		t.Errorf("the logs start at %v, want 0", starts)
	}
	return strings.Join(parts, " |")
}

func (t *trial) look() {
	published := func(want bool) {
		t.Helper()
		if got, err := t.Topics.Published(t.ctx, t.Events); err != nil || got != want {
			t.Errorf("published: %v, %v; want %v", got, err, want)
		}
	}
	published(false)
	if got := t.shown(""); got != " |" {
		t.Errorf("an empty ledger shows %q", got)
	}
	p, _ := t.open(t.Shard(0), "a")
	published(false)
	t.write(p, t.unit("1"), t.unit("2"))
	t.prepare(p, t.unit("3"))
	published(true)
	q, _ := t.open(t.Shard(1), "b")
	t.write(q, t.unit("4"))
	for at, want := range map[string]string{
		"":       " producer call/1 call/2 | producer call/4",
		"call/1": " producer call/1 | producer call/4",
	} {
		if got := t.shown(at); got != want {
			t.Errorf("up to %q the ledger shows %q, want %q", at, got, want)
		}
	}
	boom := errors.New("boom")
	if _, err := t.Topics.Look(t.ctx, t.Ledger, func(int, []byte, []byte) (bool, error) { return false, boom }); !errors.Is(err, boom) {
		t.Errorf("a look whose visitor fails: %v, want its error", err)
	}
}

// metas is a record for each partition.
func (t *trial) metas(value string) map[int]batch.Record {
	all := make(map[int]batch.Record)
	for i := range t.Shards {
		all[i] = t.entry("meta", value)
	}
	return all
}

func (t *trial) id() string { return t.Ledger + "-init" }

func (t *trial) once() {
	err := t.Topics.WriteOnce(t.ctx, t.id(), func(context.Context) (map[int]batch.Record, error) { return nil, nil })
	if err != nil {
		t.Errorf("nothing to write: %v", err)
	}
	boom := errors.New("boom")
	err = t.Topics.WriteOnce(t.ctx, t.id(), func(context.Context) (map[int]batch.Record, error) { return t.metas("x"), boom })
	if !errors.Is(err, boom) {
		t.Errorf("an error of decide: %v, want it back", err)
	}
	if got := t.shown(""); got != " |" {
		t.Errorf("so far the ledger shows %q", got)
	}
	err = t.Topics.WriteOnce(t.ctx, t.id(), func(context.Context) (map[int]batch.Record, error) { return t.metas("y"), nil })
	if err != nil {
		t.Fatal(err)
	}
	// Its markers are in place once the next fence answers.
	err = t.Topics.WriteOnce(t.ctx, t.id(), func(context.Context) (map[int]batch.Record, error) {
		if got := t.shown(""); got != " meta | meta" {
			t.Errorf("then the ledger shows %q", got)
		}
		return nil, nil
	})
	if err != nil {
		t.Error(err)
	}
}

// race has several write at once, each only where it finds nothing.
func (t *trial) race() {
	var group errgroup.Group
	for i := range 4 {
		group.Go(func() (err error) {
			for try := range 50 { // fenced by another: look again
				err = t.Topics.WriteOnce(t.ctx, t.id(), func(context.Context) (map[int]batch.Record, error) {
					if strings.Contains(t.shown(""), "meta") {
						return nil, nil
					}
					return t.metas(fmt.Sprint("by ", i)), nil
				})
				if err == nil {
					return nil
				}
				select {
				case <-t.ctx.Done():
					return t.ctx.Err()
				case <-time.After(time.Duration(i*7+try*3) * time.Millisecond): // not all at once again
				}
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	_ = t.Topics.WriteOnce(t.ctx, t.id(), func(context.Context) (map[int]batch.Record, error) {
		if got := t.shown(""); got != " meta | meta" {
			t.Errorf("the ledger shows %q", got)
		}
		return nil, nil
	})
}
