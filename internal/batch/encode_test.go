package batch

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/compress"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestStamp reads stamped batches with another library.
func TestStamp(t *testing.T) {
	records := []Record{
		{Key: []byte("k1"), Value: []byte("v1"), Headers: []Header{{Key: "ce_id", Value: []byte("x")}, {Key: "empty", Value: []byte{}}, {Key: "null"}}},
		{Key: []byte("k2")},
		{Key: []byte{}, Value: []byte{}},
		{Value: []byte("no key")},
	}
	now := time.UnixMilli(1_760_000_000_123)
	for _, codec := range []compress.Compression{compress.None, compress.Gzip, compress.Snappy, compress.Lz4, compress.Zstd} {
		t.Run(codec.String(), func(t *testing.T) {
			b, err := Encode(records, Codec{codec})
			if err != nil {
				t.Fatal(err)
			}
			for sequence := range int32(3) { // a batch may be stamped again
				b.Stamp(1<<40, 300, 1000+sequence, now)
			}
			if n := int(b.Data[0])<<24 | int(b.Data[1])<<16 | int(b.Data[2])<<8 | int(b.Data[3]); n != len(b.Data)-4 {
				t.Errorf("size %d, want %d", n, len(b.Data)-4)
			}
			var got kmsg.RecordBatch
			if err := got.ReadFrom(b.Data[4:]); err != nil {
				t.Fatal(err)
			}
			want := kmsg.RecordBatch{
				Length: int32(len(b.Data) - 16), PartitionLeaderEpoch: -1, Magic: 2,
				CRC:        int32(crc32.Checksum(b.Data[25:], crc32.MakeTable(crc32.Castagnoli))),
				Attributes: 1<<4 | int16(codec), LastOffsetDelta: 3,
				FirstTimestamp: now.UnixMilli(), MaxTimestamp: now.UnixMilli(),
				ProducerID: 1 << 40, ProducerEpoch: 300, FirstSequence: 1002, NumRecords: 4, Records: got.Records,
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("batch %+v, want %+v", got, want)
			}
			checkRecords(t, got, records)
			checkTimes(t, got, func(int) int64 { return 0 })
		})
	}
}

// TestLz4Blocks: a reader holds as much as the frame's block size says
// (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md), however small
// the batch is.
func TestLz4Blocks(t *testing.T) {
	b, err := Encode([]Record{{Key: []byte("k"), Value: []byte("v")}}, Codec{compress.Lz4})
	if err != nil {
		t.Fatal(err)
	}
	frame := b.Data[Overhead:]
	if magic := []byte{0x04, 0x22, 0x4d, 0x18}; !bytes.HasPrefix(frame, magic) {
		t.Fatalf("the records begin with %x, want an lz4 frame's %x", frame[:4], magic)
	}
	if got, want := frame[5]>>4&7, byte(4); got != want { // 4: 64 KB … 7: 4 MB
		t.Errorf("block size %d, want %d", got, want)
	}
}

func checkRecords(t *testing.T, b kmsg.RecordBatch, want []Record) {
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
		if got := SequenceAfter(test.sequence, test.n); got != test.want {
			t.Errorf("SequenceAfter(%d, %d) = %d, want %d", test.sequence, test.n, got, test.want)
		}
	}
}

// Size must never be less than what a record takes.
func TestSizeIsEnough(t *testing.T) {
	long := strings.Repeat("x", 3000)
	for _, r := range []Record{
		{}, {Key: []byte("k"), Value: []byte(long)}, {Key: []byte(long)},
		{Headers: []Header{{Key: long, Value: []byte(long)}, {}}},
	} {
		records := make([]Record, 2000)
		for i := range records {
			records[i] = r
		}
		b, err := Encode(records, Uncompressed)
		if err != nil {
			t.Fatal(err)
		}
		if most := Overhead + len(records)*r.Size(); len(b.Data) > most {
			t.Errorf("%d bytes, more than %d", len(b.Data), most)
		}
	}
}
