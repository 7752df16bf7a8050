package kafka

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/segmentio/kafka-go/compress"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/batch/handmade"
	"airudder-exporter/internal/kafka/rawfetch"
)

// FuzzFetch feeds whatever a network may bring to all that reads a fetch
// response. Batches whose checksum is right come from a broker that we trust,
// so the target mends checksums: what is behind them is tried as well.
func FuzzFetch(f *testing.F) {
	log := []handmade.Batch{
		handmade.Data(0, own, "a", "b"), handmade.Marker(2, own, "commit"), handmade.Data(3, foreign, "c"), handmade.Marker(4, foreign, "abort"),
		{Base: 5, Last: 9, Producer: own, Keys: []string{"d"}, At: []int32{4}}, {Base: 15, Last: 2},
		{Base: 18, Keys: []string{"e"}, Codec: compress.Lz4, Appended: true}, {Base: 19, Keys: []string{"f"}, WithValue: "none"},
	}
	for _, max := range []int{1, 150, 1 << 20} {
		f.Add(response(f, log, 0, 0, max), int64(0))
	}
	for _, codec := range []compress.Compression{compress.Gzip, compress.Snappy, compress.Zstd} {
		f.Add(response(f, []handmade.Batch{{Base: 7, Keys: []string{"a"}, Codec: codec}}, 7, 0, 1<<20), int64(7))
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
		var d batch.Decider
		last := int64(-1)
		s := &scan{Place: batch.Place{Topic: "fuzz", Partition: 0}, from: from, visit: func(m *batch.Stored) error {
			if m.Offset < from || m.Offset >= c.next {
				t.Fatalf("offset %d outside [%d, %d)", m.Offset, from, c.next)
			}
			_, err := m.Record("fuzz")
			return err
		}}
		show := func(b *batch.Batch) error {
			if b.BaseOffset <= last {
				t.Fatalf("the batch at %d comes after offset %d", b.BaseOffset, last)
			}
			last = b.LastOffset
			return s.show(b)
		}
		for _, b := range c.batches {
			if d.Add(b, show) != nil {
				return
			}
		}
		_ = d.Finish(show) // an error is one of the records, which is fine
	})
}

const headerSize = batch.Overhead - 4 // of a batch as it stands in a log

// mend writes right checksums into the batches of a response, where there are
// any.
func mend(response []byte) {
	got, err := rawfetch.Parse(response)
	if err != nil {
		return
	}
	for records := got.Records; len(records) >= headerSize; {
		length := 12 + int(int32(binary.BigEndian.Uint32(records[8:])))
		if length < headerSize || length > len(records) {
			return
		}
		binary.BigEndian.PutUint32(records[17:], crc32.Checksum(records[21:length], crc32.MakeTable(crc32.Castagnoli)))
		records = records[length:]
	}
}
