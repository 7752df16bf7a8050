package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	apiProduce            = 0
	apiFetch              = 1
	apiListOffsets        = 2
	apiFindCoordinator    = 10
	apiInitProducerID     = 22
	apiAddPartitionsToTxn = 24
	apiEndTxn             = 26
	apiDescribeConfigs    = 32
)

// what a commit that met a fault says, and what is true afterwards.
type verdict struct {
	reported bool // commit returned nil
	durable  bool // the next producer's replay has it
	fenced   bool // the error is ErrFenced
}

type commitFault struct {
	name string
	api  int16
	how  func(*wireConn, []byte) error
	want verdict
}

func commitFaults() []commitFault {
	var (
		done    = verdict{reported: true, durable: true}
		gone    = verdict{}
		inDoubt = verdict{durable: true}
		fenced  = verdict{fenced: true}
	)
	return []commitFault{
		{"AddPartitionsToTxn lost", apiAddPartitionsToTxn, lost, gone},
		{"AddPartitionsToTxn unanswered", apiAddPartitionsToTxn, unanswered, gone},
		{"AddPartitionsToTxn 51", apiAddPartitionsToTxn, answers(51), done},
		{"AddPartitionsToTxn 14", apiAddPartitionsToTxn, answers(14), done},
		{"AddPartitionsToTxn 15", apiAddPartitionsToTxn, answers(15), done},
		{"AddPartitionsToTxn 16", apiAddPartitionsToTxn, answers(16), done},
		{"AddPartitionsToTxn 90", apiAddPartitionsToTxn, answers(90), fenced},
		{"AddPartitionsToTxn 49", apiAddPartitionsToTxn, answers(49), fenced},
		{"AddPartitionsToTxn 29", apiAddPartitionsToTxn, answers(29), gone},
		{"Produce lost", apiProduce, lost, gone},
		{"Produce unanswered", apiProduce, unanswered, gone},
		{"Produce silent", apiProduce, silence, gone},
		{"Produce 6", apiProduce, answers(6), gone},
		{"Produce 10", apiProduce, answers(10), gone},
		{"Produce 45", apiProduce, answers(45), gone},
		{"Produce 47", apiProduce, answers(47), fenced},
		{"Produce 51", apiProduce, answers(51), gone},
		{"EndTxn lost", apiEndTxn, lost, gone},
		{"EndTxn unanswered", apiEndTxn, unanswered, inDoubt},
		{"EndTxn 51", apiEndTxn, answers(51), done},
		{"EndTxn 14", apiEndTxn, answers(14), done},
		{"EndTxn 16", apiEndTxn, answers(16), done},
		{"EndTxn 48", apiEndTxn, answers(48), gone},
		{"EndTxn 90", apiEndTxn, answers(90), fenced},
	}
}

func TestCommitUnderFaults(t *testing.T) {
	for _, test := range commitFaults() {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, 1, 2)
			s.config.TransactionTimeout = 2 * time.Second
			w := newWire(t)
			faulty := s.config
			faulty.Dial = w.dial
			p, _ := s.start(t, dialWith(t, faulty), 0, "first")
			if err := publish(p, s.units("a", 2)); err != nil {
				t.Fatal(err)
			}
			f := w.add(test.api, 0, test.how)
			ends := w.count(apiEndTxn)
			err := publish(p, s.units("b", 2))
			select {
			case <-f.hit:
			default:
				t.Fatal("the fault was not met")
			}
			got := verdict{reported: err == nil, fenced: errors.Is(err, ErrFenced)}
			if err != nil {
				s.checkSilent(t, w, p, err)
			}
			// Its markers would keep the epoch, and brokers that do not ask the
			// coordinator (before Kafka 3.6) take what is late into the next transaction.
			if test.api == apiProduce && w.count(apiEndTxn) != ends {
				t.Error("EndTxn was sent with a produce unanswered; the next fence has to abort")
			}
			next, seen := s.start(t, s.dial(t), 0, "second")
			got.durable = seen.byKey["call/b0"] != "" && seen.byKey["call/b1"] != ""
			if got != test.want {
				t.Errorf("%+v, want %+v (%v)", got, test.want, err)
			}
			if !got.durable {
				if err := publish(next, s.units("b", 2)); err != nil {
					t.Fatal(err)
				}
			}
			s.checkOnce(t, "a0", "a1", "b0", "b1")
		})
	}
}

// checkSilent: a finished producer says why, and sends nothing more.
func (s *shop) checkSilent(t *testing.T, w *wire, p *Producer, why error) {
	t.Helper()
	apis := []int16{apiProduce, apiInitProducerID, apiAddPartitionsToTxn, apiEndTxn}
	before := make([]int, len(apis))
	for i, api := range apis {
		before[i] = w.count(api)
	}
	if err := publish(p, s.units("c", 1)); err == nil || err.Error() != why.Error() {
		t.Errorf("after its end the producer says %v, want %v", err, why)
	}
	for i, api := range apis {
		if got := w.count(api); got != before[i] {
			t.Errorf("%d requests of API %d after the producer's end", got-before[i], api)
		}
	}
}

// A batch of a producer that ended may arrive when the next one is at work. It
// must not slip into its transactions.
func TestLateBatchIsRefused(t *testing.T) {
	for _, api := range []int16{apiProduce, apiEndTxn, apiAddPartitionsToTxn} {
		t.Run(fmt.Sprint(api), func(t *testing.T) {
			s := newShop(t, 1, 1)
			w := newWire(t)
			faulty := s.config
			faulty.Dial = w.dial
			old, _ := s.start(t, dialWith(t, faulty), 0, "old")
			if err := publish(old, s.units("a", 2)); err != nil {
				t.Fatal(err)
			}
			var late held
			w.add(api, 0, late.hold)
			if err := publish(old, s.units("late", 2)); err == nil {
				t.Fatal("a commit whose request is still on the way says that it is done")
			}
			p, _ := s.start(t, s.dial(t), 0, "young")
			if err := publish(p, s.units("b", 2)); err != nil {
				t.Fatal(err)
			}
			late.release(t)
			if err := publish(p, s.units("c", 2)); err != nil {
				t.Fatal(err)
			}
			s.checkOnce(t, "a0", "a1", "b0", "b1", "c0", "c1")
		})
	}
}

// The batch of a producer that ended arrives when the next one has added the
// same partition to a transaction, and has written nothing to it yet. Nothing but
// the marker that the fence left there, at its own epoch, tells them apart.
func TestLateBatchInAnOpenTransaction(t *testing.T) {
	s := newShop(t, 1, 1)
	s.config.TransactionTimeout = 2 * time.Second
	before, w := newWire(t), newWire(t)
	faulty := s.config
	faulty.Dial = before.dial
	old, _ := s.start(t, dialWith(t, faulty), 0, "old")
	if err := publish(old, s.units("a", 2)); err != nil {
		t.Fatal(err)
	}
	var late held
	before.add(apiProduce, 0, late.hold)
	if err := publish(old, s.units("late", 2)); err == nil {
		t.Fatal("a commit whose records are still on the way says that it is done")
	}
	faulty.Dial = w.dial
	young, _ := s.start(t, dialWith(t, faulty), 0, "young")
	w.add(apiProduce, 0, func(c *wireConn, request []byte) error {
		if err := late.deliver(); err != nil {
			return err
		}
		_, err := c.Conn.Write(request)
		return err
	})
	if err := publish(young, s.units("b", 2)); err != nil {
		t.Fatal(err)
	}
	s.checkOnce(t, "a0", "a1", "b0", "b1")
}

// A commit under way is finished though its context ends; one that has not
// begun does not begin.
func TestCommitAndContext(t *testing.T) {
	s := newShop(t, 1, 1)
	w := newWire(t)
	faulty := s.config
	faulty.Dial = w.dial
	p, _ := s.start(t, dialWith(t, faulty), 0, "first")
	ctx, cancel := context.WithCancel(t.Context())
	w.add(apiProduce, 0, func(c *wireConn, request []byte) error {
		cancel()
		_, err := c.Conn.Write(request)
		return err
	})
	txn, err := p.Prepare(slices.Values(s.units("a", 2)))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Commit(ctx, txn); err != nil {
		t.Errorf("the context ended while records were on their way: %v, want the commit", err)
	}
	txn, err = p.Prepare(slices.Values(s.units("b", 2)))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Commit(ctx, txn); !errors.Is(err, context.Canceled) {
		t.Errorf("commit with an ended context: %v, want context.Canceled", err)
	}
	s.checkOnce(t, "a0", "a1")
}

func TestCommitsInOrder(t *testing.T) {
	s := newShop(t, 1, 1)
	p, _ := s.start(t, s.dial(t), 0, "first")
	first, err := p.Prepare(slices.Values(s.units("a", 1)))
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.Prepare(slices.Values(s.units("b", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Commit(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if err := p.Commit(t.Context(), first); err == nil || !strings.Contains(err.Error(), "comes after") {
		t.Errorf("an earlier transaction after a later one: %v", err)
	}
	if err := publish(p, s.units("c", 1)); err == nil {
		t.Error("the producer goes on after that")
	}
	s.checkOnce(t, "b0")
}
