package fakekafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"airudder-exporter/internal/batch"
)

// Faults are what goes wrong for one process. All of them may be nil: nothing
// does, and nothing takes time.
type Faults struct {
	// Open is asked before each step of an Open. An error ends it there: what the
	// steps before did stays done.
	Open func(Step) error

	// Cut is asked for the number of records that a replay of so many shows before
	// it breaks off; below 0: it does not.
	Cut func(records int) int

	// Commit is asked once a commit was sent, and takes as long as the commit does.
	// stored says whether it arrives, which changes nothing where the producer is fenced
	// by then; err is what the producer hears.
	Commit func(units [][]batch.Record) (stored bool, err error)

	// Committed is called once a transaction was stored, before the producer hears
	// of it.
	Committed func()

	// Units is how many of the units that were offered one transaction takes.
	Units func(offered int) int

	// Throttled is what Producer.Throttled says.
	Throttled func() (asked time.Duration, until time.Time)

	// Concurrent is what Producer.Concurrent says.
	Concurrent func() int

	// Ends is the error of Producer.Ends' first question, and may change.
	Ends func() error

	// Limit is what a topic takes, in bytes of a batch, and may change; nil: 1 MiB.
	// An error is Renew's, or ends an Open.
	Limit func(topic string) (int, error)
}

// Step is one of an Open.
type Step int

// The steps, in their order.
const (
	StepFence Step = iota
	StepBarrier
	StepReplay
)

// producerID is that of every producer here.
const producerID = 7

// Shard is one process's handle of a ledger partition: exporter.Shard, but for
// its Open, whose Producer is this package's.
type Shard struct {
	kafka  *Kafka
	number int
	faults Faults
}

// Shard returns a process's handle of a ledger partition.
func (k *Kafka) Shard(number int, faults Faults) *Shard { return &Shard{k, number, faults} }

// Number is the shard's.
func (s *Shard) Number() int { return s.number }

// Fenced is exporter.Shard's.
func (s *Shard) Fenced(err error) bool { return errors.Is(err, ErrFenced) }

// Lasting is exporter.Shard's.
func (s *Shard) Lasting(err error) bool { return errors.Is(err, ErrMoved) }

// Explain is the error's text.
func (s *Shard) Explain(err error) string { return err.Error() }

// Waiting is never for anything.
func (s *Shard) Waiting() string { return "" }

// Later shows the barriers that were written, then waits for more.
func (s *Shard) Later(ctx context.Context, visit func(key, value []byte) (enough bool)) error {
	for shown := 0; ; {
		s.kafka.mu.Lock()
		late := s.kafka.shards[s.number].late[shown:]
		s.kafka.mu.Unlock()
		for _, r := range late {
			shown++
			if visit(r.Key, r.Value) {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Newest is exporter.Shard's. All that is in the log is committed here.
func (s *Shard) Newest(_ context.Context, counts func(key []byte) bool) (key, value []byte, end int64, err error) {
	s.kafka.mu.Lock()
	defer s.kafka.mu.Unlock()
	end = int64(len(s.kafka.log))
	for _, r := range slices.Backward(s.kafka.shards[s.number].ledger) {
		if counts(r.Key) {
			return bytes.Clone(r.Key), bytes.Clone(r.Value), end, nil
		}
	}
	return nil, nil, end, nil
}

// Open is exporter.Shard's.
func (s *Shard) Open(_ context.Context, barrier func(id int64, epoch int16) batch.Record, replay func(key, value []byte) error) (*Producer, error) {
	if err := s.fault(StepFence); err != nil {
		return nil, err
	}
	k := s.kafka
	k.mu.Lock()
	k.shards[s.number].epoch++
	epoch := k.shards[s.number].epoch
	k.mu.Unlock()
	mark := barrier(producerID, epoch)
	if err := s.fault(StepBarrier); err != nil {
		return nil, err
	}
	k.mu.Lock()
	fenced := k.shards[s.number].epoch != epoch
	if !fenced {
		k.shards[s.number].late = append(k.shards[s.number].late, mark)
		k.store(s.number, []batch.Record{mark})
	}
	k.mu.Unlock()
	if fenced {
		return nil, ErrFenced
	}
	if err := s.fault(StepReplay); err != nil {
		return nil, err
	}
	if err := s.replay(replay); err != nil {
		return nil, err
	}
	p := &Producer{shard: s, epoch: epoch, prepared: map[*batch.Txn][][]batch.Record{}, own: map[int]int64{}}
	return p, p.Renew(context.Background())
}

func (s *Shard) fault(at Step) error {
	if s.faults.Open == nil {
		return nil
	}
	return s.faults.Open(at)
}

var errCut = errors.New("the replay broke off")

func (s *Shard) replay(show func(key, value []byte) error) error {
	entries := s.kafka.Entries(s.number)
	cut := -1
	if s.faults.Cut != nil {
		cut = s.faults.Cut(len(entries))
	}
	for i, r := range entries {
		if i == cut {
			return errCut
		}
		if err := show(bytes.Clone(r.Key), bytes.Clone(r.Value)); err != nil {
			return err
		}
	}
	return nil
}

// Producer is exporter.Producer.
type Producer struct {
	shard *Shard
	epoch int16

	mu       sync.Mutex
	limits   map[string]int
	prepared map[*batch.Txn][][]batch.Record // what each transaction holds
	number   int64                           // of the transaction prepared last
	last     int64                           // of the one committed last
	busy     bool                            // a commit is under way
	ended    error
	tails    []int64       // of the event topic, as the first question found them
	own      map[int]int64 // where this producer's events ended
}

// Limit is exporter.Producer's.
func (p *Producer) Limit(topic string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limits[topic]
}

// Partitions is exporter.Producer's. Topics never grow here.
func (p *Producer) Partitions(topic string) int { return p.shard.kafka.Topics[topic] }

// Renew is exporter.Producer's.
func (p *Producer) Renew(context.Context) error {
	limits := map[string]int{p.shard.kafka.Ledger: 1 << 20}
	for topic := range p.shard.kafka.Topics {
		limits[topic] = 1 << 20
	}
	if ask := p.shard.faults.Limit; ask != nil {
		for topic := range limits {
			var err error
			if limits[topic], err = ask(topic); err != nil {
				return err
			}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limits = limits
	return nil
}

// layout is where records go, by the limits as they are. p.mu is held.
func (p *Producer) layout() *batch.Layout {
	k := p.shard.kafka
	return &batch.Layout{Ledger: k.Ledger, Shard: p.shard.number, Partitions: k.Topics, Limits: p.limits}
}

// Fits is exporter.Producer's.
func (p *Producer) Fits(unit []batch.Record) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.layout().Fits(unit)
}

// Throttled is what Faults say.
func (p *Producer) Throttled() (asked time.Duration, until time.Time) {
	if p.shard.faults.Throttled == nil {
		return 0, time.Time{}
	}
	return p.shard.faults.Throttled()
}

// Concurrent is what Faults say.
func (p *Producer) Concurrent() int {
	if p.shard.faults.Concurrent == nil {
		return 0
	}
	return p.shard.faults.Concurrent()
}

// Prepare is exporter.Producer's.
func (p *Producer) Prepare(units iter.Seq[[]batch.Record]) (*batch.Txn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended != nil {
		return nil, p.ended
	}
	txn, err := p.layout().Fill(units)
	if err != nil {
		if _, large := errors.AsType[*batch.TooLargeError](err); !large {
			p.ended = err
		}
		return nil, err
	}
	if p.shard.faults.Units != nil {
		txn.Units = min(txn.Units, max(1, p.shard.faults.Units(txn.Units)))
	}
	var held [][]batch.Record
	for unit := range units {
		if len(held) == txn.Units {
			break
		}
		held = append(held, unit)
	}
	p.number++
	txn.Number = p.number
	p.prepared[txn] = held
	return txn, nil
}

// Commit is exporter.Producer's.
func (p *Producer) Commit(ctx context.Context, txn *batch.Txn) error {
	units, err := p.begin(ctx, txn)
	if err != nil {
		return err
	}
	stored, err := true, error(nil)
	if p.shard.faults.Commit != nil {
		stored, err = p.shard.faults.Commit(units)
	}
	var ends map[int]int64
	if stored {
		var fenced bool
		if ends, fenced = p.store(units); fenced {
			err = errors.Join(ErrFenced, err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy, p.ended = false, err
	if err == nil {
		maps.Copy(p.own, ends)
	}
	return err
}

// store commits units, unless the producer was fenced before, and returns where
// events of them ended.
func (p *Producer) store(units [][]batch.Record) (ends map[int]int64, fenced bool) {
	k := p.shard.kafka
	k.mu.Lock()
	defer k.mu.Unlock()
	if p.epoch != k.shards[p.shard.number].epoch {
		return nil, true
	}
	ends = k.store(p.shard.number, slices.Concat(units...))
	if p.shard.faults.Committed != nil {
		k.mu.Unlock()
		p.shard.faults.Committed()
		k.mu.Lock()
	}
	return ends, false
}

// begin checks that the commit's turn has come.
func (p *Producer) begin(ctx context.Context, txn *batch.Txn) ([][]batch.Record, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.ended != nil:
	case p.busy:
		p.ended = errors.New("two commits at once")
	case txn.Number <= p.last:
		p.ended = fmt.Errorf("transaction %d comes after %d", txn.Number, p.last)
	case ctx.Err() != nil:
		p.ended = ctx.Err()
	}
	if p.ended != nil {
		return nil, p.ended
	}
	units := p.prepared[txn]
	maps.DeleteFunc(p.prepared, func(earlier *batch.Txn, _ [][]batch.Record) bool { return earlier.Number <= txn.Number })
	p.busy, p.last = true, txn.Number
	return units, nil
}
