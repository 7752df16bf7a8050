package kafka

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/segmentio/kafka-go/compress"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// made describes a batch as it might stand in a log. It is encoded by another
// library than the one under test.
type made struct {
	base      int64
	last      int32 // offset delta of the last record that there was
	producer  int64 // 0: none
	epoch     int16
	marker    string   // "commit", "abort", "emptied"; "": data
	keys      []string // of the records left, at deltas 0, 1, …, or those in at
	at        []int32
	codec     compress.Compression
	appended  bool // log append time
	withValue string
}

func data(base int64, producer int64, keys ...string) made {
	return made{base: base, last: int32(len(keys) - 1), producer: producer, keys: keys}
}

func marker(base int64, producer int64, kind string) made {
	return made{base: base, producer: producer, marker: kind}
}

func (m made) encode(t testing.TB) []byte {
	t.Helper()
	records := m.records()
	if m.codec != compress.None {
		records = squeeze(t, m.codec, records)
	}
	b := kmsg.RecordBatch{
		FirstOffset: m.base, PartitionLeaderEpoch: 1, Magic: 2, LastOffsetDelta: m.last,
		FirstTimestamp: 1_700_000_000_000, MaxTimestamp: 1_700_000_000_500,
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
		NumRecords: int32(len(m.keys)), Records: records, Attributes: int16(m.codec),
	}
	if m.producer > 0 {
		b.ProducerID, b.ProducerEpoch, b.FirstSequence = m.producer, m.epoch, 0
		b.Attributes |= 1 << 4
	}
	if m.marker != "" {
		b.Attributes |= 1 << 5
		b.NumRecords, b.FirstSequence = 1, -1
	}
	if m.marker == "emptied" {
		b.NumRecords = 0
	}
	if m.appended {
		b.Attributes |= 1 << 3
	}
	out := b.AppendTo(nil)
	binary.BigEndian.PutUint32(out[8:], uint32(len(out)-12))
	binary.BigEndian.PutUint32(out[17:], crc32.Checksum(out[21:], crc32.MakeTable(crc32.Castagnoli)))
	return out
}

func (m made) records() (out []byte) {
	if m.marker == "emptied" {
		return nil
	}
	if m.marker != "" {
		key := []byte{0, 0, 0, 0}
		if m.marker == "commit" {
			key[3] = 1
		}
		return appendRecord(nil, 0, key, []byte{0, 0, 0, 0, 0, 1})
	}
	for i, key := range m.keys {
		delta := int32(i)
		if m.at != nil {
			delta = m.at[i]
		}
		value := []byte("value of " + key + m.withValue)
		if m.withValue == "none" {
			value = nil
		}
		out = appendRecord(out, delta, []byte(key), value)
	}
	return out
}

func appendRecord(out []byte, delta int32, key, value []byte) []byte {
	r := kmsg.Record{OffsetDelta: delta, TimestampDelta64: int64(delta), Key: key, Value: value,
		Headers: []kmsg.Header{{Key: "h", Value: []byte("1")}}}
	body := r.AppendTo(nil)
	r.Length = int32(len(body) - 1) // with Length 0 in front, one byte
	return r.AppendTo(out)
}

func squeeze(t testing.TB, codec compress.Compression, records []byte) []byte {
	t.Helper()
	var out sliceBuffer
	w := codec.Codec().NewWriter(&out)
	if _, err := w.Write(records); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

type sliceBuffer []byte

func (b *sliceBuffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

// response is what a broker sends for a fetch at from: whole batches up to
// max bytes, at least one, and a piece of the next.
func response(t testing.TB, log []made, from, logStart int64, max int) []byte {
	t.Helper()
	var records []byte
	var end int64
	for _, m := range log {
		end = m.base + int64(m.last) + 1
		if end <= from {
			continue
		}
		b := m.encode(t)
		if left := max - len(records); len(records) > 0 && len(b) > left {
			if left > 0 {
				records = append(records, b[:left]...)
			}
			break
		}
		records = append(records, b...)
	}
	end = log[len(log)-1].base + int64(log[len(log)-1].last) + 1
	res := kmsg.NewPtrFetchResponse()
	res.SetVersion(11)
	p := kmsg.NewFetchResponseTopicPartition()
	p.HighWatermark, p.LastStableOffset, p.LogStartOffset = end, end, logStart
	p.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{{ProducerID: 99, FirstOffset: 1}}
	p.RecordBatches = records
	res.Topics = []kmsg.FetchResponseTopic{{Topic: "ledger", Partitions: []kmsg.FetchResponseTopicPartition{p}}}
	return res.AppendTo([]byte{0, 0, 0, 1})
}
