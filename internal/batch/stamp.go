package batch

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

// Stamp writes into an encoded batch who sends it, where it stands in the
// partition's sequence, and when: the producer's fields of a record batch of
// magic 2 (https://kafka.apache.org/documentation/#recordbatch), counted
// after the 4-byte size. All records of the batch have the same time, the
// time of publishing, but for a Copy's, which keep theirs. A batch may be
// stamped again.
func (e Encoded) Stamp(producerID int64, epoch int16, sequence int32, now time.Time) {
	b := e.Data[4:]
	attributes := binary.BigEndian.Uint16(b[21:]) | uint16(protocol.Transactional)
	binary.BigEndian.PutUint16(b[21:], attributes)
	if !e.timed {
		binary.BigEndian.PutUint64(b[27:], uint64(now.UnixMilli())) // first
		binary.BigEndian.PutUint64(b[35:], uint64(now.UnixMilli())) // and largest timestamp
	}
	binary.BigEndian.PutUint64(b[43:], uint64(producerID))
	binary.BigEndian.PutUint16(b[51:], uint16(epoch))
	binary.BigEndian.PutUint32(b[53:], uint32(sequence))
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], castagnoli()))
}

// castagnoli is the table of CRC-32C; the standard library keeps one.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// SequenceAfter is the sequence number that follows n records from sequence.
// After the largest int32 comes 0.
func SequenceAfter(sequence int32, n int) int32 {
	return int32((int64(sequence) + int64(n)) & math.MaxInt32)
}
