package replay

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// network is what a replay reaches the brokers by. Something happens to one request.
type network struct {
	api  kmsg.Key
	skip int // such requests that pass before
	how  func(c *conn, request []byte) error

	mu  sync.Mutex
	met bool
}

func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	to, err := (&net.Dialer{}).DialContext(ctx, network, address)
	return &conn{Conn: to, network: n}, err
}

// meets reports whether a request is the one.
func (n *network) meets(api kmsg.Key) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if api != n.api || n.met {
		return false
	}
	n.skip--
	n.met = n.skip < 0
	return n.met
}

// conn passes whole requests on.
type conn struct {
	net.Conn
	network *network
	request []byte // as far as it was written
	broken  bool
}

func (c *conn) Write(b []byte) (int, error) {
	c.request = append(c.request, b...)
	if len(c.request) < 6 || len(c.request) < 4+int(binary.BigEndian.Uint32(c.request)) {
		return len(b), nil
	}
	request := c.request
	c.request = nil
	if c.network.meets(kmsg.Key(binary.BigEndian.Uint16(request[4:]))) {
		return len(b), c.network.how(c, request)
	}
	_, err := c.Conn.Write(request)
	return len(b), err
}

func (c *conn) Read(b []byte) (int, error) {
	if c.broken {
		return 0, io.ErrUnexpectedEOF
	}
	return c.Conn.Read(b)
}

// lost: the request never arrives.
func lost(c *conn, _ []byte) error {
	c.broken = true
	return c.Close()
}

// unanswered: the broker does what it is asked, and the answer is lost.
func unanswered(c *conn, request []byte) error {
	if _, err := c.Conn.Write(request); err != nil {
		return err
	}
	var size [4]byte
	if _, err := io.ReadFull(c.Conn, size[:]); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, c.Conn, int64(binary.BigEndian.Uint32(size[:])))
	c.broken = true
	return err
}

// TestRunUnderFaults has requests of a replay go wrong, the first of their kind and later
// ones. While it writes it continues by itself; before that it may end, having done nothing,
// and is run again.
func TestRunUnderFaults(t *testing.T) {
	ways := map[string]func(*conn, []byte) error{"lost": lost, "unanswered": unanswered}
	for _, tt := range []struct {
		api    kmsg.Key
		writes bool
	}{
		{kmsg.Metadata, false}, {kmsg.FindCoordinator, false}, {kmsg.DescribeConfigs, false}, {kmsg.ListOffsets, false}, {kmsg.Fetch, false}, {kmsg.CreateTopics, false},
		{kmsg.InitProducerID, true}, {kmsg.AddPartitionsToTxn, true}, {kmsg.Produce, true}, {kmsg.EndTxn, true},
	} {
		for way, how := range ways {
			for skip := range 3 {
				t.Run(fmt.Sprintf("%s %s after %d", tt.api.Name(), way, skip), func(t *testing.T) {
					t.Parallel()
					s := newShop(t)
					s.fill(60)
					n := &network{api: tt.api, skip: skip, how: how}
					s.dial = n.dial
					slowly := func(c *Config) { c.Rate = 80 } // several transactions
					out, err := s.replay(t.Context(), s.config(slowly))
					if err != nil && (tt.writes || Refused(err)) {
						t.Errorf("%v\n%s", err, out)
					}
					if !n.met && (skip == 0 || tt.writes && tt.api != kmsg.InitProducerID) {
						t.Error("no request met it")
					}
					s.dial = nil
					for tries := 0; err != nil && tries < 3; tries++ {
						_, err = s.replay(t.Context(), s.config())
					}
					if err != nil {
						t.Error(err)
					}
					if got := s.holds(everything); got != 60 {
						t.Errorf("%d records, want 60", got)
					}
				})
			}
		}
	}
}

// One whose transaction is in doubt, and may not reach the brokers after that, ends after
// some attempts and says that it could not tell.
func TestRunGivesUp(t *testing.T) {
	s := newShop(t)
	s.fill(20)
	always := func(c *conn, request []byte) error {
		c.network.mu.Lock()
		c.network.met = false // the next one, too
		c.network.mu.Unlock()
		return lost(c, request)
	}
	s.dial = (&network{api: kmsg.Produce, how: always}).dial
	out, err := s.replay(t.Context(), s.config())
	if err == nil || Refused(err) || errors.Is(err, context.Canceled) {
		t.Errorf("got %v\n%s", err, out)
	}
	s.dial = nil
	s.must()
	if got := s.holds(everything); got != 20 {
		t.Errorf("%d records, want 20", got)
	}
}
