package conn

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/saslauthenticate"
	"github.com/segmentio/kafka-go/protocol/saslhandshake"
	"github.com/segmentio/kafka-go/sasl"
)

const (
	// leastSession is how soon a broker lets a connection log in again: Apache Kafka
	// cuts one that tries within a second.
	leastSession = time.Second

	// patience is how long a connection waits for credentials to log in again with.
	patience = 3 * time.Second
)

// session is a connection that is logged in. Where the broker says when the login ends,
// the first request after four fifths of that time waits until the connection has logged
// in again. Brokers allow that even later, so a connection may stand idle past its
// session's end. A request that is under way is never cut: the login waits for its answer.
type session struct {
	net.Conn
	asks      *protocol.Conn // the same connection, for the requests of a login
	mechanism sasl.Mechanism

	mu             sync.Mutex
	due, ends      time.Time // when to log in again, at the latest; zero: never
	sent, answered frames
	read           *sync.Cond // something has passed from the broker, or nothing will
	broken         bool       // nothing will
}

func newSession(c net.Conn, clientID string, mechanism sasl.Mechanism) *session {
	s := &session{Conn: c, asks: protocol.NewConn(c, clientID), mechanism: mechanism}
	s.read = sync.NewCond(&s.mu)
	return s
}

// begin logs in on a connection that is new.
func (s *session) begin(ctx context.Context) error {
	r, err := s.asks.RoundTrip(new(apiversions.Request))
	if err != nil {
		return err
	}
	res := r.(*apiversions.Response)
	if res.ErrorCode != 0 {
		return fmt.Errorf("ask for the versions: %w", kafkago.Error(res.ErrorCode))
	}
	versions := make(map[protocol.ApiKey]int16)
	for _, r := range res.ApiKeys {
		key := protocol.ApiKey(r.ApiKey)
		versions[key] = key.SelectVersion(r.MinVersion, r.MaxVersion)
	}
	s.asks.SetVersions(versions)
	_, err = s.login(ctx)
	return err
}

// login logs in. Until it has credentials it sends nothing: sent is false, and the session
// is what it was.
func (s *session) login(ctx context.Context) (sent bool, err error) {
	state, text, err := s.mechanism.Start(ctx)
	if err != nil {
		return false, err
	}
	r, err := s.asks.RoundTrip(&saslhandshake.Request{Mechanism: s.mechanism.Name()})
	if err != nil {
		return true, err
	}
	if code := r.(*saslhandshake.Response).ErrorCode; code != 0 {
		return true, kafkago.Error(code)
	}
	began := time.Now()
	for completed := false; !completed; {
		r, err := s.asks.RoundTrip(&saslauthenticate.Request{AuthBytes: text})
		if errors.Is(err, io.EOF) { // old brokers say no to a login by closing the connection
			return true, kafkago.SASLAuthenticationFailed
		}
		if err != nil {
			return true, err
		}
		res := r.(*saslauthenticate.Response)
		if res.ErrorCode != 0 {
			return true, refusal(res)
		}
		if completed, text, err = state.Next(ctx, res.AuthBytes); err != nil {
			return true, err
		}
		s.lasts(began, time.Duration(res.SessionLifetimeMs)*time.Millisecond)
	}
	return true, nil
}

func refusal(res *saslauthenticate.Response) error {
	if res.ErrorMessage == "" {
		return kafkago.Error(res.ErrorCode)
	}
	return fmt.Errorf("%w: %s", kafkago.Error(res.ErrorCode), res.ErrorMessage)
}

// lasts notes how long the session that began then lasts; 0: for ever.
func (s *session) lasts(began time.Time, life time.Duration) {
	s.due, s.ends = time.Time{}, time.Time{}
	if life > 0 {
		s.ends = began.Add(life)
		s.due = began.Add(max(life*4/5, leastSession))
	}
}

// again logs in again where it is time, once nobody waits for an answer.
func (s *session) again() error {
	if s.due.IsZero() || time.Now().Before(s.due) || s.sent.within() {
		return nil
	}
	for s.sent.begun != s.answered.ended && !s.broken {
		s.read.Wait() // for whoever reads the answer
	}
	now := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	sent, err := s.login(ctx)
	if err != nil && !sent && now.Before(s.ends) {
		s.due = now.Add(leastSession) // credentials may come until the session ends
		return nil
	}
	if err != nil {
		return fmt.Errorf("log in again: %w", err)
	}
	return nil
}

// Write sends a part of a request.
func (s *session) Write(p []byte) (int, error) {
	s.mu.Lock()
	err := s.again()
	s.sent.pass(p)
	s.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return s.Conn.Write(p)
}

// Read reads a part of an answer.
func (s *session) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered.pass(p[:n])
	s.broken = s.broken || err != nil
	s.read.Broadcast()
	return n, err
}

// frames counts requests or answers that pass, each after its size in four bytes.
type frames struct {
	begun, ended int
	size         [4]byte
	sized        int // bytes of size that have passed
	left         int // bytes of the frame that have not
}

// within reports whether a part of a frame has passed.
func (f *frames) within() bool { return f.sized > 0 || f.left > 0 }

func (f *frames) pass(p []byte) {
	for len(p) > 0 {
		if f.left == 0 {
			if f.sized == 0 {
				f.begun++
			}
			n := copy(f.size[f.sized:], p)
			f.sized, p = f.sized+n, p[n:]
			if f.sized < len(f.size) {
				return
			}
			f.sized, f.left = 0, int(binary.BigEndian.Uint32(f.size[:]))
		} else {
			n := min(f.left, len(p))
			f.left, p = f.left-n, p[n:]
		}
		if f.left == 0 {
			f.ended++
		}
	}
}
