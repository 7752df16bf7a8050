package rig

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// History is all that a topic holds, in the order of its partitions' offsets:
// what consumers may see, and what nobody may.
type History struct {
	Committed []*kgo.Record
	Hidden    []*kgo.Record // of aborted transactions
	Parts     int
}

// Read reads a topic whole, once no transaction is open on it.
func (k *Kafka) Read(topic string) History {
	k.T.Helper()
	ends := k.SettledEnds(topic)
	h := History{Parts: len(ends), Committed: k.ReadAs(topic, ends, kgo.ReadCommitted())}
	visible := map[place]bool{}
	for _, r := range h.Committed {
		visible[placeOf(r)] = true
	}
	h.Hidden = slices.DeleteFunc(k.ReadAs(topic, ends, kgo.ReadUncommitted()), func(r *kgo.Record) bool { return visible[placeOf(r)] })
	return h
}

// place is where a record stands in its topic.
type place struct {
	partition int32
	offset    int64
}

func placeOf(r *kgo.Record) place { return place{r.Partition, r.Offset} }

func byPlace(a, b *kgo.Record) int {
	return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
}

// reader reads a topic from its start.
func (k *Kafka) reader(topic string, opts ...kgo.Opt) *kgo.Client {
	k.T.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(k.Brokers...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(50 * time.Millisecond), kgo.MetadataMinAge(50 * time.Millisecond), kgo.MetadataMaxAge(time.Second),
	}, opts...)...)
	if err != nil {
		k.T.Fatal(err)
	}
	return client
}

// ReadAs reads a topic up to the ends of its partitions.
func (k *Kafka) ReadAs(topic string, ends map[int32]int64, level kgo.IsolationLevel) []*kgo.Record {
	k.T.Helper()
	reader := k.reader(topic, kgo.FetchIsolationLevel(level), kgo.KeepControlRecords()) // a partition may end with one
	defer reader.Close()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	left := maps.Clone(ends)
	maps.DeleteFunc(left, func(_ int32, end int64) bool { return end == 0 })
	var found []*kgo.Record
	for len(left) > 0 {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			k.T.Fatalf("read %s, still to come %v: %v", topic, left, err)
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
	slices.SortStableFunc(found, byPlace)
	return found
}

// Consume shows each committed record of a topic as soon as it can be read,
// until visit has had enough.
func (k *Kafka) Consume(topic string, visit func(*kgo.Record) (more bool)) {
	k.T.Helper()
	reader := k.reader(topic, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	defer reader.Close()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	for more := true; more; {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			k.T.Fatalf("read %s: %v", topic, err)
		}
		for it := fetches.RecordIter(); more && !it.Done(); {
			more = visit(it.Next())
		}
	}
}

// Follow shows each committed record of a topic from the first one until the
// test ends. The topic need not be there yet.
func (k *Kafka) Follow(topic string, show func(*kgo.Record)) {
	k.T.Helper()
	client := k.reader(topic, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	k.T.Cleanup(func() {
		cancel()
		<-stopped
		client.Close()
	})
	go func() {
		defer close(stopped)
		for ctx.Err() == nil {
			client.PollFetches(ctx).EachRecord(show)
		}
	}()
}

// SettledEnds waits until no transaction is open on a topic, and returns the end
// of each partition.
func (k *Kafka) SettledEnds(topic string) (ends map[int32]int64) {
	k.T.Helper()
	Eventually(k.T, "no open transaction on "+topic, Patience, func() bool {
		all := k.Ends(topic)
		ends = k.StableEnds(topic)
		return len(all) > 0 && maps.Equal(all, ends)
	})
	return ends
}

// Ends are the partitions' ends; none while something is in the way.
func (k *Kafka) Ends(topic string) map[int32]int64 { return k.endsAs(topic, 0) }

// StableEnds are those for a read_committed consumer.
func (k *Kafka) StableEnds(topic string) map[int32]int64 { return k.endsAs(topic, 1) }

func (k *Kafka) endsAs(topic string, isolation int8) map[int32]int64 {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID, req.IsolationLevel = -1, isolation
	of := kmsg.NewListOffsetsRequestTopic()
	of.Topic = topic
	for i := range k.Partitions(topic) {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = int32(i), -1
		of.Partitions = append(of.Partitions, p)
	}
	req.Topics = append(req.Topics, of)
	res, err := Ask[kmsg.ListOffsetsResponse](k, req)
	if err != nil {
		return nil
	}
	ends := map[int32]int64{}
	for _, t := range res.Topics {
		for _, p := range t.Partitions {
			ends[p.Partition] = p.Offset
		}
	}
	return ends
}

// Header is a header's value; empty: the record has none of that name.
func Header(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}
