package embedded

import (
	"encoding/binary"
	"errors"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// producer is one incarnation of a transactional id.
type producer struct {
	id    int64
	epoch int16
}

var errDropped = errors.New("dropped by BeforeEndTxn")

// BeforeEndTxn has fn called when a producer asks to commit a transaction that
// it has written to: all its records are in the log, and nothing is decided.
// Where fn returns drop, the broker never sees the request and closes its
// connection, as if the producer had died before it sent the request. A later call
// replaces fn; nil removes it.
//
// The whole broker stands still while fn runs. So fn may kill and await the
// process behind the producer and use Cluster, but it must return, and a client
// of this broker inside it would wait forever.
func (b *Broker) BeforeEndTxn(fn func(transactionalID string) (drop bool)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.beforeEndTxn = fn
}

// sawProduce notes which producer has records of a transaction in the log that is
// not ended yet. It only looks: the broker answers the request.
func (b *Broker) sawProduce(req kmsg.Request) (kmsg.Response, error, bool) {
	produce := req.(*kmsg.ProduceRequest)
	if produce.TransactionID == nil {
		return nil, nil, false
	}
	for _, t := range produce.Topics {
		for _, p := range t.Partitions {
			if by, ok := batchProducer(p.Records); ok {
				b.mu.Lock()
				b.open[*produce.TransactionID] = by
				b.mu.Unlock()
			}
		}
	}
	return nil, nil, false
}

// sawEndTxn calls the hook for a commit by the producer that wrote last, and
// forgets the transaction, however it ends: a producer that asks again because an
// answer was lost is no longer inside one.
func (b *Broker) sawEndTxn(req kmsg.Request) (kmsg.Response, error, bool) {
	end := req.(*kmsg.EndTxnRequest)
	hook := b.ends(end)
	if !end.Commit || hook == nil || !hook(end.TransactionalID) {
		return nil, nil, false
	}
	b.cluster.KeepControl() // a control that answers is removed without this
	return nil, errDropped, true
}

// ends forgets the open transaction that a request ends, and returns the hook
// where there was one.
func (b *Broker) ends(end *kmsg.EndTxnRequest) func(transactionalID string) (drop bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if open, ok := b.open[end.TransactionalID]; !ok || open != (producer{end.ProducerID, end.ProducerEpoch}) {
		return nil
	}
	delete(b.open, end.TransactionalID)
	return b.beforeEndTxn
}

// batchProducer reads who wrote a record batch. Offsets are those of the
// record batch, format 2: https://kafka.apache.org/documentation/#recordbatch
func batchProducer(batch []byte) (producer, bool) {
	const idAt, epochAt, end = 43, 51, 53
	if len(batch) < end {
		return producer{}, false
	}
	return producer{
		id:    int64(binary.BigEndian.Uint64(batch[idAt:])),
		epoch: int16(binary.BigEndian.Uint16(batch[epochAt:])),
	}, true
}
