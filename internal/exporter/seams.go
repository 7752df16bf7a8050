package exporter

import (
	"context"
	"iter"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record"
)

// Source is the upstream, as the loop needs it. Its errors may implement
// UpstreamError; a definite "no such task" is call.ErrNoTask.
type Source interface {
	// List returns the tasks that the upstream lists and those named by hand.
	// Each appears once. A list that cannot be read is an error, beside which
	// those named by hand are returned; an empty one is not.
	List(ctx context.Context, since time.Time) (call.Listing, error)

	// Named reports whether a task was named by hand.
	Named(taskID string) bool

	// Read streams one task's detail. It asks judge about every row that shows a
	// finished call and passes over those that are not new; the others reach
	// yield in Parts, in the order of the response. An error of yield ends the
	// reading and is returned. The Reading is valid only without an error.
	Read(ctx context.Context, taskID string, judge call.Judge, yield func(call.Part) error) (call.Reading, error)

	// Flight returns what the requests under way wait for. A request that is yet to
	// be sent, or whose answer yield holds up, waits for nothing.
	Flight() call.Flight

	// Kinds are those that its errors may have, for metrics.
	Kinds() []string

	// Share sets which part of the deployment's request budget is this
	// process's own, from 0 to 1.
	Share(fraction float64)
}

// UpstreamError is what the loop asks of a Source's error.
type UpstreamError interface {
	error
	Kind() string              // a short code, for metrics and the page
	Cause() string             // the text, without what was to be read
	RetryAfter() time.Duration // what the upstream asked for; 0: nothing
}

// Encoder turns a plan into Kafka records: its units in order, each with its
// records. Where a unit has to wait or had to be replaced, since its topic does not
// take it, the encoded one says so. It is used by one goroutine at a time; what it
// returns is the caller's.
type Encoder interface {
	Plan(p ledger.Plan) ([]record.Encoded, error)
}

// NewEncoder makes an Encoder for a deployment and a producer's limits, which may
// change from plan to plan. It is called once for each goroutine that encodes.
type NewEncoder func(meta ledger.Meta, limits record.Limits) (Encoder, error)

// Topics is what the start asks of Kafka before there is a producer. What it
// shows has been committed; an error proves nothing.
type Topics interface {
	// Published reports whether a topic has ever held a record.
	Published(ctx context.Context, topic string) (bool, error)

	// Look shows each partition's committed records in order, until visit has seen
	// enough of that partition or its end is reached, and returns where each
	// partition's log starts. Neither slice outlives its call; a nil value is a
	// tombstone. An error of visit ends it and is returned.
	Look(
		ctx context.Context, topic string, visit func(partition int, key, value []byte) (enough bool, err error),
	) (logStarts []int64, err error)

	// WriteOnce fences all other users of the transactional id, calls decide, and
	// writes what it returns, by partition, in one transaction. After the fence
	// every earlier transaction of the id is decided, and decide sees what it
	// wrote; so of several processes one writes. nil: what decide returned is
	// durable. An error of decide is returned, and nothing was written; any other
	// leaves in doubt whether it was.
	WriteOnce(
		ctx context.Context, transactionalID string, decide func(context.Context) (map[int]batch.Record, error),
	) error
}

// Shard is one partition of the ledger and all that is published together with
// it. It may be written by one producer at a time, and who that is Kafka alone
// decides: a producer that was fenced commits nothing, whatever it believes.
type Shard interface {
	Number() int

	// Newest is the last record whose key counts, whatever becomes of its
	// transaction, and the end of the partition, which stays where nobody writes. A
	// nil key: there is none.
	Newest(ctx context.Context, counts func(key []byte) bool) (key, value []byte, end int64, err error)

	// Open begins a producer: it fences the shard's older writers, writes the
	// barrier for the producer id and the epoch that it got, and replays every record that was
	// committed before the barrier, and the barrier, in order. Neither slice
	// outlives its call; a nil value is a tombstone. After it returns, no older
	// writer commits any more. After an error the shard may be fenced, and the
	// barrier written.
	Open(
		ctx context.Context, barrier func(id int64, epoch int16) batch.Record, replay func(key, value []byte) error,
	) (Producer, error)

	// Fenced reports whether a producer's error means that it may never write
	// again, most likely since another writer took the shard over.
	Fenced(error) bool

	// Lasting reports whether a producer's error lasts until the operator acts: the
	// ledger is not the one that this process knew, or this Kafka cannot keep one.
	Lasting(error) bool

	// Explain is a producer's error in words for the operator, with the cure where
	// one is known.
	Explain(error) string

	// Waiting says which request of the shard's Kafka does not answer, since when
	// and why; empty: none.
	Waiting() string

	// Later shows the records after those that this process knows to be committed,
	// as they come, whatever becomes of their transactions, until visit has seen
	// enough or ctx ends.
	Later(ctx context.Context, visit func(key, value []byte) (enough bool)) error
}

// Producer writes one shard's transactions: one transactional id at one epoch.
// After an error of Prepare or Commit it is finished and sends nothing more.
type Producer interface {
	// Limit is a topic's max.message.bytes, as Kafka last said: it takes what
	// batch.Needs no more. 0: the topic is none of the producer's.
	Limit(topic string) int

	// Partitions is how many partitions a topic had when the producer began: it writes to
	// no others. 0: the topic is none of the producer's.
	Partitions(topic string) int

	// Renew asks Kafka for the limits again. An error says nothing about them, and
	// does not end the producer.
	Renew(ctx context.Context) error

	// Fits reports whether a unit's records fit into one transaction; its error is
	// a *batch.TooLargeError where they do not, by the limits as they are.
	Fits(unit []batch.Record) error

	// Prepare encodes as many leading units as one transaction holds, at least
	// one; each unit's records stay together. It may run while the last
	// transaction's commit is under way. What it returns need not be committed:
	// the same units may be prepared again, with more.
	Prepare(units iter.Seq[[]batch.Record]) (*batch.Txn, error)

	// Commit writes a transaction whole. nil: it is durable, all of it, and comes
	// after every transaction committed before. An error leaves in doubt whether
	// it is: the next Open tells. Commits run one at a time, in the order of their
	// Prepares.
	Commit(ctx context.Context, txn *batch.Txn) error

	// Ends is, for each partition of the event topic, the offset after its last
	// committed record, 0 where there is none: whoever has read so far has every
	// event that this shard's producers committed before. Nothing that is not
	// committed counts. It may tell of others' events too, and of partitions as
	// counted at the first question, which alone asks Kafka; an error does not end
	// the producer.
	Ends(ctx context.Context) ([]int64, error)

	// Throttled is for how long Kafka asked this client, by a quota, to write nothing,
	// and until when; zeros: it did not.
	Throttled() (asked time.Duration, until time.Time)

	// Concurrent is how often the last commit was told that the coordinator still
	// writes the markers of the one before (51).
	Concurrent() int
}

// Claim is the word of whoever gives the shards out on whether this process may
// still believe that it owns one. It decides when a producer is begun, never
// whether one may write.
type Claim interface {
	// AfterFence waits until a producer that was fenced may be followed by another
	// one, and AfterDoubt does after any other end. Their errors are ctx's.
	AfterFence(ctx context.Context) error
	AfterDoubt(ctx context.Context) error
}
