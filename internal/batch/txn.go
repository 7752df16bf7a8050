package batch

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
)

// Place is one partition of one topic.
type Place struct {
	Topic     string
	Partition int
}

func (p Place) String() string { return fmt.Sprintf("%s[%d]", p.Topic, p.Partition) }

// Compare orders places by topic, then partition.
func (p Place) Compare(q Place) int {
	return cmp.Or(strings.Compare(p.Topic, q.Topic), cmp.Compare(p.Partition, q.Partition))
}

// Placed is an encoded batch with the partition that it is for.
type Placed struct {
	Place
	Encoded
}

// EncodeAt is Encode for the records of one partition.
func EncodeAt(at Place, records []Record, codec Codec) (Placed, error) {
	encoded, err := Encode(records, codec)
	if err != nil {
		return Placed{}, fmt.Errorf("encode a batch of %s: %w", at, err)
	}
	return Placed{at, encoded}, nil
}

// Txn is what one transaction writes, as bytes: a batch for each partition that
// it touches. Nothing of it has been sent.
type Txn struct {
	Number  int64 // 1, 2, … in the order in which its producer prepared it
	Units   int   // how many of the units that were offered it holds: the first ones
	Bytes   int   // of its records, by Record.Size
	Batches []Placed
}

// MaxMessageBytes is the max.message.bytes that topics should have at least: Kafka's
// default.
const MaxMessageBytes = 1_048_588

// Needs is the least max.message.bytes with which a topic takes so many bytes of
// records, by Record.Size, in one batch: there is the batch's header, and what a
// compression, ours or the topic's own, adds where nothing can be compressed.
func Needs(size int) int { return size + Overhead + size/64 }

// TooLargeError says that records that stay together do not fit into one batch of
// their topic.
type TooLargeError struct {
	Topic string
	Size  int // what they need, by Needs
	Limit int // the topic's max.message.bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("topic %s takes batches of at most %d bytes (max.message.bytes), and this one needs %d",
		e.Topic, e.Limit, e.Size)
}

// Layout says where the records of a producer go, and how many fit together: what
// stays together may fill a batch of its topic, and what merely goes along fills
// 80 % of one.
type Layout struct {
	Ledger     string         // the topic whose records all go to one partition,
	Shard      int            // this one
	Partitions map[string]int // topic → its partitions
	Limits     map[string]int // topic → its max.message.bytes
	Codec      Codec          // of every topic but the ledger
	Room       int            // bytes of one transaction, which its first unit may exceed; 0: as many as fit
}

// maxTransactionBytes bounds what one transaction sends in all, however many
// partitions there are: a broker refuses requests above 100 MiB.
const maxTransactionBytes = 32 << 20

// place is the partition that a record belongs to.
func (l *Layout) place(r Record) (Place, error) {
	if r.Topic == l.Ledger {
		return Place{r.Topic, l.Shard}, nil
	}
	n := l.Partitions[r.Topic]
	if n == 0 {
		return Place{}, fmt.Errorf("topic %q is none of the producer's", r.Topic)
	}
	return Place{r.Topic, PartitionFor(r.Key, n)}, nil
}

// Fits reports whether a unit's records, which stay together, fit into a
// transaction at all. A *TooLargeError says that they do not.
func (l *Layout) Fits(unit []Record) error {
	f := filling{Layout: l}
	_, err := f.add(unit)
	return err
}

// Fill makes a transaction of as many leading units as fit, at least one. A
// unit's records stay together. A *TooLargeError says that the first unit fits
// into none.
func (l *Layout) Fill(units iter.Seq[[]Record]) (*Txn, error) {
	f := filling{Layout: l, parts: make(map[Place]*part)}
	txn := &Txn{}
	for unit := range units {
		fits, err := f.add(unit)
		if err != nil && txn.Units == 0 {
			return nil, err
		}
		if err != nil || !fits {
			break
		}
		txn.Units++
	}
	if txn.Units == 0 {
		return nil, errors.New("no units")
	}
	txn.Bytes = f.total
	for _, at := range slices.SortedFunc(maps.Keys(f.parts), Place.Compare) {
		b, err := EncodeAt(at, f.parts[at].records, l.codec(at.Topic))
		if err != nil {
			return nil, err
		}
		txn.Batches = append(txn.Batches, b)
	}
	return txn, nil
}

// codec is what a topic's batches are compressed with. The ledger is not, so
// that any Kafka tool reads it and the cleaner copies it cheaply.
func (l *Layout) codec(topic string) Codec {
	if topic == l.Ledger {
		return Uncompressed
	}
	return l.Codec
}

// filling is a transaction that is being filled.
type filling struct {
	*Layout
	parts map[Place]*part // nil: only one unit is measured
	total int             // bytes
	at    []Place         // of a unit's records
}

// part is one partition's share.
type part struct {
	records []Record
	size    int
}

// add takes a unit in; false: there is no more room for it. After an error, too,
// nothing of it was taken.
func (f *filling) add(unit []Record) (bool, error) {
	f.at = f.at[:0]
	size := 0
	for _, r := range unit {
		at, err := f.place(r)
		if err != nil {
			return false, err
		}
		f.at = append(f.at, at)
		size += r.Size()
	}
	for i, at := range f.at {
		if slices.Contains(f.at[:i], at) {
			continue
		}
		own := 0 // bytes of this unit in this partition
		for j := i; j < len(unit); j++ {
			if f.at[j] == at {
				own += unit[j].Size()
			}
		}
		switch limit := f.Limits[at.Topic]; {
		case Needs(own) > limit:
			return false, &TooLargeError{Topic: at.Topic, Size: Needs(own), Limit: limit}
		case f.parts[at] != nil && Needs(f.parts[at].size+own) > limit/5*4:
			return false, nil
		}
	}
	if len(f.parts) > 0 && f.total+size > cmp.Or(f.Room, maxTransactionBytes) {
		return false, nil
	}
	f.total += size
	f.take(unit)
	return true, nil
}

func (f *filling) take(unit []Record) {
	if f.parts == nil {
		return
	}
	for i, at := range f.at {
		p := f.parts[at]
		if p == nil {
			p = &part{}
			f.parts[at] = p
		}
		p.records = append(p.records, unit[i])
		p.size += unit[i].Size()
	}
}
