package kafka

import (
	"context"
	"errors"

	"airudder-exporter/internal/batch"
)

// Partition is one shard's partition of the ledger topic, as this client reads
// and writes it. Who owns the shard is not its business: whoever opens it fences
// whoever wrote it before.
type Partition struct {
	client *Client
	shard  int
}

// Partition returns a shard's partition of the ledger topic. It asks nobody.
func (c *Client) Partition(shard int) Partition { return Partition{c, shard} }

// Number is the shard's.
func (p Partition) Number() int { return p.shard }

// Open is Client.Producer for this shard.
func (p Partition) Open(
	ctx context.Context, barrier func(id int64, epoch int16) batch.Record, replay func(key, value []byte) error,
) (*Producer, error) {
	return p.client.Producer(ctx, p.shard, barrier, func(_ int64, key, value []byte) error { return replay(key, value) })
}

// Waiting is Client.Waiting for this shard.
func (p Partition) Waiting() string { return p.client.Waiting(p.shard) }

// Explain is Client.Explain.
func (p Partition) Explain(err error) string { return p.client.Explain(err) }

// Fenced reports whether a producer's error means that it may never write again,
// most likely since another writer took the shard over.
func (p Partition) Fenced(err error) bool { return errors.Is(err, ErrFenced) }

// Lasting reports whether a producer's error lasts until the operator acts: the ledger is
// not the one that this process knew, or these brokers cannot keep one.
func (p Partition) Lasting(err error) bool {
	_, unfit := errors.AsType[*UnfitError](err)
	return unfit || errors.Is(err, ErrLedgerMoved)
}

// Newest is Client.Newest for this shard.
func (p Partition) Newest(
	ctx context.Context, counts func(key []byte) bool,
) (key, value []byte, end int64, err error) {
	return p.client.Newest(ctx, p.shard, counts)
}

// Later is Client.Later for this shard.
func (p Partition) Later(ctx context.Context, visit func(key, value []byte) (enough bool)) error {
	return p.client.Later(ctx, p.shard, visit)
}
