package prooftest

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"airudder-exporter/internal/rig"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// proxy is the network between one exporter and its brokers. Every broker has
// an address of its own here, which answers name in place of the real one, so
// that all requests come through. It is safe for concurrent use.
type proxy struct {
	*tracker
	running sync.WaitGroup

	state     sync.Mutex
	hook      func(*request) fate
	listeners map[string]net.Listener // by the broker's real address
	conns     map[net.Conn]struct{}
	closed    bool
}

// request is one request on its way.
type request struct {
	api         int16
	version     int16
	correlation int32
	msg         kmsg.Request               // nil: the proxy does not look inside
	head        []byte                     // of the frame, where there is a msg
	withheld    []kmsg.ProduceRequestTopic // did not go on, where others did
	broker      string                     // whom it is for: the real address
	txn         string                     // transactional id; empty: none
	producer    *producerState
	step        step
	code        int16 // of the answer: the first that is not 0
	fate        fate
}

// fate is what happens to one request. The zero fate is that it is answered.
// What runs holds up its connection alone.
type fate struct {
	hangUp  bool   // the client's connection is cut at once
	before  func() // runs before the request goes on
	lose    bool   // it never does, and the connection is cut
	refuse  int16  // not 0: it never does, and the answer is this code
	spares  string // of a Produce: of the topics, this one (or, behind a "!", all others) goes on whatever lose and refuse say
	after   func() // runs once the broker has answered, before the answer goes back
	replace int16  // not 0: the answer says this code, whatever the broker did
	half    bool   // half of the answer goes back, and the connection is cut
	drop    bool   // it never does, and the connection is cut
}

// newProxy stands before the brokers until the test ends.
func newProxy(t testing.TB, ledger string) *proxy {
	p := &proxy{tracker: newTracker(ledger), listeners: map[string]net.Listener{}, conns: map[net.Conn]struct{}{}}
	t.Cleanup(p.close)
	return p
}

// arm has a function decide about every request from now on; nil: nothing
// happens to them.
func (p *proxy) arm(hook func(*request) fate) {
	p.state.Lock()
	defer p.state.Unlock()
	p.hook = hook
}

func (p *proxy) fateOf(r *request) fate {
	p.state.Lock()
	hook := p.hook
	p.state.Unlock()
	if hook == nil {
		return fate{}
	}
	return hook(r)
}

// address is where the broker of a real address is reached.
func (p *proxy) address(real string) (string, error) {
	p.state.Lock()
	defer p.state.Unlock()
	if l := p.listeners[real]; l != nil {
		return l.Addr().String(), nil
	}
	if p.closed {
		return "", net.ErrClosed
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	p.listeners[real] = l
	p.running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			p.running.Go(func() { p.connect(client, real) })
		}
	})
	return l.Addr().String(), nil
}

func (p *proxy) close() {
	p.state.Lock()
	p.closed = true
	for _, l := range p.listeners {
		_ = l.Close()
	}
	p.state.Unlock()
	p.cut()
	p.running.Wait()
}

// cut cuts every connection.
func (p *proxy) cut() {
	p.state.Lock()
	defer p.state.Unlock()
	for conn := range p.conns {
		_ = conn.Close()
	}
}

func (p *proxy) hold(conns ...net.Conn) (ok bool) {
	p.state.Lock()
	defer p.state.Unlock()
	for _, conn := range conns {
		p.conns[conn] = struct{}{}
	}
	return !p.closed
}

func (p *proxy) release(conns ...net.Conn) {
	p.state.Lock()
	defer p.state.Unlock()
	for _, conn := range conns {
		_ = conn.Close()
		delete(p.conns, conn)
	}
}

// link is one connection of a client, and its own to the broker.
type link struct {
	*proxy
	client, broker net.Conn
	real           string        // the broker's address
	waiting        chan *request // sent and not answered: a broker answers in order
	underWay       atomic.Int64  // as many of them
}

// connect carries one connection.
func (p *proxy) connect(client net.Conn, real string) {
	broker, err := net.DialTimeout("tcp", real, 3*time.Second)
	if err != nil {
		_ = client.Close()
		return
	}
	defer p.release(client, broker)
	if !p.hold(client, broker) {
		return
	}
	l := &link{proxy: p, client: client, broker: broker, real: real, waiting: make(chan *request, 1000)}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		for l.carryAnswer() == nil {
		}
		p.release(client, broker)
	}()
	for err == nil {
		err = l.carryRequest()
	}
	// What a client that has gone left on its way still arrives.
	if l.underWay.Load() > 0 && !errors.Is(err, errCut) {
		_ = broker.SetReadDeadline(time.Now().Add(time.Second))
		<-answered
	}
	p.release(client, broker)
	<-answered
}

// errCut ends a connection that a fate has cut.
var errCut = errors.New("cut")

func (l *link) carryRequest() error {
	frame, err := rig.ReadFrame(l.client)
	if err != nil {
		return err
	}
	r, err := parseRequest(frame)
	if err != nil {
		return err
	}
	r.broker = l.real
	l.began(r)
	if r.fate = l.fateOf(r); r.fate.hangUp {
		_ = l.client.Close()
	}
	if r.fate.before != nil {
		r.fate.before()
	}
	if r.fate.spares != "" {
		frame = r.divide(frame)
	} else if r.fate.lose {
		return errCut
	} else if r.fate.refuse != 0 {
		r.code = r.fate.refuse
		l.ended(r)
		return rig.WriteFrame(l.client, r.refusal())
	}
	l.underWay.Add(1)
	l.waiting <- r
	return rig.WriteFrame(l.broker, frame)
}

func (l *link) carryAnswer() error {
	frame, err := rig.ReadFrame(l.broker)
	if err != nil {
		return err
	}
	r := <-l.waiting
	defer l.underWay.Add(-1)
	if frame, err = l.look(r, frame); err != nil {
		return err
	}
	l.ended(r)
	if r.fate.after != nil {
		r.fate.after()
	}
	switch {
	case r.fate.drop, r.fate.lose: // what was spared of it is done
		return errCut
	case r.fate.half:
		_ = writeHalf(l.client, frame) // the client may be gone
		return errCut
	}
	return rig.WriteFrame(l.client, frame)
}
