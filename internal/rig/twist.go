package rig

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Twist is what becomes of the requests and answers between a program and a Kafka of one
// broker, so that the broker looks like another product. Each may be nil; both may be
// called by several goroutines at once.
type Twist struct {
	Ask    func(kmsg.Request)                // may change what the broker is asked
	Answer func(kmsg.Request, kmsg.Response) // may change what it answers
}

// Twisted is a Kafka's broker behind a twist. It returns the address to reach it by.
func (k *Kafka) Twisted(t Twist) string {
	k.T.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		k.T.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(l.Addr().String())
	n, _ := strconv.ParseInt(port, 10, 32)
	p := &twisted{Twist: t, t: k.T, broker: k.Brokers[0], host: host, port: int32(n), conns: map[net.Conn]bool{}}
	p.all.Go(func() { p.accept(l) })
	k.T.Cleanup(func() {
		_ = l.Close()
		p.closeAll()
		p.all.Wait()
	})
	return l.Addr().String()
}

type twisted struct {
	Twist
	t      testing.TB
	broker string
	host   string // ours
	port   int32

	all    sync.WaitGroup
	mu     sync.Mutex
	conns  map[net.Conn]bool
	closed bool
}

func (p *twisted) accept(l net.Listener) {
	for {
		near, err := l.Accept()
		if err != nil {
			return
		}
		p.all.Go(func() {
			far, err := net.Dial("tcp", p.broker)
			if err == nil && p.keep(near, far) {
				err = p.serve(near, far)
				_ = far.Close()
			}
			_ = near.Close()
			if err != nil && p.t.Context().Err() == nil && testing.Verbose() {
				p.t.Logf("twisted connection: %v", err)
			}
		})
	}
}

// keep has closeAll close connections; false: it already has.
func (p *twisted) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = true
		if p.closed {
			_ = c.Close()
		}
	}
	return !p.closed
}

func (p *twisted) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for c := range p.conns {
		_ = c.Close()
	}
}

// serve passes one request after the other on, each with its answer.
func (p *twisted) serve(near, far net.Conn) error {
	for {
		frame, err := ReadFrame(near)
		if err != nil {
			return nil // the program has closed it
		}
		req, correlation, frame, err := p.request(frame)
		if err != nil {
			return err
		}
		if err := WriteFrame(far, frame); err != nil {
			return err
		}
		if frame, err = ReadFrame(far); err != nil {
			return err
		}
		if frame, err = p.response(req, correlation, frame); err != nil {
			return err
		}
		if err := WriteFrame(near, frame); err != nil {
			return err
		}
	}
}

// ReadFrame reads what a size of four bytes stands before, as Kafka sends it.
func ReadFrame(from io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(from, size[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint32(size[:]))
	_, err := io.ReadFull(from, frame)
	return frame, err
}

// WriteFrame sends a frame after its size in four bytes.
func WriteFrame(to io.Writer, frame []byte) error {
	_, err := to.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...))
	return err
}

// request reads a frame and lets Ask change it. Source: the protocol guide, request
// headers 1 and 2.
func (p *twisted) request(frame []byte) (kmsg.Request, int32, []byte, error) {
	in := kbin.Reader{Src: frame}
	req := kmsg.RequestForKey(in.Int16())
	if req == nil {
		return nil, 0, nil, fmt.Errorf("a request with the key %d", binary.BigEndian.Uint16(frame))
	}
	req.SetVersion(in.Int16())
	correlation := in.Int32()
	in.NullableString() // client id
	if req.IsFlexible() {
		kmsg.SkipTags(&in)
	}
	head := frame[:len(frame)-len(in.Src)]
	if err := req.ReadFrom(in.Src); err != nil {
		return nil, 0, nil, fmt.Errorf("read a %s request: %w", kmsg.NameForKey(req.Key()), err)
	}
	if p.Ask != nil {
		p.Ask(req)
	}
	return req, correlation, req.AppendTo(append([]byte(nil), head...)), in.Complete()
}

// response reads the answer's frame and lets Answer change it. Source: the protocol
// guide, response headers 0 and 1; ApiVersions always has the first.
func (p *twisted) response(req kmsg.Request, correlation int32, frame []byte) ([]byte, error) {
	res := req.ResponseKind()
	in := kbin.Reader{Src: frame}
	in.Int32()
	tagged := res.IsFlexible() && kmsg.Key(req.Key()) != kmsg.ApiVersions
	if tagged {
		kmsg.SkipTags(&in)
	}
	if err := res.ReadFrom(in.Src); err != nil {
		return nil, fmt.Errorf("read a %s response: %w", kmsg.NameForKey(req.Key()), err)
	}
	p.lead(res)
	if p.Answer != nil {
		p.Answer(req, res)
	}
	frame = binary.BigEndian.AppendUint32(nil, uint32(correlation))
	if tagged {
		frame = append(frame, 0)
	}
	return res.AppendTo(frame), nil
}

// lead has an answer that names the broker name us.
func (p *twisted) lead(res kmsg.Response) {
	switch res := res.(type) {
	case *kmsg.MetadataResponse:
		for i := range res.Brokers {
			res.Brokers[i].Host, res.Brokers[i].Port = p.host, p.port
		}
	case *kmsg.FindCoordinatorResponse:
		if res.Port > 0 {
			res.Host, res.Port = p.host, p.port
		}
		for i := range res.Coordinators {
			res.Coordinators[i].Host, res.Coordinators[i].Port = p.host, p.port
		}
	}
}
