package kafka

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/compress"
	"github.com/twmb/franz-go/pkg/kmsg"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/batch/handmade"
)

const (
	own     = 7 // our producer id
	foreign = 8
)

// layout is a log and what its replay shows.
type layout struct {
	name     string
	log      []handmade.Batch
	barrier  int64
	logStart int64
	want     string // offset:key of what is shown
	err      error
	says     string // what the error says
}

// barrierAt is our barrier and its marker.
func barrierAt(base int64) []handmade.Batch {
	return []handmade.Batch{{Base: base, Producer: own, Epoch: 3, Keys: []string{"producer"}}, {Base: base + 1, Producer: own, Epoch: 3, Marker: "commit"}}
}

// earlier is a batch of an earlier epoch of ours.
func earlier(m handmade.Batch) handmade.Batch {
	m.Epoch = 2
	return m
}

// transactionLayouts: what writers leave.
func transactionLayouts() []layout {
	return []layout{
		{name: "nothing but the barrier", log: barrierAt(0), want: "0:producer"},
		{
			name: "committed, aborted, committed", barrier: 8,
			log: append([]handmade.Batch{handmade.Data(0, own, "a", "b"), handmade.Marker(2, own, "commit"), handmade.Data(3, own, "c"), handmade.Marker(4, own, "abort"),
				handmade.Data(5, own, "d", "e"), handmade.Marker(7, own, "commit")}, barrierAt(8)...),
			want: "0:a 1:b 5:d 6:e 8:producer",
		},
		{
			name: "foreign transaction open from the beginning", barrier: 4,
			log:  append([]handmade.Batch{handmade.Data(0, foreign, "x"), handmade.Data(1, own, "a", "b"), handmade.Marker(3, own, "commit")}, barrierAt(4)...),
			want: "1:a 2:b 4:producer",
		},
		{
			name: "interleaved, out in offset order", barrier: 6,
			log: append([]handmade.Batch{handmade.Data(0, foreign, "x"), handmade.Data(1, own, "a"), handmade.Marker(2, own, "commit"), handmade.Data(3, foreign, "y"),
				handmade.Marker(4, foreign, "commit"), handmade.Data(5, own, "never decided")}, barrierAt(6)...),
			// the barrier's marker is of the same producer id and takes what that left open
			want: "0:x 1:a 3:y 5:never decided 6:producer",
		},
		{
			name: "not transactional", barrier: 3,
			log:  append([]handmade.Batch{handmade.Data(0, 0, "a", "b"), handmade.Data(2, 0, "c")}, barrierAt(3)...),
			want: "0:a 1:b 2:c 3:producer",
		},
		{
			name: "a transaction that spans our barrier is not committed", barrier: 1,
			log: []handmade.Batch{handmade.Data(0, foreign, "x"), {Base: 1, Producer: own, Epoch: 3, Keys: []string{"producer"}},
				{Base: 2, Producer: own, Epoch: 3, Marker: "commit"}, handmade.Marker(3, foreign, "commit")},
			want: "1:producer",
		},
		{
			name: "a marker between barrier and its marker", barrier: 1,
			log: []handmade.Batch{handmade.Data(0, foreign, "x"), {Base: 1, Producer: own, Epoch: 3, Keys: []string{"producer"}},
				handmade.Marker(2, foreign, "commit"), {Base: 3, Producer: own, Epoch: 3, Marker: "commit"}},
			want: "0:x 1:producer",
		},
		{
			name: "older barriers of ours", barrier: 4,
			log:  append([]handmade.Batch{earlier(handmade.Data(0, own, "producer")), earlier(handmade.Marker(1, own, "commit")), handmade.Data(2, foreign, "producer"), handmade.Marker(3, foreign, "commit")}, barrierAt(4)...),
			want: "0:producer 2:producer 4:producer",
		},
	}
}

// compactedLayouts: what the cleaner leaves.
func compactedLayouts() []layout {
	return []layout{
		{
			name: "first batch far above 0", barrier: 902,
			log:  append([]handmade.Batch{handmade.Data(900, own, "a"), handmade.Marker(901, own, "commit")}, barrierAt(902)...),
			want: "900:a 902:producer",
		},
		{
			name: "gaps between and inside batches", barrier: 100,
			log: append([]handmade.Batch{{Base: 10, Last: 9, Producer: own, Keys: []string{"a", "b"}, At: []int32{3, 7}}, handmade.Marker(20, own, "commit"),
				{Base: 50, Last: 20, Producer: own, Keys: []string{"c"}, At: []int32{20}}, handmade.Marker(71, own, "commit")}, barrierAt(100)...),
			want: "13:a 17:b 70:c 100:producer",
		},
		{
			name: "last records of a batch compacted away", barrier: 12,
			log:  append([]handmade.Batch{{Base: 0, Last: 10, Producer: own, Keys: []string{"a"}, At: []int32{0}}, handmade.Marker(11, own, "commit")}, barrierAt(12)...),
			want: "0:a 12:producer",
		},
		{
			name: "emptied batches", barrier: 12,
			log: append([]handmade.Batch{{Base: 0, Last: 3, Producer: own}, {Base: 4, Last: 3, Producer: foreign}, handmade.Data(8, own, "a"),
				handmade.Marker(9, own, "commit"), {Base: 10, Last: 1, Producer: own}}, barrierAt(12)...),
			want: "8:a 12:producer",
		},
		{
			name: "markers without their data", barrier: 6,
			log: append([]handmade.Batch{handmade.Marker(0, own, "commit"), handmade.Marker(1, foreign, "abort"), handmade.Data(2, own, "a"), handmade.Marker(3, own, "commit"),
				handmade.Marker(5, foreign, "commit")}, barrierAt(6)...),
			want: "2:a 6:producer",
		},
		{
			name: "an emptied control batch", barrier: 3,
			log: append([]handmade.Batch{handmade.Data(0, own, "a"), handmade.Marker(1, own, "commit"),
				{Base: 2, Producer: own, Marker: "emptied"}}, barrierAt(3)...),
			want: "0:a 3:producer",
		},
		{
			name: "a foreign codec", barrier: 5,
			log: append([]handmade.Batch{{Base: 0, Last: 1, Producer: foreign, Keys: []string{"a", "b"}, Codec: compress.Zstd}, handmade.Marker(2, foreign, "commit"),
				{Base: 3, Keys: []string{"c"}, Codec: compress.Gzip}, {Base: 4, Keys: []string{"d"}, Codec: compress.Snappy}}, barrierAt(5)...),
			want: "0:a 1:b 3:c 4:d 5:producer",
		},
	}
}

// refusedLayouts: what must end the producer.
func refusedLayouts() []layout {
	return []layout{
		{
			name: "the next epoch's barrier behind ours", barrier: 0, err: ErrFenced,
			log: []handmade.Batch{{Base: 0, Producer: own, Epoch: 3, Keys: []string{"producer"}}, {Base: 1, Producer: own, Epoch: 4, Keys: []string{"producer"}},
				{Base: 2, Producer: own, Epoch: 4, Marker: "commit"}},
		},
		{
			name: "another's barrier behind ours, aborted", barrier: 0, err: ErrFenced,
			log: []handmade.Batch{{Base: 0, Producer: own, Epoch: 3, Keys: []string{"producer"}}, handmade.Data(1, foreign, "x", "producer"), handmade.Marker(3, foreign, "abort"),
				{Base: 4, Producer: own, Epoch: 3, Marker: "commit"}},
		},
		{
			name: "the cleaner took our barrier", barrier: 2, err: ErrFenced,
			log: []handmade.Batch{handmade.Data(0, own, "a"), handmade.Marker(1, own, "commit"), {Base: 2, Producer: own, Epoch: 3}, {Base: 5, Producer: own, Epoch: 4, Keys: []string{"producer"}}},
		},
		{
			name: "the cleaner left a gap where our barrier was", barrier: 2, err: ErrFenced,
			log: []handmade.Batch{handmade.Data(0, own, "a"), handmade.Marker(1, own, "commit"), {Base: 5, Producer: own, Epoch: 4, Keys: []string{"producer"}}},
		},
		{
			name: "another's record at our barrier's offset", barrier: 2, err: ErrFenced,
			log: []handmade.Batch{handmade.Data(0, own, "a"), handmade.Marker(1, own, "commit"), handmade.Data(2, foreign, "z")},
		},
		{name: "the beginning is gone", log: barrierAt(5), barrier: 5, logStart: 5, err: ErrLedgerMoved},
		{
			name: "our barrier aborted", barrier: 0, says: "marker says otherwise",
			log: []handmade.Batch{{Base: 0, Producer: own, Epoch: 3, Keys: []string{"producer"}}, {Base: 1, Producer: own, Epoch: 3, Marker: "abort"}},
		},
	}
}

// TestReplayLayouts replays every layout that a partition can have, fetched in
// pieces of every size.
func TestReplayLayouts(t *testing.T) {
	for _, test := range slices.Concat(transactionLayouts(), compactedLayouts(), refusedLayouts()) {
		for _, max := range []int{1, 100, 200, 1 << 20} {
			t.Run(fmt.Sprintf("%s/%d", test.name, max), func(t *testing.T) {
				shown, err := replayMade(t, test.log, test.barrier, test.logStart, max)
				switch {
				case test.err != nil:
					if !errors.Is(err, test.err) {
						t.Errorf("%v, want %v", err, test.err)
					}
				case test.says != "":
					if err == nil || !strings.Contains(err.Error(), test.says) {
						t.Errorf("%v, want an error that says %q", err, test.says)
					}
				case err != nil:
					t.Error(err)
				case shown != test.want:
					t.Errorf("shown %s, want %s", shown, test.want)
				}
			})
		}
	}
}

// replayMade replays a hand-made log, fetched max bytes at a time, each
// response in the memory of the last.
// Only a refused offset 0 says that the beginning is gone: a broker that led once
// refuses later ones.
func TestReplayOfRefusedOffsets(t *testing.T) {
	r := &replay{Place: batch.Place{Topic: "ledger", Partition: 0}}
	for from, moved := range map[int64]bool{0: true, 1: false, 12: false} {
		err := r.moved(&fetchError{r.Place, from, kafkago.OffsetOutOfRange})
		if errors.Is(err, ErrLedgerMoved) != moved || !errors.Is(err, kafkago.OffsetOutOfRange) {
			t.Errorf("offset %d: got %v, want ErrLedgerMoved %v", from, err, moved)
		}
	}
	if err := r.moved(&fetchError{r.Place, 0, kafkago.NotLeaderForPartition}); errors.Is(err, ErrLedgerMoved) {
		t.Errorf("another error: got %v", err)
	}
}

func replayMade(t *testing.T, log []handmade.Batch, barrier, logStart int64, max int) (string, error) {
	t.Helper()
	var shown []string
	r := &replay{Place: batch.Place{Topic: "ledger", Partition: 0}, producerID: own, epoch: 3, barrier: barrier, key: []byte("producer"),
		visit: func(offset int64, key, value []byte) error {
			if want := "value of " + string(key); string(value) != want {
				t.Errorf("value %q of %q", value, key)
			}
			shown = append(shown, fmt.Sprintf("%d:%s", offset, key))
			return nil
		}}
	memory := make([]byte, 0, 1<<16)
	var c chunk
	for from := int64(0); ; from = c.next {
		clear(memory[:cap(memory)]) // nothing of the last response may be used any more
		memory = append(memory[:0], response(t, log, from, logStart, max)...)
		if err := c.fill(memory, from); err != nil {
			return "", err
		}
		if len(c.batches) == 0 {
			return "", fmt.Errorf("the log ends at %d and the replay does not", from)
		}
		if err := r.take(&c); errors.Is(err, errEnough) {
			return strings.Join(shown, " "), nil
		} else if err != nil {
			return "", err
		}
	}
}

func TestDamagedBatches(t *testing.T) {
	good := handmade.Data(5, own, "a", "b").Encode(t)
	tests := []struct {
		name  string
		spoil func([]byte) []byte
		says  string
	}{
		{"checksum", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, "damaged"},
		{"magic", func(b []byte) []byte { b[16] = 1; return b }, "magic 1"},
		{"length", func(b []byte) []byte { b[11] = 3; b[10] = 0; return b }, "a batch of 3 bytes"},
		{"count", func(b []byte) []byte { b[57] = 1; return b }, "records up to"},
		{"negative delta", func(b []byte) []byte { b[23] = 0xff; return b }, "records up to"},
		{"cut", func(b []byte) []byte { return b[:len(b)-1] }, ""},
		{"cut in the header", func(b []byte) []byte { return b[:30] }, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := batch.ReadAll(append(slices.Clone(good), test.spoil(slices.Clone(good))...), nil)
			if len(got) != 1 {
				t.Errorf("%d batches before the damage, want 1", len(got))
			}
			if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want one that says %q", err, test.says)
			}
		})
	}
}

// response is what a broker sends for a fetch at from: whole batches up to
// max bytes, at least one, and a piece of the next.
func response(t testing.TB, log []handmade.Batch, from, logStart int64, max int) []byte {
	t.Helper()
	var records []byte
	var end int64
	for _, m := range log {
		end = m.Base + int64(m.Last) + 1
		if end <= from {
			continue
		}
		b := m.Encode(t)
		if left := max - len(records); len(records) > 0 && len(b) > left {
			if left > 0 {
				records = append(records, b[:left]...)
			}
			break
		}
		records = append(records, b...)
	}
	end = log[len(log)-1].Base + int64(log[len(log)-1].Last) + 1
	res := kmsg.NewPtrFetchResponse()
	res.SetVersion(11)
	p := kmsg.NewFetchResponseTopicPartition()
	p.HighWatermark, p.LastStableOffset, p.LogStartOffset = end, end, logStart
	p.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{{ProducerID: 99, FirstOffset: 1}}
	p.RecordBatches = records
	res.Topics = []kmsg.FetchResponseTopic{{Topic: "ledger", Partitions: []kmsg.FetchResponseTopicPartition{p}}}
	return res.AppendTo([]byte{0, 0, 0, 1})
}
