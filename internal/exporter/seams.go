package exporter

import (
	"context"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
)

// Source is the upstream, as the loop needs it. Its errors may implement
// UpstreamError; a definite "no such task" is call.ErrNoTask.
type Source interface {
	// List returns the tasks that the upstream lists and those named by hand.
	// Each appears once. A list that cannot be read is an error, beside which
	// those named by hand are returned; an empty one is not.
	List(ctx context.Context, since time.Time) ([]call.Listed, error)

	// Named reports whether a task was named by hand.
	Named(taskID string) bool

	// Read streams one task's detail. It asks judge about every row that shows a
	// finished call and passes over those that are not new; the others reach
	// yield in Parts, in the order of the response. An error of yield ends the
	// reading and is returned. The Reading is valid only without an error.
	Read(ctx context.Context, taskID string, judge call.Judge, yield func(call.Part) error) (call.Reading, error)

	// Share sets which part of the deployment's request budget is this
	// process's own, from 0 to 1.
	Share(fraction float64)
}

// UpstreamError is what the loop asks of a Source's error.
type UpstreamError interface {
	error
	Kind() string              // a short code, for metrics and the page
	RetryAfter() time.Duration // what the upstream asked for; 0: nothing
}

// Encoder turns a plan into Kafka records: one list per unit, in order. Where a
// unit had to be replaced, since its event cannot fit, the units returned say
// by what. It is used by one goroutine at a time; what it returns is the
// caller's.
type Encoder interface {
	Plan(p ledger.Plan) ([][]batch.Record, []ledger.Unit, error)
}

// Producer writes one shard's transactions: one transactional id at one epoch.
// After any error it is finished: whatever it may or may not have written, the
// next producer's replay says.
type Producer interface {
	// Prepare encodes as many leading units as one transaction holds, at least
	// one; each unit's records belong together. It may run while the last
	// transaction's commit is under way. What it returns need not be committed:
	// the same units may be prepared again, with more. Commits run one at a
	// time, in the order of their Prepares. A commit that returns nil is
	// durable; one that returns an error is in doubt.
	Prepare(units [][]batch.Record) (n int, commit func(context.Context) error, err error)

	// Concurrent is how often the last commit was told that the coordinator
	// still writes the markers of the one before (51).
	Concurrent() int

	// Limit is how many bytes one record of a topic may have, as Record.Size
	// counts them.
	Limit(topic string) int
}

// NewEncoder makes an Encoder for a deployment and a producer's limits. It is
// called once for each goroutine that encodes.
type NewEncoder func(meta ledger.Meta, limit func(topic string) int) (Encoder, error)

// Shard is one partition of the ledger that this process owns for a while.
type Shard struct {
	Number int

	// Open fences the shard's older writers, writes the barrier of the epoch
	// that it got and replays the shard's committed records, in order. Neither
	// slice outlives its call; a nil value is a tombstone.
	Open func(ctx context.Context, barrier func(epoch int16) batch.Record, replay func(key, value []byte) error) (Producer, error)

	// Waiting says what the cluster is asked for in vain on the shard's behalf,
	// since when and why; empty: nothing. Nil: it cannot tell.
	Waiting func() string

	// Explain is a producer's error in words for whoever is on duty, with the cure
	// where one is known.
	Explain func(error) string

	// Fenced reports whether a producer's error means that it may never write
	// again, most likely since another writer took the shard over. AfterFence then
	// waits until trying again makes sense; AfterDoubt does after any other error.
	Fenced     func(error) bool
	AfterFence func(ctx context.Context) error
	AfterDoubt func(ctx context.Context) error

	// Later shows the records behind those that this process knows to be
	// committed, whatever becomes of them, as they come, until visit has seen
	// enough or ctx ends; nil: who took the shard over stays unknown.
	Later func(ctx context.Context, visit func(key, value []byte) (enough bool)) error
}

// Topics is what the start asks of Kafka before there is a producer.
type Topics struct {
	// Published reports whether a topic has ever held a record.
	Published func(ctx context.Context, topic string) (bool, error)

	// Look reads every partition's committed records and its log start.
	Look func(ctx context.Context, topic string, visit func(partition int, key, value []byte) error) (logStarts []int64, err error)

	// WriteOnce fences all other users of the transactional id, calls decide,
	// and writes what it returns, by partition, in one transaction.
	WriteOnce func(ctx context.Context, transactionalID string, decide func(context.Context) (map[int]batch.Record, error)) error
}
