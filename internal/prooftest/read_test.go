package prooftest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// history is all that a topic holds, in the order of its partitions' offsets:
// what consumers may see, and what nobody may.
type history struct {
	topic     string
	committed []*kgo.Record
	hidden    []*kgo.Record // of aborted transactions
	parts     int
}

// read reads a topic whole, once no transaction is open on it.
func (w *world) read(topic string) history {
	w.t.Helper()
	ends := w.stableEnds(topic)
	h := history{topic: topic, parts: len(ends)}
	h.committed = w.readAs(topic, ends, kgo.ReadCommitted())
	visible := map[place]bool{}
	for _, r := range h.committed {
		visible[placeOf(r)] = true
	}
	for _, r := range w.readAs(topic, ends, kgo.ReadUncommitted()) {
		if !visible[placeOf(r)] {
			h.hidden = append(h.hidden, r)
		}
	}
	return h
}

// place is where a record stands in its topic.
type place struct {
	partition int32
	offset    int64
}

func placeOf(r *kgo.Record) place { return place{r.Partition, r.Offset} }

func (w *world) readAs(topic string, ends map[int32]int64, level kgo.IsolationLevel) []*kgo.Record {
	w.t.Helper()
	reader, err := kgo.NewClient(
		kgo.SeedBrokers(w.brokers...),
		kgo.FetchIsolationLevel(level),
		kgo.FetchMaxWait(50*time.Millisecond),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.KeepControlRecords(), // a partition may end with one
	)
	if err != nil {
		w.t.Fatal(err)
	}
	defer reader.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	left := map[int32]int64{}
	for partition, end := range ends {
		if end > 0 {
			left[partition] = end
		}
	}
	var found []*kgo.Record
	for len(left) > 0 {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			w.t.Fatalf("read %s, still to come %v: %v", topic, left, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				found = append(found, r)
			}
			if end, ok := left[r.Partition]; ok && r.Offset+1 >= end {
				delete(left, r.Partition)
			}
		})
	}
	slices.SortStableFunc(found, func(a, b *kgo.Record) int {
		if a.Partition != b.Partition {
			return int(a.Partition - b.Partition)
		}
		return int(a.Offset - b.Offset)
	})
	return found
}

// stableEnds waits until no transaction is open on a topic, and returns the end
// of each partition.
func (w *world) stableEnds(topic string) map[int32]int64 {
	w.t.Helper()
	var stable map[int32]int64
	eventually(w.t, "no open transaction on "+topic, patience, func() bool {
		all := w.ends(topic, 0)
		stable = w.ends(topic, 1)
		for partition, end := range all {
			if stable[partition] != end {
				return false
			}
		}
		return len(all) > 0
	})
	return stable
}

// ends asks for each partition's end: at isolation level 0 the high watermark,
// at 1 the last stable offset. It is empty while something is in the way.
func (w *world) ends(topic string, isolation int8) map[int32]int64 {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID, req.IsolationLevel = -1, isolation
	of := kmsg.NewListOffsetsRequestTopic()
	of.Topic = topic
	for i := range partitionsOf(ctx, w.t, w.client, topic) {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = int32(i), -1
		of.Partitions = append(of.Partitions, p)
	}
	req.Topics = append(req.Topics, of)
	ends := map[int32]int64{}
	for _, shard := range w.client.RequestSharded(ctx, req) {
		if shard.Err != nil {
			return nil
		}
		for _, t := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, p := range t.Partitions {
				if kerr.ErrorForCode(p.ErrorCode) != nil {
					return nil
				}
				ends[p.Partition] = p.Offset
			}
		}
	}
	return ends
}

// partitionsOf counts a topic's partitions; 0 while it is not there.
func partitionsOf(ctx context.Context, t testing.TB, client *kgo.Client, topic string) int {
	t.Helper()
	req := kmsg.NewPtrMetadataRequest()
	of := kmsg.NewMetadataRequestTopic()
	of.Topic = &topic
	req.Topics = append(req.Topics, of)
	res, err := req.RequestWith(ctx, client)
	if err != nil || len(res.Topics) != 1 || res.Topics[0].ErrorCode != 0 {
		return 0
	}
	return len(res.Topics[0].Partitions)
}
