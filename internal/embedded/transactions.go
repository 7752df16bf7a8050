package embedded

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// producer is one incarnation of a transactional id.
type producer struct {
	id    int64
	epoch int16
}

// transaction is one that has records in the log and no end yet.
type transaction struct {
	producer
	partitions map[topicPartition]bool
}

type topicPartition struct {
	topic     string
	partition int32
}

// folder is where kfake keeps a partition.
func (tp topicPartition) folder() string {
	return fmt.Sprintf("%s-%d", url.PathEscape(tp.topic), tp.partition)
}

var errDropped = errors.New("dropped by BeforeEndTxn")

// BeforeEndTxn has fn called when a producer asks to commit a transaction that
// it has written to: all its records are in the log, and nothing is decided.
// Where fn returns drop, the broker never sees the request and closes its
// connection, as if the producer had died before it sent it. A later call
// replaces fn; nil removes it.
//
// The whole broker stands still while fn runs. So fn may kill and await the
// process behind the producer and use Cluster, but it must return, and a client
// of this broker inside it would wait for ever.
func (b *Broker) BeforeEndTxn(fn func(transactionalID string) (drop bool)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.beforeEndTxn = fn
}

// sawProduce notes where the transactional ids have records in the log that
// are not decided yet. It only looks: the broker answers the request.
func (b *Broker) sawProduce(req kmsg.Request) (kmsg.Response, error, bool) {
	produce := req.(*kmsg.ProduceRequest)
	if produce.TransactionID == nil {
		return nil, nil, false
	}
	for _, t := range produce.Topics {
		topic := t.Topic
		if info := b.cluster.TopicIDInfo(t.TopicID); topic == "" && info != nil {
			topic = info.Topic // from version 13 on, topics go by their ids
		}
		for _, p := range t.Partitions {
			if by, ok := batchProducer(p.Records); ok {
				b.wrote(*produce.TransactionID, by, topicPartition{topic, p.Partition})
			}
		}
	}
	return nil, nil, false
}

func (b *Broker) wrote(transactionalID string, by producer, to topicPartition) {
	b.mu.Lock()
	defer b.mu.Unlock()
	open := b.open[transactionalID]
	if open.producer != by || open.partitions == nil {
		open = transaction{by, make(map[topicPartition]bool)}
		b.open[transactionalID] = open
	}
	open.partitions[to] = true
}

// sawEndTxn calls the hook for a commit by the producer that wrote last, keeps
// the decision, and forgets the transaction, however it ends: a producer that
// asks again after an answer was lost is not inside one any more.
func (b *Broker) sawEndTxn(req kmsg.Request) (kmsg.Response, error, bool) {
	end := req.(*kmsg.EndTxnRequest)
	open, hook := b.ends(end)
	if !end.Commit || len(open.partitions) == 0 {
		return nil, nil, false
	}
	err := errDropped
	if hook == nil || !hook(end.TransactionalID) {
		err = b.decide(open)
	}
	if err == nil {
		return nil, nil, false
	}
	b.cluster.KeepControl() // a control that answers is removed without this
	return nil, err, true
}

// ends takes out the open transaction that a request ends.
func (b *Broker) ends(end *kmsg.EndTxnRequest) (transaction, func(string) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	open := b.open[end.TransactionalID]
	if open.producer != (producer{end.ProducerID, end.ProducerEpoch}) {
		return transaction{}, nil
	}
	delete(b.open, end.TransactionalID)
	return open, b.beforeEndTxn
}

// decide keeps the decision to commit, where the broker keeps anything.
func (b *Broker) decide(open transaction) error {
	if b.dir == "" {
		return nil
	}
	decision := intent{Producer: open.id, Epoch: open.epoch, Ends: make(map[string]int64)}
	for tp := range open.partitions {
		if p := b.cluster.PartitionInfo(tp.topic, tp.partition); p != nil {
			decision.Ends[tp.folder()] = p.HighWatermark
		}
	}
	text, err := json.Marshal(decision)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(b.dir, commitFile), text)
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
