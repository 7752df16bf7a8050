// Package hold is how a tool writes to a ledger that exporters write, too. The tool
// waits until no other tool is at work, fences, replays, and then holds the shards: it
// ends each of its transactions with its producer entry, writes that entry at least
// every ledger.ToolBeat, and lastly with done. Whoever wants the shard meanwhile waits
// (exporter.AwaitTool).
package hold

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/ledger"
)

// Tool is one that writes to a ledger.
type Tool struct {
	Client  *kafka.Client
	Ledger  string        // the ledger's topic
	Process ledger.Writer // this process
	Log     *slog.Logger
}

// attempts is how often a tool begins at its fence: again where somebody has fenced it,
// or whether a transaction was committed is not known.
const (
	attempts    = 5
	attemptWait = 6 * time.Second
)

func (t Tool) beat() time.Duration { return time.Duration(t.Process.Beat) * time.Millisecond }

// All are the numbers of so many shards.
func All(shards int) []int {
	all := make([]int, shards)
	for i := range all {
		all[i] = i
	}
	return all
}

// Run fences the exporters of shards, shows replay every committed record of each, and
// then calls work, which alone may write. When work returns, whatever its error is, the
// shards are given back. Where the tool was fenced, or a transaction is in doubt, all of
// that is done again, five times at most: replay and work then begin with nothing.
func (t Tool) Run(
	ctx context.Context, shards []int, begin func(), replay func(shard int, key, value []byte) error,
	work func(context.Context, *Held) error,
) error {
	t.Process.Role = ledger.Tool
	t.Process.Beat = min(ledger.LongestBeat, t.Client.TransactionTimeout()).Milliseconds()
	for tries := 1; ; tries++ {
		begin()
		held := &Held{tool: t, parts: map[int]*part{}}
		err := held.run(ctx, shards, replay, work)
		if !held.doubt.Load() && !errors.Is(err, kafka.ErrFenced) || tries == attempts {
			return err
		}
		t.Log.Warn("beginning again: somebody else took the ledger over, or a transaction is in doubt", "error", err)
		if !sleep(ctx, rand.N(min(attemptWait, t.beat()))) { // random, for those who begin at once fence each other
			return ctx.Err()
		}
	}
}

// Held are the shards that a tool holds.
type Held struct {
	tool  Tool
	parts map[int]*part
	doubt atomic.Bool // a transaction failed
}

// part is one shard: its producer, and the entry of that.
type part struct {
	mu       sync.Mutex // held through a commit
	producer *kafka.Producer
	self     ledger.Writer
	wrote    time.Time
}

func (h *Held) run(
	ctx context.Context, shards []int, replay func(shard int, key, value []byte) error,
	work func(context.Context, *Held) error,
) error {
	for _, shard := range shards {
		if err := h.take(ctx, shard, replay); err != nil {
			h.release(ctx)
			return err
		}
	}
	group, working := errgroup.WithContext(ctx)
	done := make(chan struct{})
	group.Go(func() error { return h.beat(working, done) })
	group.Go(func() error {
		defer close(done)
		return work(working, h)
	})
	err := group.Wait()
	h.release(ctx)
	return err
}

func (h *Held) take(ctx context.Context, shard int, replay func(shard int, key, value []byte) error) error {
	at := h.tool.Client.Partition(shard)
	if err := exporter.AwaitTool(ctx, at, h.tool.Process, h.tool.Log, func(string) {}); err != nil {
		return err
	}
	p := &part{self: h.tool.Process}
	fenced, refused := false, false
	barrier := func(id int64, epoch int16) batch.Record {
		fenced = true
		p.self.Producer, p.self.Epoch = id, epoch
		return exporter.ProducerRecord(h.tool.Ledger, p.self)
	}
	var err error
	p.producer, err = at.Open(ctx, barrier, func(key, value []byte) error {
		err := replay(shard, key, value)
		refused = refused || err != nil
		return err
	})
	if err != nil {
		// A barrier fails in many ways where another fence comes before it is written.
		h.doubt.Store(fenced && !refused)
		return err
	}
	p.wrote = time.Now()
	h.parts[shard] = p
	return nil
}

// beat writes the producer entry of each shard to which nothing was written for a while.
func (h *Held) beat(ctx context.Context, done <-chan struct{}) error {
	tick := time.NewTicker(h.tool.beat() / 4)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return nil // work says why
		case <-tick.C:
		}
		for _, p := range h.parts {
			if err := p.beat(ctx, h.tool.Ledger, h.tool.beat()); err != nil {
				h.doubt.Store(true)
				return fmt.Errorf("write to the ledger: %w", err)
			}
		}
	}
}

func (p *part) beat(ctx context.Context, topic string, every time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.wrote) < every/2 {
		return nil
	}
	return p.commit(ctx, topic, [][]batch.Record{nil})
}

// Fits reports whether a unit's records fit into one transaction, with what Commit adds.
func (h *Held) Fits(shard int, unit []batch.Record) error {
	p := h.parts[shard]
	return p.producer.Fits(p.marked(h.tool.Ledger, unit))
}

// Commit writes units to a shard, in as many transactions as it takes; the records of a
// unit stay in one. After an error what was not acknowledged is in doubt, and Run begins
// again.
func (h *Held) Commit(ctx context.Context, shard int, units [][]batch.Record) error {
	p := h.parts[shard]
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.commit(ctx, h.tool.Ledger, units); err != nil {
		if _, large := errors.AsType[*batch.TooLargeError](err); !large {
			h.doubt.Store(true)
		}
		return fmt.Errorf("write to shard %d: %w", shard, err)
	}
	return nil
}

// commit is Commit's. p.mu is held.
func (p *part) commit(ctx context.Context, topic string, units [][]batch.Record) error {
	marked := make([][]batch.Record, 0, len(units))
	for _, unit := range units {
		marked = append(marked, p.marked(topic, unit))
	}
	for len(marked) > 0 {
		txn, err := p.producer.Prepare(slices.Values(marked))
		if err == nil {
			err = p.producer.Commit(ctx, txn)
		}
		if err != nil {
			return err
		}
		p.wrote = time.Now()
		marked = marked[txn.Units:]
	}
	return nil
}

// marked is a unit that ends with the producer entry, so that a transaction does,
// wherever it ends.
func (p *part) marked(topic string, unit []batch.Record) []batch.Record {
	return append(slices.Clip(unit), exporter.ProducerRecord(topic, p.self))
}

// releaseWithin is how long a tool that was interrupted still tries to say that it is
// done. Others wait half a minute if it cannot.
const releaseWithin = 5 * time.Second

// release says that the tool writes no more. Where it cannot, it need not: whoever
// fenced it has the shard, and all others find out by waiting.
func (h *Held) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
	defer cancel()
	for shard, p := range h.parts {
		p.mu.Lock()
		p.self.Done = true
		err := p.commit(ctx, h.tool.Ledger, [][]batch.Record{nil})
		p.mu.Unlock()
		if err != nil {
			h.tool.Log.Debug("it is not said that this tool is done", "shard", shard, "error", err)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
