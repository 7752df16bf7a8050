package shards

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"airudder-exporter/internal/kafka"
)

// How shards are given out.
const (
	// Group: Kafka's consumer group on the ledger topic gives every shard to one
	// of its members.
	Group = "group"

	// All: this process takes every shard and asks nobody.
	All = "all"
)

// Config says which shards there are and who gives them out.
type Config struct {
	Mode     string   // Group or All
	Brokers  []string // host:port, at least one; of the group
	ClientID string   // how the ids of the group's members begin
	Ledger   string   // the topic; its partitions are the shards
	Shards   int      // the ledger's pinned partition count: partitions added later belong to nobody

	// SettingName is what the operator calls a setting; the only one that
	// messages name is "Assignment", which is Mode. nil: the field's name.
	SettingName func(field string) string

	// Refused is told why the group does not take this process, at first and whenever
	// that changes; empty: it does. What passes by itself, such as a coordinator that
	// is away, is no refusal: Silent is told of it after five seconds, and once it is
	// over. What is owned stays owned meanwhile. nil: nobody wants to know.
	Refused, Silent func(why string)
}

// GroupID is the consumer group that gives out the shards of a ledger.
func GroupID(ledger string) string { return ledger + "-exporters" }

// Shard is a ledger partition for as long as it is this process's own.
type Shard struct {
	Partition int

	afterFence, afterDoubt func(ctx context.Context) error
}

// AfterFence waits, after a producer of this shard was fenced, until another one
// may follow; its error is ctx's. In a group that is when the coordinator
// confirms, after the call, that the shard is still this member's: by a heartbeat
// answered well, or by a new generation. Until then another owner is likely, and
// fencing it back would stop two exporters instead of one. With All there is
// nobody to ask: it waits 5 s, and longer each time up to 5 min, starting at 5 s
// again after 10 min without a fence. Only the function that was given the shard
// may call it.
func (s *Shard) AfterFence(ctx context.Context) error { return s.afterFence(ctx) }

// AfterDoubt waits, where a producer of this shard ended in any other way, for
// as long as the group says that the shard may have gone to another member; its
// error is ctx's. A process that was stopped for longer than its session wakes
// in such a doubt, and would fence the shard's new owner before it hears that
// there is one. A group that stays silent for a session is not waited for: what
// is owned stays owned. Only the function that was given the shard may call it.
func (s *Shard) AfterDoubt(ctx context.Context) error { return s.afterDoubt(ctx) }

// Own runs one shard. It is called in a goroutine of its own, at most one a
// shard at a time. Its context ends only when the next generation takes the
// shard away or Assign ends, not when a rebalance begins.
type Own func(ctx context.Context, s *Shard) error

// Assign runs own for every shard that is this process's until ctx ends or an
// own returns before its context ended: that is fatal, its error is returned.
// What an own returns afterwards is logged. Assign returns when every own has.
//
// changed, unless nil, is told the owned shards in ascending order, at first and
// whenever they change; none means that this process is a standby. It is called
// by one goroutine, after shards that are lost were cancelled and before new ones
// begin, and not before the group has answered once.
func Assign(
	ctx context.Context, cfg Config, client *kafka.Client, log *slog.Logger, own Own, changed func(owned []int),
) error {
	if changed == nil {
		changed = func([]int) {}
	}
	o := &owners{own: own, changed: changed, log: log, ended: make(chan ended)}
	switch cfg.Mode {
	case All:
		return o.assignAll(ctx, cfg.Shards)
	case Group:
		return o.assignGroup(ctx, newGroup(cfg, timing{}, client, log))
	}
	return fmt.Errorf("assign shards: %w", CheckMode(cfg.Mode))
}

// CheckMode says what is wrong with a Config's Mode.
func CheckMode(mode string) error {
	if mode != Group && mode != All {
		return fmt.Errorf("%q is not one of them: give %s or %s", mode, Group, All)
	}
	return nil
}

func (o *owners) assignAll(ctx context.Context, shards int) error {
	all := make([]int, shards)
	for i := range all {
		all[i] = i
	}
	o.shard = func(partition int) *Shard {
		b := newFenceBackoff(fixedOwner)
		return &Shard{
			Partition:  partition,
			afterFence: func(ctx context.Context) error { return b.wait(ctx, nil) },
			afterDoubt: context.Context.Err, // there is nobody to ask
		}
	}
	given := make(chan gift, 1)
	given <- gift{shards: all, adopted: func() {}}
	return o.run(ctx, given)
}

// gift is what a process owns from now on.
type gift struct {
	shards  []int  // ascending
	adopted func() // called once lost shards are cancelled, before new ones begin
}

// owners runs the owned shards. All of it belongs to the goroutine in run.
type owners struct {
	own     Own
	changed func([]int)
	shard   func(partition int) *Shard
	log     *slog.Logger

	owned   []int                      // what was given last, ascending; nil: nothing yet
	running map[int]context.CancelFunc // one for each own that has not returned
	ended   chan ended
}

// ended is an own that has returned.
type ended struct {
	partition int
	err       error
	cancelled bool // its context had ended
}

// run follows what is given until ctx ends or an own fails, and returns when
// every own has.
func (o *owners) run(ctx context.Context, given <-chan gift) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	o.running = make(map[int]context.CancelFunc)
	var failed error
	for failed == nil && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case g := <-given:
			o.adopt(ctx, g)
		case e := <-o.ended:
			if failed = o.end(e); failed == nil {
				o.begin(ctx)
			}
		}
	}
	stop()
	for len(o.running) > 0 {
		failed = errors.Join(failed, o.end(<-o.ended))
	}
	return failed
}

// adopt cancels what was taken away and begins what is new.
func (o *owners) adopt(ctx context.Context, g gift) {
	for partition, cancel := range o.running {
		if !slices.Contains(g.shards, partition) {
			cancel()
		}
	}
	g.adopted()
	if o.owned == nil || !slices.Equal(o.owned, g.shards) {
		o.log.Info("shards assigned", "owned", g.shards)
		o.changed(slices.Clone(g.shards))
	}
	o.owned = g.shards
	o.begin(ctx)
}

// begin starts every owned shard that is not running. One that was taken away
// and given back while its own was still ending begins when that has ended.
func (o *owners) begin(ctx context.Context) {
	for _, partition := range o.owned {
		if _, running := o.running[partition]; running {
			continue
		}
		ownCtx, cancel := context.WithCancel(ctx)
		o.running[partition] = cancel
		shard := o.shard(partition)
		go func() {
			err := o.own(ownCtx, shard)
			o.ended <- ended{partition, err, ownCtx.Err() != nil}
		}()
	}
}

// end takes an own that has returned off the list. Its error is returned unless
// its context had ended.
func (o *owners) end(e ended) error {
	o.running[e.partition]()
	delete(o.running, e.partition)
	switch {
	case e.cancelled:
		if e.err != nil && !errors.Is(e.err, context.Canceled) {
			o.log.Warn("shard ended", "shard", e.partition, "error", e.err)
		}
		return nil
	case e.err == nil:
		return fmt.Errorf("shard %d ended although it is still owned", e.partition)
	}
	return fmt.Errorf("shard %d: %w", e.partition, e.err)
}
