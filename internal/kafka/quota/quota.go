// Package quota keeps what a Kafka producer quota asks of a client.
package quota

import (
	"fmt"
	"sync"
	"time"
)

// Throttle is what a producer quota asks of one client. The zero value asks nothing.
//
// A broker answers the produce that exceeds the quota at once, with
// throttle_time_ms, and then reads nothing more from that connection for so long: an
// EndTxn after it would find no answer within the transaction's time, and the same
// transaction would come again for ever. So EndTxn goes by another connection (see
// Muted), and the next transaction waits until the time is over. For brokers that
// hold more back than that, a transaction that was left in doubt makes the next one
// half as large.
type Throttle struct {
	mu    sync.Mutex
	asked time.Duration // by the last answer that asked for any
	until time.Time     // when it is over; zero: nothing was asked for
	room  int           // bytes that a transaction may have; 0: as many as fit
}

const (
	short   = 500 * time.Millisecond // not worth a connection, nor a word
	longest = 5 * time.Minute        // that an answer stops us for, however odd
	full    = 32 << 20               // bytes of a transaction that need no bound of ours
)

// Note takes the throttle time of a produce's answer.
func (t *Throttle) Note(milliseconds int32) {
	if milliseconds <= 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked = min(time.Duration(milliseconds)*time.Millisecond, longest)
	if until := time.Now().Add(t.asked); until.After(t.until) {
		t.until = until
	}
}

// Last is what was asked for last, and when it is over.
func (t *Throttle) Last() (asked time.Duration, until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked, t.until
}

// Muted reports whether the brokers do not read from the connections that we have.
func (t *Throttle) Muted() bool {
	_, until := t.Last()
	return time.Until(until) > short
}

// Room is how many bytes a transaction may have; 0: as many as fit.
func (t *Throttle) Room() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.room
}

// Ended takes how a transaction of so many bytes ended, and sets the room of the
// next one.
func (t *Throttle) Ended(err error, size int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil && t.lately():
		t.room = max(1, size/2)
	case err == nil && t.room > 0:
		if t.room *= 2; t.room > full {
			t.room = 0
		}
	}
}

// lately reports whether the quota may be why something is not answered. t.mu is held.
func (t *Throttle) lately() bool { return t.asked >= short && time.Since(t.until) < time.Minute }

// Explain puts a silence down to the quota; empty: there is none.
func (t *Throttle) Explain(silence error) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.lately() {
		return ""
	}
	return fmt.Sprintf("the brokers throttle this client by a quota (throttle_time_ms %d): "+
		"raise producer_byte_rate of its user or client id (%v)", t.asked.Milliseconds(), silence)
}
