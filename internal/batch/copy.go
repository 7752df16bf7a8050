package batch

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// Copy makes record batches out of records that were read: their bytes and times as they
// are, with headers added at the end. The records are those of one partition. The zero
// Copy is ready for use, and may be used again after each Encode.
type Copy struct {
	data       []byte // an Encoded's, uncompressed, whose header is written by Encode
	records    int
	first, max int64 // timestamps
}

// Add takes a record in.
func (c *Copy) Add(s *Stored, more ...Header) {
	if c.records == 0 {
		c.data = append(c.data[:0], make([]byte, Overhead)...)
		c.first, c.max = s.Timestamp, s.Timestamp
	}
	c.max = max(c.max, s.Timestamp)
	delta := s.Timestamp - c.first
	body := 1 + varintSize(delta) + varintSize(int64(c.records)) + bytesSize(s.Key) + bytesSize(s.Value) +
		varintSize(int64(s.nheaders+len(more))) + len(s.headers)
	for _, h := range more {
		body += varintSize(int64(len(h.Key))) + len(h.Key) + bytesSize(h.Value)
	}
	b := binary.AppendVarint(c.data, int64(body))
	b = append(b, 0) // attributes, unused
	b = binary.AppendVarint(b, delta)
	b = binary.AppendVarint(b, int64(c.records))
	b = appendBytes(b, s.Key)
	b = appendBytes(b, s.Value)
	b = binary.AppendVarint(b, int64(s.nheaders+len(more)))
	b = append(b, s.headers...)
	for _, h := range more {
		b = append(binary.AppendVarint(b, int64(len(h.Key))), h.Key...)
		b = appendBytes(b, h.Value)
	}
	c.data = b
	c.records++
}

// Records is how many records were taken in since the last Encode.
func (c *Copy) Records() int { return c.records }

// Size is how many bytes they take, before compression.
func (c *Copy) Size() int {
	if c.records == 0 {
		return 0
	}
	return len(c.data) - Overhead
}

// Encode is the records as a batch, which Stamp leaves their times. There must be some.
func (c *Copy) Encode(codec Codec) (Encoded, error) {
	c.seal()
	e := Encoded{Records: c.records, timed: true}
	if codec == Uncompressed {
		e.Data = bytes.Clone(c.data)
	} else {
		data, err := compressed(c.data, codec.compression)
		if err != nil {
			return Encoded{}, err
		}
		e.Data = data
	}
	c.records = 0
	return e, nil
}

// seal writes the header of a batch of magic 2 that has no producer yet
// (https://kafka.apache.org/documentation/#recordbatch).
func (c *Copy) seal() {
	binary.BigEndian.PutUint32(c.data, uint32(len(c.data)-4))
	b := c.data[4:]
	clear(b[:headerSize])
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	binary.BigEndian.PutUint32(b[12:], ^uint32(0)) // leader epoch: unknown
	b[16] = 2
	binary.BigEndian.PutUint32(b[23:], uint32(c.records-1))
	binary.BigEndian.PutUint64(b[27:], uint64(c.first))
	binary.BigEndian.PutUint64(b[35:], uint64(c.max))
	binary.BigEndian.PutUint64(b[43:], ^uint64(0)) // no producer
	binary.BigEndian.PutUint16(b[51:], ^uint16(0))
	binary.BigEndian.PutUint32(b[53:], ^uint32(0))
	binary.BigEndian.PutUint32(b[57:], uint32(c.records))
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], castagnoli()))
}

// appendBytes writes a length and as many bytes; nil: null.
func appendBytes(b, piece []byte) []byte {
	if piece == nil {
		return binary.AppendVarint(b, -1)
	}
	return append(binary.AppendVarint(b, int64(len(piece))), piece...)
}

// bytesSize is how many bytes appendBytes writes.
func bytesSize(piece []byte) int {
	if piece == nil {
		return 1
	}
	return varintSize(int64(len(piece))) + len(piece)
}

// varintSize is how many bytes a number takes as a varint.
func varintSize(v int64) int {
	u, n := uint64(v<<1)^uint64(v>>63), 1
	for ; u >= 0x80; u >>= 7 {
		n++
	}
	return n
}
