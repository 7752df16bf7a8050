package batch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/pierrec/lz4/v4"
	"github.com/segmentio/kafka-go/compress"
	"github.com/segmentio/kafka-go/protocol"
)

// Codec compresses a batch's records.
type Codec struct{ compression compress.Compression }

// Uncompressed leaves records as they are. It is the zero Codec.
var Uncompressed Codec

// ParseCodec translates the name of a compression: none, gzip, snappy, lz4 or
// zstd; empty means none.
func ParseCodec(name string) (Codec, error) {
	i := slices.Index([]string{"none", "gzip", "snappy", "lz4", "zstd"}, name) // as batches number them
	if i < 0 && name != "" {
		return Codec{}, fmt.Errorf("%q is not a compression: give none, gzip, snappy, lz4 or zstd", name)
	}
	return Codec{compress.Compression(max(i, 0))}, nil
}

// Encoded is one partition's records as a record batch, before it has a
// producer, a sequence number and a time: see Stamp.
type Encoded struct {
	Records int
	Data    []byte // a 4-byte size, then one record batch, as a produce request holds it
	timed   bool   // the records have times of their own
}

// Encode writes records, all of one partition, as one record batch.
func Encode(records []Record, codec Codec) (Encoded, error) {
	set := protocol.RecordSet{Version: 2, Records: &recordReader{records: records}}
	size := Overhead
	for _, r := range records {
		size += r.Size()
	}
	var buf bytes.Buffer
	buf.Grow(size)
	_, err := set.WriteTo(&buf)
	data := buf.Bytes()
	if err == nil && codec != Uncompressed {
		data, err = compressed(data, codec.compression)
	}
	if err != nil {
		return Encoded{}, err
	}
	return Encoded{Records: len(records), Data: data}, nil
}

// compressed is a batch with its records compressed. They follow the
// header (https://kafka.apache.org/documentation/#recordbatch).
func compressed(plain []byte, codec compress.Compression) ([]byte, error) {
	var buf bytes.Buffer
	buf.Grow(Overhead + len(plain)/2)
	buf.Write(plain[:Overhead])
	w, err := compressor(&buf, codec)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain[Overhead:]); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	data := buf.Bytes()
	b := data[4:]
	binary.BigEndian.PutUint32(data, uint32(len(b)))
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12)) // what follows offset and length
	attributes := binary.BigEndian.Uint16(b[21:]) | uint16(codec)
	binary.BigEndian.PutUint16(b[21:], attributes)
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], castagnoli()))
	return data, nil
}

// compressor compresses into w. kafka-go's own lz4 makes blocks of 4 MB, for
// which we, the broker and each consumer would hold 4 MB and more a batch,
// however small; 64 KB are what Java's producer makes.
func compressor(w io.Writer, codec compress.Compression) (io.WriteCloser, error) {
	if codec != compress.Lz4 {
		return codec.Codec().NewWriter(w), nil
	}
	z := lz4.NewWriter(w)
	return z, z.Apply(lz4.BlockSizeOption(lz4.Block64Kb))
}

// Overhead is how many bytes a batch takes besides its records: the size in front
// and the header.
const Overhead = 4 + headerSize

// recordReader shows records to kafka-go's encoder, one after the other in the
// same memory. It gives no times: a batch is stamped with its time when it is
// sent.
type recordReader struct {
	records    []Record
	next       protocol.Record
	key, value byteReader
}

func (r *recordReader) ReadRecord() (*protocol.Record, error) {
	if len(r.records) == 0 {
		return nil, io.EOF
	}
	from := &r.records[0]
	r.records = r.records[1:]
	r.next.Key, r.next.Value = r.key.over(from.Key), r.value.over(from.Value)
	r.next.Headers = r.next.Headers[:0]
	for _, h := range from.Headers {
		r.next.Headers = append(r.next.Headers, protocol.Header{Key: h.Key, Value: h.Value})
	}
	return &r.next, nil
}

// byteReader is a protocol.Bytes that can be used again.
type byteReader struct{ bytes.Reader }

// over points the reader at b; nil stays nil, Kafka's null.
func (r *byteReader) over(b []byte) protocol.Bytes {
	if b == nil {
		return nil
	}
	r.Reset(b)
	return r
}

func (r *byteReader) Close() error { return nil }
