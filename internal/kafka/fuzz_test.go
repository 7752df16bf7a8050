package kafka

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/segmentio/kafka-go/compress"
)

// FuzzFetch feeds whatever a network may bring to all that reads a fetch
// response. Batches whose checksum is right come from a broker that we trust,
// so the target mends checksums: what is behind them is tried as well.
func FuzzFetch(f *testing.F) {
	log := []made{
		data(0, own, "a", "b"), marker(2, own, "commit"), data(3, foreign, "c"), marker(4, foreign, "abort"),
		{base: 5, last: 9, producer: own, keys: []string{"d"}, at: []int32{4}}, {base: 15, last: 2},
		{base: 18, keys: []string{"e"}, codec: compress.Lz4, appended: true}, {base: 19, keys: []string{"f"}, withValue: "none"},
	}
	for _, max := range []int{1, 150, 1 << 20} {
		f.Add(response(f, log, 0, 0, max), int64(0))
	}
	for _, codec := range []compress.Compression{compress.Gzip, compress.Snappy, compress.Zstd} {
		f.Add(response(f, []made{{base: 7, keys: []string{"a"}, codec: codec}}, 7, 0, 1<<20), int64(7))
	}
	f.Add([]byte{}, int64(0))
	f.Fuzz(func(t *testing.T, response []byte, from int64) {
		mend(response)
		var c chunk
		if err := c.fill(response, from); err != nil {
			return
		}
		if c.next < from {
			t.Fatalf("the next offset is %d, below %d", c.next, from)
		}
		var d decider
		last := int64(-1)
		s := &scan{place: place{"fuzz", 0}, from: from, visit: func(m Message) error {
			if m.Offset < from || m.Offset >= c.next {
				t.Fatalf("offset %d outside [%d, %d)", m.Offset, from, c.next)
			}
			return nil
		}}
		show := func(b *rawBatch) error {
			if b.baseOffset <= last {
				t.Fatalf("the batch at %d comes after offset %d", b.baseOffset, last)
			}
			last = b.lastOffset
			return s.show(b)
		}
		for _, b := range c.batches {
			if d.add(b, show) != nil {
				return
			}
		}
		_ = d.finish(show) // an error is one of the records, which is fine
	})
}

// mend writes right checksums into the batches of a response, where there are
// any.
func mend(response []byte) {
	got, err := parseFetch(response)
	if err != nil {
		return
	}
	for records := got.records; len(records) >= batchHeaderSize; {
		length := 12 + int(int32(binary.BigEndian.Uint32(records[8:])))
		if length < batchHeaderSize || length > len(records) {
			return
		}
		binary.BigEndian.PutUint32(records[17:], crc32.Checksum(records[21:length], castagnoli()))
		records = records[length:]
	}
}
