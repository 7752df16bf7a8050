package kafka

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka/access"
)

func TestPrepareSplits(t *testing.T) {
	s := newShop(t, 1, 2)
	s.config.LedgerTopic = s.topic("small-ledger", 1, "cleanup.policy=compact", "max.message.bytes=10000")
	s.config.Compression = "none"
	p, _ := s.start(t, s.dial(t), 0, "first")
	if got, want := p.Limit(s.config.LedgerTopic), 10000; got != want {
		t.Errorf("limit of the ledger %d, want %d", got, want)
	}
	if got := p.Limit("another"); got != 0 {
		t.Errorf("limit of a topic that is none of ours: %d", got)
	}
	units, transactions := s.units("call", 1000), 0
	var calls []string
	for _, u := range units {
		calls = append(calls, string(u[0].Key))
	}
	for len(units) > 0 {
		txn, err := p.Prepare(slices.Values(units))
		if err != nil {
			t.Fatal(err)
		}
		if txn.Units < 50 && txn.Units < len(units) {
			t.Errorf("only %d units in a transaction", txn.Units)
		}
		if err := p.Commit(t.Context(), txn); err != nil {
			t.Fatal(err)
		}
		units = units[txn.Units:]
		transactions++
	}
	if transactions < 5 {
		t.Errorf("%d transactions for 1000 calls of 70 bytes and batches of 8000", transactions)
	}
	s.checkOnce(t, calls...)
}

func TestTooLarge(t *testing.T) {
	s := newShop(t, 1, 1)
	s.config.EventTopic = s.topic("small-events", 1, "max.message.bytes=10000")
	p, _ := s.start(t, s.dial(t), 0, "first")
	sized := func(n int) batch.Record {
		r := batch.Record{Topic: s.config.EventTopic, Key: []byte("k")}
		r.Value = bytes.Repeat([]byte("v"), n-r.Size())
		return r
	}
	limit := p.Limit(s.config.EventTopic)
	prepare := func(units ...[]batch.Record) (*batch.Txn, error) { return p.Prepare(slices.Values(units)) }
	most := limit
	for batch.Needs(most) > limit {
		most--
	}
	large := []batch.Record{sized(most + 1)}
	txn, err := prepare([]batch.Record{sized(most)}, large)
	if err != nil || txn.Units != 1 {
		t.Fatalf("a record of the limit's size: %+v, %v", txn, err)
	}
	want := batch.TooLargeError{Topic: s.config.EventTopic, Size: batch.Needs(most + 1), Limit: limit}
	_, err = prepare(large)
	for _, err := range []error{err, p.Fits(large)} {
		if got, ok := errors.AsType[*batch.TooLargeError](err); !ok || *got != want {
			t.Errorf("a record above the limit: %v", err)
		}
	}
	_, err = prepare([]batch.Record{sized(limit / 2), sized(limit / 2), sized(limit / 2)})
	if _, ok := errors.AsType[*batch.TooLargeError](err); !ok {
		t.Errorf("a unit above the limit: %v", err)
	}
	if err := p.Commit(t.Context(), txn); err != nil {
		t.Errorf("the producer continues after a unit that is too large: %v", err)
	}
	if _, err := prepare([]batch.Record{{Topic: "another", Key: []byte("k")}}); err == nil {
		t.Error("a record for a topic that is none of ours was taken")
	}
	s.checkOnce(t, "k")
}

// Each compression is read back by another client.
func TestCompressions(t *testing.T) {
	for _, name := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, 1, 1)
			s.config.Compression = name
			p, _ := s.start(t, s.dial(t), 0, "first")
			before := time.Now().Add(-time.Millisecond)
			want := s.units("call", 50)
			if err := publish(p, want); err != nil {
				t.Fatal(err)
			}
			got := s.Read(s.config.EventTopic).Committed
			if len(got) != len(want) {
				t.Fatalf("%d records, want %d", len(got), len(want))
			}
			codec := slices.Index([]string{"none", "gzip", "snappy", "lz4", "zstd"}, name) // as batches number them
			for i, r := range got {
				w := want[i][0]
				if !bytes.Equal(r.Key, w.Key) || !bytes.Equal(r.Value, w.Value) || len(r.Headers) != 1 || string(r.Headers[0].Value) != string(w.Headers[0].Value) {
					t.Errorf("record %q %q %v, want %q %q", r.Key, r.Value, r.Headers, w.Key, w.Value)
				}
				if r.Attrs.CompressionType() != uint8(codec) {
					t.Errorf("compression %d, want %d", r.Attrs.CompressionType(), codec)
				}
				if r.Timestamp.Before(before) || r.Timestamp.After(time.Now()) {
					t.Errorf("timestamp %v is not the time of publishing", r.Timestamp)
				}
			}
			for _, r := range s.Read(s.config.LedgerTopic).Committed {
				if r.Attrs.CompressionType() != 0 {
					t.Errorf("the ledger is compressed with %d", r.Attrs.CompressionType())
				}
			}
		})
	}
	if _, err := Dial(Config{Config: access.Config{Brokers: []string{"x:1"}}, Compression: "brotli"}, nil, nil); err == nil {
		t.Error("an unknown compression was taken")
	}
}
