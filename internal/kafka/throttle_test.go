package kafka

import (
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// throttled: the broker does what it is asked, says in its answer that it throttles
// the client for so long, and reads nothing more from this connection.
func throttled(asked time.Duration) func(*wireConn, []byte) error {
	return func(c *wireConn, request []byte) error {
		if _, err := c.Conn.Write(request); err != nil {
			return err
		}
		answer := make([]byte, 4)
		if _, err := io.ReadFull(c.Conn, answer); err != nil {
			return err
		}
		answer = append(answer, make([]byte, binary.BigEndian.Uint32(answer))...)
		if _, err := io.ReadFull(c.Conn, answer[4:]); err != nil {
			return err
		}
		// throttle_time_ms ends the response of Produce, version 8.
		binary.BigEndian.PutUint32(answer[len(answer)-4:], uint32(asked.Milliseconds()))
		c.answer, c.muted = answer, true
		return nil
	}
}

// A quota costs no transaction: EndTxn goes by another connection, and how long is to
// be waited is known.
func TestThrottledProduce(t *testing.T) {
	s := newShop(t, 1, 1)
	s.config.TransactionTimeout = 2 * time.Second
	w := newWire(t)
	faulty := s.config
	faulty.Dial = w.dial
	p, _ := s.start(t, dialWith(t, faulty), 0, "first")
	w.add(apiProduce, 0, throttled(30*time.Second))
	if err := publish(p, s.units("a", 3)); err != nil {
		t.Fatalf("a throttled commit: %v", err)
	}
	asked, until := p.Throttled()
	if rest := time.Until(until); asked != 30*time.Second || rest <= 0 || rest > asked {
		t.Errorf("asked to wait for %v, of which %v are left", asked, rest)
	}
	if err := publish(p, s.units("b", 3)); err != nil {
		t.Errorf("the next commit: %v", err)
	}
	s.checkOnce(t, "a0", "a1", "a2", "b0", "b1", "b2")
}

// Where a broker answers nothing at all after a throttle, the next transaction is half
// as large, and those after it grow again.
func TestDoubtAfterAThrottle(t *testing.T) {
	s := newShop(t, 1, 1)
	s.config.TransactionTimeout = time.Second
	w := newWire(t)
	faulty := s.config
	faulty.Dial = w.dial
	c := dialWith(t, faulty)
	p, _ := s.start(t, c, 0, "first")
	w.add(apiProduce, 0, throttled(30*time.Second))
	w.add(apiEndTxn, 0, silence)
	units := s.units("a", 64)
	err := publish(p, units)
	if err == nil {
		t.Fatal("a commit without an answer is taken for one")
	}
	if got := c.Explain(err); !strings.Contains(got, "throttle this client by a quota (throttle_time_ms 30000)") {
		t.Errorf("it is explained by %q", got)
	}
	p, _ = s.start(t, c, 0, "second")
	for left, want := units, 32; len(left) > 0; want *= 2 {
		txn, err := p.Prepare(slices.Values(left))
		if err != nil {
			t.Fatal(err)
		}
		if most := min(len(left), want); txn.Units > most || txn.Units < most-2 {
			t.Errorf("a transaction of %d units, want about %d", txn.Units, most)
		}
		if err := p.Commit(t.Context(), txn); err != nil {
			t.Fatal(err)
		}
		left = left[txn.Units:]
	}
	if got := len(s.Read(s.config.EventTopic).Committed); got != 64 {
		t.Errorf("%d events, want 64", got)
	}
}
