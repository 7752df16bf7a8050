package batch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/compress"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestCopy copies records of two batches into one, whatever both are compressed with,
// and reads the copy with another library: nothing differs but the header that is added.
func TestCopy(t *testing.T) {
	records := []Record{
		{Key: []byte("k1"), Value: []byte("v1"), Headers: []Header{{Key: "ce_id", Value: []byte("x")}, {Key: "empty", Value: []byte{}}, {Key: "null"}}},
		{Key: []byte("k2")},
		{Key: []byte{}, Value: []byte{}},
		{Value: bytes.Repeat([]byte("no key "), 1000)},
	}
	for i := range 200 {
		records = append(records, Record{Key: fmt.Append(nil, i), Value: bytes.Repeat([]byte{byte(i)}, i)})
	}
	first, second := time.UnixMilli(1_760_000_000_123), time.UnixMilli(1_750_000_000_000) // the later batch is older
	for _, codec := range []compress.Compression{compress.None, compress.Gzip, compress.Snappy, compress.Lz4, compress.Zstd} {
		t.Run(codec.String(), func(t *testing.T) {
			var c Copy
			for range 2 { // it may be used again
				add := func(records []Record, at time.Time, n int) {
					for i, r := range storedBy(t, records, codec, at) {
						c.Add(&r, Header{Key: "origin", Value: fmt.Appendf(nil, "t/0/%d", n+i)})
					}
				}
				add(records[:3], first, 0)
				add(records[3:], second, 3)
				size, n := c.Size(), c.Records()
				e, err := c.Encode(Codec{codec})
				if err != nil {
					t.Fatal(err)
				}
				if n != len(records) || e.Records != n || c.Records() != 0 || c.Size() != 0 {
					t.Errorf("%d records, encoded %d; then %d records of %d bytes are left", n, e.Records, c.Records(), c.Size())
				}
				e.Stamp(7, 1, 5, time.Now())
				var got kmsg.RecordBatch
				if err := got.ReadFrom(e.Data[4:]); err != nil {
					t.Fatal(err)
				}
				if codec == compress.None && len(got.Records) != size {
					t.Errorf("%d bytes, and Size says %d", len(got.Records), size)
				}
				if got.FirstTimestamp != first.UnixMilli() || got.MaxTimestamp != first.UnixMilli() || got.LastOffsetDelta != int32(n-1) ||
					got.ProducerID != 7 || got.FirstSequence != 5 || got.Attributes != 1<<4|int16(codec) {
					t.Errorf("batch %+v", got)
				}
				want := slices.Clone(records)
				for i := range want {
					want[i].Headers = append(slices.Clone(want[i].Headers), Header{Key: "origin", Value: fmt.Appendf(nil, "t/0/%d", i)})
				}
				checkRecords(t, got, want)
				checkTimes(t, got, func(i int) int64 {
					if i < 3 {
						return 0
					}
					return second.UnixMilli() - first.UnixMilli()
				})
			}
		})
	}
}

// storedBy are records as they are read from a batch of a time.
func storedBy(t *testing.T, records []Record, codec compress.Compression, at time.Time) (all []Stored) {
	t.Helper()
	e, err := Encode(records, Codec{codec})
	if err != nil {
		t.Fatal(err)
	}
	e.Stamp(1, 0, 0, at)
	b, _, err := read(e.Data[4:])
	if err != nil {
		t.Fatal(err)
	}
	if err := new(Reader).Each(&b, func(s *Stored) error {
		all = append(all, *s)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func checkTimes(t *testing.T, b kmsg.RecordBatch, delta func(i int) int64) {
	t.Helper()
	got, err := kfake.BatchRecords(b)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range got {
		if r.TimestampDelta64 != delta(i) || r.OffsetDelta != int32(i) {
			t.Errorf("record %d: %d ms and %d offsets behind the first, want %d ms", i, r.TimestampDelta64, r.OffsetDelta, delta(i))
		}
	}
}

func TestStoredHeader(t *testing.T) {
	s := storedBy(t, []Record{{Value: []byte("v"), Headers: []Header{{Key: "a", Value: []byte("1")}, {Key: "b"}, {Key: "a", Value: []byte("2")}}}}, compress.None, time.Now())[0]
	if v, ok := s.Header("a"); string(v) != "2" || !ok {
		t.Errorf("a is %q, %v, want the last one", v, ok)
	}
	if v, ok := s.Header("b"); v != nil || !ok {
		t.Errorf("b is %q, %v, want null", v, ok)
	}
	if v, ok := s.Header("c"); v != nil || ok {
		t.Errorf("c is %q, %v, want none", v, ok)
	}
}

func TestVarintSize(t *testing.T) {
	for _, v := range []int64{0, -1, 1, 63, 64, -64, -65, 8191, 8192, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64} {
		if got, want := varintSize(v), len(binary.AppendVarint(nil, v)); got != want {
			t.Errorf("%d: got %d, want %d", v, got, want)
		}
	}
}
