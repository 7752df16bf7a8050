package embedded

import (
	"cmp"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// kfake keeps a partition as files <base offset>.dat of record batches, one
// after the other, each with an .idx of 15 bytes a batch beside it, and a
// snapshot.json that spares it reading them. Its persist.go documents the
// formats; version 1 of them is what is written here.

const (
	attrTransactional = 0x10
	attrControl       = 0x20
	indexEntrySize    = 15
	formatVersion     = 1
)

// partition is one partition's folder.
type partition struct {
	dir      string
	segments []*segment
	open     []unfinished
	next     int64 // the offset after the last batch
	epoch    int32 // the leader epoch of the last batch
}

// segment is one .dat file, and the .idx that belongs to it.
type segment struct {
	base  int64
	data  []byte
	index []byte
}

// unfinished is a transaction that has data in a partition and no marker.
type unfinished struct {
	producer
	end int64 // the offset after its last batch
}

func (p *partition) name() string { return filepath.Base(p.dir) }

// read loads the segments and finds the transactions that are open.
func (p *partition) read() error {
	files, err := filepath.Glob(filepath.Join(p.dir, "*.dat"))
	if err != nil {
		return err
	}
	for _, path := range files {
		base, err := strconv.ParseInt(strings.TrimSuffix(filepath.Base(path), ".dat"), 10, 64)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		p.segments = append(p.segments, &segment{base: base, data: data})
	}
	slices.SortFunc(p.segments, func(a, b *segment) int { return cmp.Compare(a.base, b.base) })
	for _, s := range p.segments {
		p.scan(s)
	}
	return nil
}

// scan goes through a segment's batches, ends it before one that is damaged,
// and makes its index.
func (p *partition) scan(s *segment) {
	at := 0
	for {
		batch, size, ok := readBatch(s.data[at:])
		if !ok {
			break
		}
		at += size
		s.index = append(s.index, indexEntry(batch)...)
		p.next = batch.FirstOffset + int64(batch.LastOffsetDelta) + 1
		p.epoch = batch.PartitionLeaderEpoch
		p.follow(batch)
	}
	s.data = s.data[:at]
}

// follow keeps the list of open transactions up to date.
func (p *partition) follow(batch kmsg.RecordBatch) {
	if batch.Attributes&(attrTransactional|attrControl) == 0 {
		return
	}
	p.open = slices.DeleteFunc(p.open, func(u unfinished) bool { return u.id == batch.ProducerID })
	if batch.Attributes&attrControl == 0 {
		p.open = append(p.open, unfinished{producer{batch.ProducerID, batch.ProducerEpoch}, p.next})
	}
}

// readBatch reads the first batch of data; not ok where there is no whole one.
func readBatch(data []byte) (batch kmsg.RecordBatch, size int, ok bool) {
	const lengthAt, crcAt, headerEnd = 8, 17, 61
	if len(data) < headerEnd {
		return batch, 0, false
	}
	size = lengthAt + 4 + int(binary.BigEndian.Uint32(data[lengthAt:]))
	if size < headerEnd || size > len(data) {
		return batch, 0, false
	}
	if crc32.Checksum(data[crcAt+4:size], castagnoli()) != binary.BigEndian.Uint32(data[crcAt:]) {
		return batch, 0, false
	}
	return batch, size, batch.ReadFrom(data[:size]) == nil
}

// appendMarker ends a transaction in this partition.
func (p *partition) appendMarker(open unfinished, commit bool) {
	marker := controlBatch(open.producer, commit)
	marker.FirstOffset, marker.PartitionLeaderEpoch = p.next, p.epoch
	last := p.segments[len(p.segments)-1]
	last.data = marker.AppendTo(last.data)
	last.index = append(last.index, indexEntry(marker)...)
	p.next++
}

// finish writes the folder as it is now. Without a snapshot kfake reads the
// segments.
func (p *partition) finish() error {
	for _, s := range p.segments {
		path := filepath.Join(p.dir, strconv.FormatInt(s.base, 10))
		if err := writeFile(path+".idx", s.index); err != nil {
			return err
		}
		if err := writeFile(path+".dat", s.data); err != nil {
			return err
		}
	}
	return remove(filepath.Join(p.dir, "snapshot.json"))
}

// controlBatch is the batch of one record that ends a transaction.
func controlBatch(by producer, commit bool) kmsg.RecordBatch {
	key := kmsg.ControlRecordKey{Type: kmsg.ControlRecordKeyTypeAbort}
	if commit {
		key.Type = kmsg.ControlRecordKeyTypeCommit
	}
	record := kmsg.Record{Key: key.AppendTo(nil), Value: (&kmsg.EndTxnMarker{}).AppendTo(nil)}
	record.Length = int32(len(record.AppendTo(nil)) - 1) // the length itself is one byte here
	now := time.Now().UnixMilli()
	b := kmsg.RecordBatch{
		Magic: 2, Attributes: attrTransactional | attrControl,
		FirstTimestamp: now, MaxTimestamp: now,
		ProducerID: by.id, ProducerEpoch: by.epoch, FirstSequence: -1,
		NumRecords: 1, Records: record.AppendTo(nil),
	}
	bytes := b.AppendTo(nil)
	b.Length = int32(len(bytes) - 12)
	b.CRC = int32(crc32.Checksum(bytes[21:], castagnoli()))
	return b
}

// indexEntry is a batch's line of the .idx: version, check byte, leader epoch,
// a timestamp that kfake works out anew, and whether it is transactional data.
func indexEntry(batch kmsg.RecordBatch) []byte {
	e := make([]byte, indexEntrySize)
	e[0] = formatVersion
	binary.LittleEndian.PutUint32(e[2:], uint32(batch.PartitionLeaderEpoch))
	if batch.Attributes&(attrTransactional|attrControl) == attrTransactional {
		e[14] = 1
	}
	e[1] = byte(crc32.Checksum(e[2:], castagnoli()))
	return e
}

// castagnoli is the table of CRC-32C, which every format here uses.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }
