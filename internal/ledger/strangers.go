package ledger

import (
	"bytes"
	"errors"
)

// Strangers are the records of a shard that no exporter of this version wrote.
// The zero value has seen none.
//
// A key that is none of the ledger's says nothing about any call, so it is counted
// and passed over: one line typed into the wrong topic must not stop an export. A
// value that cannot be read under one of the ledger's keys may say that a call was
// published, or hide an entry that did: it is refused, until a value that can be
// read is written under that key.
type Strangers struct {
	foreign    int
	unreadable map[string]Kind // by key
}

// Note takes the error of Replay or ParseEntry for a record; nil: it was read.
func (s *Strangers) Note(key, value []byte, err error) {
	switch {
	case errors.Is(err, ErrForeign):
		s.foreign++
	case err != nil && value != nil:
		kind, _, _ := bytes.Cut(key, []byte("/"))
		put(&s.unreadable, string(key), Kind(kind))
	case len(s.unreadable) > 0:
		delete(s.unreadable, string(key))
	}
}

// Foreign is how many records were passed over.
func (s *Strangers) Foreign() int { return s.foreign }

// Check refuses a partition with entries that cannot be read.
func (s *Strangers) Check(partition int, topics Topics) error {
	n := len(s.unreadable)
	if n == 0 {
		return nil
	}
	byKind := map[Kind]int{}
	for _, kind := range s.unreadable {
		byKind[kind]++
	}
	return refuse("partition %d of %s holds %d entries that cannot be read "+
		"(%d of kind call, %d row, %d task, %d meta, %d producer): another program or a newer exporter wrote them, "+
		"and it is not certain what was published. Run the newer exporter; or write each of their keys again "+
		"with a Kafka tool, in the form that schemas/README.md shows "+
		`(a published call is {"at":"2026-01-02T03:04:05Z","as":"event"}; `+
		"a tombstone where the key itself has another form); or: %s",
		partition, topics.Ledger, n, byKind[KindCall], byKind[KindRow], byKind[KindTask], byKind[KindMeta],
		byKind[KindProducer], topics.restore())
}
