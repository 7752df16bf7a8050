package kafka

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/compress"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"airudder-exporter/internal/record"
)

// TestStamp reads stamped batches with another library.
func TestStamp(t *testing.T) {
	records := []record.Record{
		{Key: []byte("k1"), Value: []byte("v1"), Headers: []record.Header{{Key: "ce_id", Value: []byte("x")}, {Key: "empty", Value: []byte{}}, {Key: "null"}}},
		{Key: []byte("k2")},
		{Key: []byte{}, Value: []byte{}},
		{Value: []byte("no key")},
	}
	now := time.UnixMilli(1_760_000_000_123)
	for _, codec := range []compress.Compression{compress.None, compress.Gzip, compress.Snappy, compress.Lz4, compress.Zstd} {
		t.Run(codec.String(), func(t *testing.T) {
			b, err := encode(place{"topic", 3}, records, codec)
			if err != nil {
				t.Fatal(err)
			}
			for sequence := range int32(3) { // a batch may be stamped again
				stamp(b.data, 1<<40, 300, 1000+sequence, now)
			}
			if n := int(b.data[0])<<24 | int(b.data[1])<<16 | int(b.data[2])<<8 | int(b.data[3]); n != len(b.data)-4 {
				t.Errorf("size %d, want %d", n, len(b.data)-4)
			}
			var got kmsg.RecordBatch
			if err := got.ReadFrom(b.data[4:]); err != nil {
				t.Fatal(err)
			}
			want := kmsg.RecordBatch{
				Length: int32(len(b.data) - 16), PartitionLeaderEpoch: -1, Magic: 2,
				CRC:        int32(crc32.Checksum(b.data[25:], crc32.MakeTable(crc32.Castagnoli))),
				Attributes: 1<<4 | int16(codec), LastOffsetDelta: 3,
				FirstTimestamp: now.UnixMilli(), MaxTimestamp: now.UnixMilli(),
				ProducerID: 1 << 40, ProducerEpoch: 300, FirstSequence: 1002, NumRecords: 4, Records: got.Records,
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("batch %+v, want %+v", got, want)
			}
			checkRecords(t, got, records)
		})
	}
}

// TestLz4Blocks: a reader holds as much as the frame's block size says
// (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md), however small
// the batch is.
func TestLz4Blocks(t *testing.T) {
	b, err := encode(place{}, []record.Record{{Key: []byte("k"), Value: []byte("v")}}, compress.Lz4)
	if err != nil {
		t.Fatal(err)
	}
	frame := b.data[batchOverhead:]
	if magic := []byte{0x04, 0x22, 0x4d, 0x18}; !bytes.HasPrefix(frame, magic) {
		t.Fatalf("the records begin with %x, want an lz4 frame's %x", frame[:4], magic)
	}
	if got, want := frame[5]>>4&7, byte(4); got != want { // 4: 64 KB … 7: 4 MB
		t.Errorf("block size %d, want %d", got, want)
	}
}

func checkRecords(t *testing.T, b kmsg.RecordBatch, want []record.Record) {
	t.Helper()
	got, err := kfake.BatchRecords(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i, r := range got {
		w := want[i]
		if !bytes.Equal(r.Key, w.Key) || (r.Key == nil) != (w.Key == nil) || !bytes.Equal(r.Value, w.Value) || (r.Value == nil) != (w.Value == nil) {
			t.Errorf("record %d: %q %q, want %q %q", i, r.Key, r.Value, w.Key, w.Value)
		}
		if r.OffsetDelta != int32(i) || r.TimestampDelta64 != 0 {
			t.Errorf("record %d: deltas %d and %d ms", i, r.OffsetDelta, r.TimestampDelta64)
		}
		if len(r.Headers) != len(w.Headers) {
			t.Fatalf("record %d: %d headers, want %d", i, len(r.Headers), len(w.Headers))
		}
		for j, h := range r.Headers {
			if h.Key != w.Headers[j].Key || !bytes.Equal(h.Value, w.Headers[j].Value) || (h.Value == nil) != (w.Headers[j].Value == nil) {
				t.Errorf("record %d: header %q %q, want %q %q", i, h.Key, h.Value, w.Headers[j].Key, w.Headers[j].Value)
			}
		}
	}
}

func TestSequenceAfter(t *testing.T) {
	tests := []struct {
		sequence int32
		n        int
		want     int32
	}{
		{0, 1, 1}, {5, 1000, 1005},
		{math.MaxInt32 - 1, 1, math.MaxInt32}, {math.MaxInt32, 1, 0}, {math.MaxInt32 - 2, 10, 7},
	}
	for _, test := range tests {
		if got := sequenceAfter(test.sequence, test.n); got != test.want {
			t.Errorf("sequenceAfter(%d, %d) = %d, want %d", test.sequence, test.n, got, test.want)
		}
	}
}

// Size must never be less than what a record takes.
func TestSizeIsEnough(t *testing.T) {
	long := strings.Repeat("x", 3000)
	for _, r := range []record.Record{
		{}, {Key: []byte("k"), Value: []byte(long)}, {Key: []byte(long)},
		{Headers: []record.Header{{Key: long, Value: []byte(long)}, {}}},
	} {
		records := make([]record.Record, 2000)
		for i := range records {
			records[i] = r
		}
		b, err := encode(place{}, records, compress.None)
		if err != nil {
			t.Fatal(err)
		}
		if most := batchOverhead + len(records)*r.Size(); len(b.data) > most {
			t.Errorf("%d bytes, more than %d", len(b.data), most)
		}
	}
}

func TestPrepareSplits(t *testing.T) {
	s := newShop(t, 1, 2)
	s.config.LedgerTopic = s.topic(t, "small-ledger", 1, "cleanup.policy", "compact", "max.message.bytes", "10000")
	s.config.Compression = "none"
	p, _ := s.start(t, s.dial(t), 0, "first")
	if got, want := p.Limit(s.config.LedgerTopic), 8000-batchOverhead; got != want {
		t.Errorf("limit of the ledger %d, want %d", got, want)
	}
	if got := p.Limit("another"); got != 0 {
		t.Errorf("limit of a topic that is none of ours: %d", got)
	}
	units, transactions := s.units("call", 1000), 0
	var calls []string
	for _, u := range units {
		calls = append(calls, string(u[0].Key))
	}
	for len(units) > 0 {
		n, commit, err := p.Prepare(units)
		if err != nil {
			t.Fatal(err)
		}
		if n < 50 && n < len(units) {
			t.Errorf("only %d units in a transaction", n)
		}
		if err := commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		units = units[n:]
		transactions++
	}
	if transactions < 5 {
		t.Errorf("%d transactions for 1000 calls of 70 bytes and batches of 8000", transactions)
	}
	s.checkOnce(t, calls...)
}

func TestTooLarge(t *testing.T) {
	s := newShop(t, 1, 1)
	s.config.EventTopic = s.topic(t, "small-events", 1, "max.message.bytes", "10000")
	p, _ := s.start(t, s.dial(t), 0, "first")
	sized := func(n int) record.Record {
		r := record.Record{Topic: s.config.EventTopic, Key: []byte("k")}
		r.Value = bytes.Repeat([]byte("v"), n-r.Size())
		return r
	}
	limit := p.Limit(s.config.EventTopic)
	n, commit, err := p.Prepare([][]record.Record{{sized(limit)}, {sized(limit + 1)}})
	if n != 1 || err != nil {
		t.Fatalf("a record of the limit's size: %d units, %v", n, err)
	}
	_, _, err = p.Prepare([][]record.Record{{sized(limit + 1)}})
	var large *TooLargeError
	if !errors.As(err, &large) || *large != (TooLargeError{Topic: s.config.EventTopic, Size: limit + 1, Limit: limit}) {
		t.Errorf("a record above the limit: %v", err)
	}
	_, _, err = p.Prepare([][]record.Record{{sized(limit / 2), sized(limit / 2), sized(limit / 2)}})
	if !errors.As(err, &large) {
		t.Errorf("a unit above the limit: %v", err)
	}
	if err := commit(t.Context()); err != nil {
		t.Errorf("the producer goes on after a unit that is too large: %v", err)
	}
	if _, _, err := p.Prepare([][]record.Record{{{Topic: "another", Key: []byte("k")}}}); err == nil {
		t.Error("a record for a topic that is none of ours was taken")
	}
	s.checkOnce(t, "k")
}

// Each compression is read back by another client.
func TestCompressions(t *testing.T) {
	for _, name := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, 1, 1)
			s.config.Compression = name
			p, _ := s.start(t, s.dial(t), 0, "first")
			before := time.Now().Add(-time.Millisecond)
			want := s.units("call", 50)
			if err := publish(p, want); err != nil {
				t.Fatal(err)
			}
			got := s.committedRecords(t, s.config.EventTopic)
			if len(got) != len(want) {
				t.Fatalf("%d records, want %d", len(got), len(want))
			}
			codec, _ := codecOf(name)
			for i, r := range got {
				w := want[i][0]
				if !bytes.Equal(r.Key, w.Key) || !bytes.Equal(r.Value, w.Value) || len(r.Headers) != 1 || string(r.Headers[0].Value) != string(w.Headers[0].Value) {
					t.Errorf("record %q %q %v, want %q %q", r.Key, r.Value, r.Headers, w.Key, w.Value)
				}
				if r.Attrs.CompressionType() != uint8(codec) {
					t.Errorf("compression %d, want %d", r.Attrs.CompressionType(), codec)
				}
				if r.Timestamp.Before(before) || r.Timestamp.After(time.Now()) {
					t.Errorf("timestamp %v is not the time of publishing", r.Timestamp)
				}
			}
			for _, r := range s.committedRecords(t, s.config.LedgerTopic) {
				if r.Attrs.CompressionType() != 0 {
					t.Errorf("the ledger is compressed with %d", r.Attrs.CompressionType())
				}
			}
		})
	}
	if _, err := Dial(Config{Brokers: []string{"x:1"}, Compression: "brotli"}, nil, nil); err == nil {
		t.Error("an unknown compression was taken")
	}
}
