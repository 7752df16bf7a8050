// Package handmade makes record batches as they might stand in a log, for the
// tests of those who read them. They are encoded by another library than the one
// under test.
package handmade

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/segmentio/kafka-go/compress"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Batch describes a batch as it might stand in a log.
type Batch struct {
	Base      int64
	Last      int32 // offset delta of the last record that there was
	Producer  int64 // 0: none
	Epoch     int16
	Marker    string   // "commit", "abort", "emptied"; "": data
	Keys      []string // of the records left, at deltas 0, 1, …, or those in at
	At        []int32
	Codec     compress.Compression
	Appended  bool // log append time
	WithValue string
}

// Data is a batch of records, one for each key.
func Data(base int64, producer int64, keys ...string) Batch {
	return Batch{Base: base, Last: int32(len(keys) - 1), Producer: producer, Keys: keys}
}

// Marker is a control batch: "commit", "abort" or "emptied".
func Marker(base int64, producer int64, kind string) Batch {
	return Batch{Base: base, Producer: producer, Marker: kind}
}

// Encode is the batch as it stands in a log.
func (m Batch) Encode(t testing.TB) []byte {
	t.Helper()
	records := m.records()
	if m.Codec != compress.None {
		records = squeeze(t, m.Codec, records)
	}
	b := kmsg.RecordBatch{
		FirstOffset: m.Base, PartitionLeaderEpoch: 1, Magic: 2, LastOffsetDelta: m.Last,
		FirstTimestamp: 1_700_000_000_000, MaxTimestamp: 1_700_000_000_500,
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
		NumRecords: int32(len(m.Keys)), Records: records, Attributes: int16(m.Codec),
	}
	if m.Producer > 0 {
		b.ProducerID, b.ProducerEpoch, b.FirstSequence = m.Producer, m.Epoch, 0
		b.Attributes |= 1 << 4
	}
	if m.Marker != "" {
		b.Attributes |= 1 << 5
		b.NumRecords, b.FirstSequence = 1, -1
	}
	if m.Marker == "emptied" {
		b.NumRecords = 0
	}
	if m.Appended {
		b.Attributes |= 1 << 3
	}
	out := b.AppendTo(nil)
	binary.BigEndian.PutUint32(out[8:], uint32(len(out)-12))
	binary.BigEndian.PutUint32(out[17:], crc32.Checksum(out[21:], crc32.MakeTable(crc32.Castagnoli)))
	return out
}

func (m Batch) records() (out []byte) {
	if m.Marker == "emptied" {
		return nil
	}
	if m.Marker != "" {
		key := []byte{0, 0, 0, 0}
		if m.Marker == "commit" {
			key[3] = 1
		}
		return appendRecord(nil, 0, key, []byte{0, 0, 0, 0, 0, 1})
	}
	for i, key := range m.Keys {
		delta := int32(i)
		if m.At != nil {
			delta = m.At[i]
		}
		value := []byte("value of " + key + m.WithValue)
		if m.WithValue == "none" {
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
