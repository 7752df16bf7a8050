package batch

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

// headerSize is the size of a record batch's header, magic 2
// (https://kafka.apache.org/documentation/#recordbatch).
const headerSize = 61

// Batch is a record batch as it stands in the log. Its records are a piece
// of the response that it came in.
type Batch struct {
	BaseOffset, LastOffset int64
	ProducerID             int64 // -1: none
	Epoch                  int16
	Count                  int // records left; 0 where compaction took all

	attributes     protocol.Attributes
	firstTimestamp int64 // milliseconds, of the record with delta 0
	maxTimestamp   int64
	records        []byte // after the header, compressed as attributes say
}

// errPartial: the data end inside a batch; a broker cuts the last one of a response.
var errPartial = errors.New("the data end inside a batch")

// read takes the first batch off data and checks its checksum.
func read(data []byte) (b Batch, rest []byte, err error) {
	if len(data) < headerSize {
		return b, nil, errPartial
	}
	length := int64(int32(binary.BigEndian.Uint32(data[8:])))
	if length < headerSize-12 {
		return b, nil, fmt.Errorf("a batch of %d bytes", length)
	}
	if magic := data[16]; magic != 2 {
		return b, nil, fmt.Errorf("a batch of magic %d, where Kafka 0.11 and later write 2", magic)
	}
	if int64(len(data)) < 12+length {
		return b, nil, errPartial
	}
	data, rest = data[:12+length], data[12+length:]
	b = Batch{
		BaseOffset:     int64(binary.BigEndian.Uint64(data)),
		attributes:     protocol.Attributes(binary.BigEndian.Uint16(data[21:])),
		firstTimestamp: int64(binary.BigEndian.Uint64(data[27:])),
		maxTimestamp:   int64(binary.BigEndian.Uint64(data[35:])),
		ProducerID:     int64(binary.BigEndian.Uint64(data[43:])),
		Epoch:          int16(binary.BigEndian.Uint16(data[51:])),
		Count:          int(int32(binary.BigEndian.Uint32(data[57:]))),
		records:        data[headerSize:],
	}
	delta := int32(binary.BigEndian.Uint32(data[23:]))
	b.LastOffset = b.BaseOffset + int64(delta)
	if b.BaseOffset < 0 || delta < 0 || b.LastOffset+1 < b.BaseOffset || b.Count < 0 || b.Count > int(delta)+1 {
		return b, nil, fmt.Errorf("a batch at offset %d with %d records up to %d", b.BaseOffset, b.Count, b.LastOffset)
	}
	if got, want := crc32.Checksum(data[21:], castagnoli()), binary.BigEndian.Uint32(data[17:]); got != want {
		return b, nil, fmt.Errorf("the batch at offset %d is damaged: checksum %08x instead of %08x", b.BaseOffset, got, want)
	}
	return b, rest, nil
}

// ReadAll takes the whole batches off data; a cut one at the end is left
// for the next fetch. into is reused.
func ReadAll(data []byte, into []Batch) ([]Batch, error) {
	into = into[:0]
	for len(data) > 0 {
		b, rest, err := read(data)
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

// Control reports whether the batch holds no data, but a transaction's outcome.
func (b *Batch) Control() bool { return b.attributes.Control() }

// Marker is the outcome that a control batch tells: what its first record's
// key says (version, then type 0 abort, 1 commit). It is not ok where
// compaction has emptied the batch, or the record is no transaction's.
func (b *Batch) Marker() (committed, ok bool) {
	err := b.each(b.records, func(r *Stored) error {
		if len(r.Key) >= 4 {
			kind := binary.BigEndian.Uint16(r.Key[2:])
			committed, ok = kind == 1, kind <= 1
		}
		return nil
	})
	return committed, ok && err == nil
}

// Stored is a record inside a batch's bytes, which it shares.
type Stored struct {
	Offset     int64
	Timestamp  int64  // milliseconds
	Key, Value []byte // nil: null
	headers    []byte // encoded
	nheaders   int
}

// Record copies the record out of its batch. topic is the one it was read from.
func (s *Stored) Record(topic string) (Record, error) {
	own := append(make([]byte, 0, len(s.Key)+len(s.Value)+len(s.headers)), s.Key...)
	own = append(append(own, s.Value...), s.headers...)
	piece := func(of []byte) (b []byte) {
		b, own = own[:len(of):len(of)], own[len(of):]
		if of == nil {
			return nil
		}
		return b
	}
	r := Record{Topic: topic, Key: piece(s.Key), Value: piece(s.Value)}
	err := s.eachHeader(own, func(key, value []byte) {
		r.Headers = append(r.Headers, Header{Key: string(key), Value: value})
	})
	return r, err
}

// EachHeader shows the record's headers in order; a nil value is null.
func (s *Stored) EachHeader(visit func(key, value []byte)) error {
	return s.eachHeader(s.headers, visit)
}

func (s *Stored) eachHeader(headers []byte, visit func(key, value []byte)) error {
	in := decoder{data: headers}
	for range s.nheaders {
		key, value := in.bytes(), in.bytes()
		if in.bad {
			return fmt.Errorf("the headers of the record at offset %d cannot be read", s.Offset)
		}
		visit(key, value)
	}
	return nil
}

// Header is the value of the record's last header of a name; false: it has none.
func (s *Stored) Header(name string) (value []byte, found bool) {
	_ = s.EachHeader(func(key, v []byte) { // of headers that cannot be read, those before
		if string(key) == name {
			value, found = v, true
		}
	})
	return value, found
}

// Size is how many bytes the record's key, value and headers take.
func (s *Stored) Size() int { return len(s.Key) + len(s.Value) + len(s.headers) }

// Reader shows the records of one batch after the other. It decompresses into
// the same memory each time. The zero Reader is ready for use.
type Reader struct{ buf []byte }

// Each shows a batch's records in order. What it shows is valid only during the
// call. An error of visit ends it and is returned.
func (r *Reader) Each(b *Batch, visit func(*Stored) error) error {
	records, buf, err := b.decompress(r.buf)
	if err != nil {
		return err
	}
	r.buf = buf
	return b.each(records, visit)
}

// each walks through a batch's decompressed records.
func (b *Batch) each(records []byte, visit func(*Stored) error) error {
	var r Stored
	in := decoder{data: records}
	for i := range b.Count {
		length := in.varint()
		if in.bad || length < 0 || length > int64(len(in.data)) {
			return fmt.Errorf("record %d of the batch at offset %d does not fit", i, b.BaseOffset)
		}
		one := decoder{data: in.data[:length]}
		in.data = in.data[length:]
		one.skip(1) // attributes, unused
		r.Timestamp = b.firstTimestamp + one.varint()
		delta := one.varint()
		r.Offset = b.BaseOffset + delta
		r.Key, r.Value = one.bytes(), one.bytes()
		r.nheaders, r.headers = int(one.varint()), one.data
		if one.bad || r.Offset < b.BaseOffset || r.Offset > b.LastOffset || r.nheaders < 0 {
			return fmt.Errorf("record %d of the batch at offset %d cannot be read", i, b.BaseOffset)
		}
		if b.attributes&logAppendTime != 0 {
			r.Timestamp = b.maxTimestamp
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

// decompress returns the batch's records without compression. It uses buf's memory
// where it needs any and returns it, grown, for the next time.
func (b *Batch) decompress(buf []byte) (records, grown []byte, err error) {
	compression := b.attributes.Compression()
	if compression == compress.None {
		return b.records, buf, nil
	}
	codec := compression.Codec()
	if codec == nil {
		return nil, buf, fmt.Errorf("the batch at offset %d has compression %d, which Kafka does not have", b.BaseOffset, compression)
	}
	from := codec.NewReader(bytes.NewReader(b.records))
	defer from.Close()
	into := bytes.NewBuffer(buf[:0])
	n, err := into.ReadFrom(io.LimitReader(from, maxDecompressed))
	if err != nil {
		return nil, into.Bytes(), fmt.Errorf("decompress the batch at offset %d: %w", b.BaseOffset, err)
	}
	if n == maxDecompressed {
		return nil, nil, fmt.Errorf("the batch at offset %d grows past %d bytes", b.BaseOffset, maxDecompressed)
	}
	return into.Bytes(), into.Bytes(), nil
}
