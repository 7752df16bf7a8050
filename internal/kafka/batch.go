package kafka

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/segmentio/kafka-go/compress"
	"github.com/segmentio/kafka-go/protocol"
)

// batchHeaderSize is the size of a record batch's header, magic 2
// (https://kafka.apache.org/documentation/#recordbatch).
const batchHeaderSize = 61

// rawBatch is a record batch as it stands in the log. Its records are a piece
// of the response that it came in.
type rawBatch struct {
	baseOffset, lastOffset int64
	attributes             protocol.Attributes
	firstTimestamp         int64 // milliseconds, of the record with delta 0
	maxTimestamp           int64
	producerID             int64 // -1: none
	epoch                  int16
	count                  int    // records left; 0 where compaction took all
	records                []byte // behind the header, compressed as attributes say
}

// errPartial: the data end inside a batch, as a broker cuts the last one of a
// response.
var errPartial = errors.New("the data end inside a batch")

// readBatch takes the first batch off data and checks its checksum.
func readBatch(data []byte) (b rawBatch, rest []byte, err error) {
	if len(data) < batchHeaderSize {
		return b, nil, errPartial
	}
	length := int64(int32(binary.BigEndian.Uint32(data[8:])))
	if length < batchHeaderSize-12 {
		return b, nil, fmt.Errorf("a batch of %d bytes", length)
	}
	if magic := data[16]; magic != 2 {
		return b, nil, fmt.Errorf("a batch of magic %d, where Kafka 0.11 and later write 2", magic)
	}
	if int64(len(data)) < 12+length {
		return b, nil, errPartial
	}
	data, rest = data[:12+length], data[12+length:]
	b = rawBatch{
		baseOffset:     int64(binary.BigEndian.Uint64(data)),
		attributes:     protocol.Attributes(binary.BigEndian.Uint16(data[21:])),
		firstTimestamp: int64(binary.BigEndian.Uint64(data[27:])),
		maxTimestamp:   int64(binary.BigEndian.Uint64(data[35:])),
		producerID:     int64(binary.BigEndian.Uint64(data[43:])),
		epoch:          int16(binary.BigEndian.Uint16(data[51:])),
		count:          int(int32(binary.BigEndian.Uint32(data[57:]))),
		records:        data[batchHeaderSize:],
	}
	delta := int32(binary.BigEndian.Uint32(data[23:]))
	b.lastOffset = b.baseOffset + int64(delta)
	if b.baseOffset < 0 || delta < 0 || b.lastOffset+1 < b.baseOffset || b.count < 0 || b.count > int(delta)+1 {
		return b, nil, fmt.Errorf("a batch at offset %d with %d records up to %d", b.baseOffset, b.count, b.lastOffset)
	}
	if got, want := crc32.Checksum(data[21:], castagnoli()), binary.BigEndian.Uint32(data[17:]); got != want {
		return b, nil, fmt.Errorf("the batch at offset %d is damaged: checksum %08x instead of %08x", b.baseOffset, got, want)
	}
	return b, rest, nil
}

// readBatches takes the whole batches off data; a cut one at the end is left
// for the next fetch. into is reused.
func readBatches(data []byte, into []rawBatch) ([]rawBatch, error) {
	into = into[:0]
	for len(data) > 0 {
		b, rest, err := readBatch(data)
		if errors.Is(err, errPartial) {
			break
		}
		if err != nil {
			return into, err
		}
		into = append(into, b)
		data = rest
	}
	return into, nil
}

// marker is the outcome that a control batch tells: what its first record's
// key says (version, then type 0 abort, 1 commit).
func (b *rawBatch) marker() (committed, ok bool) {
	err := b.each(b.records, func(r *rawRecord) error {
		if len(r.key) >= 4 {
			kind := binary.BigEndian.Uint16(r.key[2:])
			committed, ok = kind == 1, kind <= 1
		}
		return nil
	})
	return committed, ok && err == nil
}

// rawRecord is a record inside a batch's bytes.
type rawRecord struct {
	offset     int64
	timestamp  int64  // milliseconds
	key, value []byte // nil: null
	headers    []byte // encoded
	nheaders   int
}

// each walks through a batch's records, which the caller has decompressed. The
// record it shows is valid only during the call.
func (b *rawBatch) each(records []byte, visit func(*rawRecord) error) error {
	var r rawRecord
	in := decoder{data: records}
	for i := range b.count {
		length := in.varint()
		if in.bad || length < 0 || length > int64(len(in.data)) {
			return fmt.Errorf("record %d of the batch at offset %d does not fit", i, b.baseOffset)
		}
		one := decoder{data: in.data[:length]}
		in.data = in.data[length:]
		one.skip(1) // attributes, unused
		r.timestamp = b.firstTimestamp + one.varint()
		delta := one.varint()
		r.offset = b.baseOffset + delta
		r.key, r.value = one.bytes(), one.bytes()
		r.nheaders, r.headers = int(one.varint()), one.data
		if one.bad || r.offset < b.baseOffset || r.offset > b.lastOffset || r.nheaders < 0 {
			return fmt.Errorf("record %d of the batch at offset %d cannot be read", i, b.baseOffset)
		}
		if b.attributes&logAppendTime != 0 {
			r.timestamp = b.maxTimestamp
		}
		if err := visit(&r); err != nil {
			return err
		}
	}
	return nil
}

// logAppendTime: the broker gave the whole batch its time.
const logAppendTime protocol.Attributes = 1 << 3

// decoder reads the varint-framed fields of a record.
type decoder struct {
	data []byte
	bad  bool
}

func (d *decoder) varint() int64 {
	if len(d.data) > 0 && d.data[0] < 0x80 { // most are one byte
		v := int64(d.data[0]>>1) ^ -int64(d.data[0]&1)
		d.data = d.data[1:]
		return v
	}
	v, n := binary.Varint(d.data)
	if n <= 0 {
		d.bad, d.data = true, nil
		return 0
	}
	d.data = d.data[n:]
	return v
}

func (d *decoder) skip(n int) {
	if n > len(d.data) {
		d.bad, n = true, len(d.data)
	}
	d.data = d.data[n:]
}

// bytes reads a length and as many bytes; a negative length is null.
func (d *decoder) bytes() []byte {
	n := d.varint()
	if n < 0 {
		return nil
	}
	if n > int64(len(d.data)) {
		d.bad = true
		return nil
	}
	b := d.data[:n:n]
	d.data = d.data[n:]
	return b
}

// maxDecompressed bounds what a compressed batch may grow to.
const maxDecompressed = 256 << 20

// decompress is the batch's records as each wants them. It uses buf's memory
// where it needs any and returns it, grown, for the next time.
func (b *rawBatch) decompress(buf []byte) (records, grown []byte, err error) {
	compression := b.attributes.Compression()
	if compression == compress.None {
		return b.records, buf, nil
	}
	codec := compression.Codec()
	if codec == nil {
		return nil, buf, fmt.Errorf("the batch at offset %d has compression %d, which Kafka does not have", b.baseOffset, compression)
	}
	from := codec.NewReader(bytes.NewReader(b.records))
	defer from.Close()
	into := bytes.NewBuffer(buf[:0])
	n, err := into.ReadFrom(io.LimitReader(from, maxDecompressed))
	if err != nil {
		return nil, into.Bytes(), fmt.Errorf("decompress the batch at offset %d: %w", b.baseOffset, err)
	}
	if n == maxDecompressed {
		return nil, nil, fmt.Errorf("the batch at offset %d grows past %d bytes", b.baseOffset, maxDecompressed)
	}
	return into.Bytes(), into.Bytes(), nil
}
