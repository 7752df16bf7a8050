package rig

import (
	"encoding/binary"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Batches are the record batches of a partition's answer to a fetch, each as its bytes.
func Batches(records []byte) (all [][]byte) {
	for len(records) >= 12 {
		n := 12 + int(binary.BigEndian.Uint32(records[8:]))
		if n > len(records) {
			break
		}
		all, records = append(all, records[:n]), records[n:]
	}
	return all
}

// Control reports whether a batch is a transaction's marker.
func Control(batch []byte) bool { return batch[22]&0x20 != 0 }

// EachFetched shows each partition of an answer to a fetch.
func EachFetched(res kmsg.Response, visit func(topic string, p *kmsg.FetchResponseTopicPartition)) {
	if fetched, ok := res.(*kmsg.FetchResponse); ok {
		for _, t := range fetched.Topics {
			for i := range t.Partitions {
				visit(t.Topic, &t.Partitions[i])
			}
		}
	}
}

// NotOffered is a Kafka that does not know a request.
func NotOffered(key kmsg.Key) Twist {
	return Twist{Answer: func(_ kmsg.Request, res kmsg.Response) {
		if offered, ok := res.(*kmsg.ApiVersionsResponse); ok {
			for i, of := range offered.ApiKeys {
				if kmsg.Key(of.ApiKey) == key {
					offered.ApiKeys = append(offered.ApiKeys[:i:i], offered.ApiKeys[i+1:]...)
					break
				}
			}
		}
	}}
}

// Refused is a Kafka that answers every request of a kind with a code.
func Refused(key kmsg.Key, code int16) Twist {
	return Twist{Answer: func(req kmsg.Request, res kmsg.Response) {
		if kmsg.Key(req.Key()) == key {
			for _, c := range ErrorCodes(res) {
				*c = code
			}
		}
	}}
}

// HidesMarkers is a Kafka that has transactions, and sends no consumer their markers.
func HidesMarkers() Twist {
	return Twist{Answer: func(_ kmsg.Request, res kmsg.Response) {
		EachFetched(res, func(_ string, p *kmsg.FetchResponseTopicPartition) { p.RecordBatches = data(p.RecordBatches) })
	}}
}

// data are the batches that are no markers.
func data(records []byte) (kept []byte) {
	for _, b := range Batches(records) {
		if !Control(b) {
			kept = append(kept, b...)
		}
	}
	return kept
}

// WithoutMarkers is a Kafka that has transactions and writes no markers: none takes an
// offset. All that is written has to pass through it.
func WithoutMarkers() Twist {
	u := &unmarked{logs: map[string]map[int32]*written{}}
	return Twist{Ask: u.ask, Answer: u.answer}
}

// unmarked renumbers the offsets of a broker's logs by the records in them.
type unmarked struct {
	mu   sync.Mutex
	logs map[string]map[int32]*written
}

// written are the batches of a partition: where each begins, and how many records it has.
type written []struct {
	at int64
	n  int64
}

// seen is how many records stand before an offset.
func (l written) seen(offset int64) (n int64) {
	for _, b := range l {
		n += max(0, min(b.n, offset-b.at))
	}
	return n
}

// offset is that of the nth record, or the one after the last.
func (l written) offset(n int64) (offset int64) {
	for _, b := range l {
		if n < b.n {
			return b.at + n
		}
		n -= b.n
		offset = b.at + b.n
	}
	return offset
}

func (u *unmarked) log(topic string, partition int32) *written {
	if u.logs[topic] == nil {
		u.logs[topic] = map[int32]*written{}
	}
	if u.logs[topic][partition] == nil {
		u.logs[topic][partition] = &written{}
	}
	return u.logs[topic][partition]
}

func (u *unmarked) ask(req kmsg.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if fetch, ok := req.(*kmsg.FetchRequest); ok {
		for _, t := range fetch.Topics {
			for i := range t.Partitions {
				p := &t.Partitions[i]
				p.FetchOffset = u.log(t.Topic, p.Partition).offset(p.FetchOffset)
			}
		}
	}
}

func (u *unmarked) answer(req kmsg.Request, res kmsg.Response) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch res := res.(type) {
	case *kmsg.ProduceResponse:
		u.produced(req.(*kmsg.ProduceRequest), res)
	case *kmsg.ListOffsetsResponse:
		for _, t := range res.Topics {
			for i := range t.Partitions {
				p := &t.Partitions[i]
				p.Offset = u.log(t.Topic, p.Partition).seen(p.Offset)
			}
		}
	}
	EachFetched(res, func(topic string, p *kmsg.FetchResponseTopicPartition) {
		l := u.log(topic, p.Partition)
		p.RecordBatches = data(p.RecordBatches)
		for _, b := range Batches(p.RecordBatches) {
			binary.BigEndian.PutUint64(b, uint64(l.seen(int64(binary.BigEndian.Uint64(b)))))
		}
		p.HighWatermark, p.LastStableOffset = l.seen(p.HighWatermark), l.seen(p.LastStableOffset)
	})
}

// produced notes where batches went.
func (u *unmarked) produced(req *kmsg.ProduceRequest, res *kmsg.ProduceResponse) {
	records := func(topic string, partition int32) int64 {
		for _, t := range req.Topics {
			for _, p := range t.Partitions {
				if t.Topic == topic && p.Partition == partition {
					return int64(binary.BigEndian.Uint32(p.Records[57:]))
				}
			}
		}
		return 0
	}
	for _, t := range res.Topics {
		for i := range t.Partitions {
			if p := &t.Partitions[i]; p.ErrorCode == 0 {
				l := u.log(t.Topic, p.Partition)
				*l = append(*l, struct{ at, n int64 }{p.BaseOffset, records(t.Topic, p.Partition)})
				p.BaseOffset = l.seen(p.BaseOffset)
			}
		}
	}
}
