package kafka

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// wire is the network between a Client and its broker, with faults. It sees
// single requests because kafka-go has one under way on each connection.
type wire struct {
	mu     sync.Mutex
	faults []*fault
	counts map[int16]int // requests that began, by API key

	// chaos may choose a fault for any other request; nil: none.
	chaos func(api int16) func(*wireConn, []byte) error
}

// newWire is a network without faults. A fault that no request has met when the
// test ends fails it: the test has shown nothing.
func newWire(t testing.TB) *wire {
	w := &wire{counts: make(map[int16]int)}
	t.Cleanup(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, f := range w.faults {
			t.Errorf("no request met the fault on %s", kmsg.NameForKey(f.api))
		}
	})
	return w
}

// fault is what happens to one request of an API.
type fault struct {
	api  int16
	skip int // such requests that pass before
	how  func(*wireConn, []byte) error
	hit  chan struct{} // closed when it happened
}

// add installs a fault and returns it.
func (w *wire) add(api int16, skip int, how func(*wireConn, []byte) error) *fault {
	f := &fault{api: api, skip: skip, how: how, hit: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, f)
	return f
}

// match finds the fault that a request meets, which is then over.
func (w *wire) match(api int16) *fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[api]++
	for i, f := range w.faults {
		if f.api != api {
			continue
		}
		if f.skip > 0 {
			f.skip--
			continue
		}
		w.faults = append(w.faults[:i:i], w.faults[i+1:]...)
		return f
	}
	if w.chaos != nil {
		if how := w.chaos(api); how != nil {
			return &fault{how: how, hit: make(chan struct{})}
		}
	}
	return nil
}

func (w *wire) count(api int16) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts[api]
}

func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &wireConn{Conn: conn, wire: w}, nil
}

// wireConn passes whole requests on, or to their fault.
type wireConn struct {
	net.Conn
	wire    *wire
	request []byte // of the request being written
	answer  []byte // left to be read, in place of the broker's
	broken  bool   // the next read fails
	muted   bool   // the broker reads nothing more
}

func (c *wireConn) Write(b []byte) (int, error) {
	c.request = append(c.request, b...)
	if len(c.request) < 4 || len(c.request) < 4+int(binary.BigEndian.Uint32(c.request)) {
		return len(b), nil
	}
	request := c.request
	c.request = nil
	if c.muted {
		return len(b), nil
	}
	f := c.wire.match(int16(binary.BigEndian.Uint16(request[4:])))
	if f == nil {
		_, err := c.Conn.Write(request)
		return len(b), err
	}
	defer close(f.hit)
	if err := f.how(c, request); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (c *wireConn) Read(b []byte) (int, error) {
	if len(c.answer) > 0 {
		n := copy(b, c.answer)
		c.answer = c.answer[n:]
		return n, nil
	}
	if c.broken {
		return 0, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	return c.Conn.Read(b)
}

// lost: the request never reaches the broker.
func lost(c *wireConn, _ []byte) error {
	_ = c.Conn.Close()
	return &net.OpError{Op: "write", Net: "tcp", Err: syscall.ECONNRESET}
}

// unanswered: the broker does what it is asked, and the answer is lost.
func unanswered(c *wireConn, request []byte) error {
	if _, err := c.Conn.Write(request); err != nil {
		return err
	}
	if err := swallow(c.Conn); err != nil {
		return err
	}
	c.broken = true
	return nil
}

// swallow reads one whole answer.
func swallow(conn net.Conn) error {
	var size [4]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return err
	}
	_, err := io.CopyN(io.Discard, conn, int64(binary.BigEndian.Uint32(size[:])))
	return err
}

// answers: the request does not reach the broker, and an error code comes
// back.
func answers(code int16) func(*wireConn, []byte) error {
	return func(c *wireConn, request []byte) error {
		answer, err := refusal(request, code)
		c.answer = answer
		return err
	}
}

// silence: the broker's answer takes longer than anybody waits.
func silence(c *wireConn, _ []byte) error { return nil }

// held: the request stays on the way, the client sees its connection break,
// and release delivers it later, as a router might.
type held struct {
	request []byte
	address string
}

func (h *held) hold(c *wireConn, request []byte) error {
	h.request, h.address = append([]byte(nil), request...), c.RemoteAddr().String()
	c.broken = true
	return nil
}

func (h *held) release(t *testing.T) {
	t.Helper()
	if err := h.deliver(); err != nil {
		t.Fatal(err)
	}
}

func (h *held) deliver() error {
	conn, err := net.DialTimeout("tcp", h.address, 10*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write(h.request); err != nil {
		return err
	}
	return swallow(conn)
}

// refusal is a whole response to request with the code in every place.
func refusal(request []byte, code int16) ([]byte, error) {
	in := kbin.Reader{Src: request[4:]}
	api, version, correlation := in.Int16(), in.Int16(), in.Int32()
	in.NullableString() // client id
	req := kmsg.RequestForKey(api)
	req.SetVersion(version)
	if req.IsFlexible() {
		kmsg.SkipTags(&in)
	}
	if err := req.ReadFrom(in.Src); err != nil {
		return nil, fmt.Errorf("read the %s request: %w", kmsg.NameForKey(api), err)
	}
	res := refused(req, code)
	if res == nil {
		return nil, fmt.Errorf("no refusal for %T", req)
	}
	res.SetVersion(version)
	out := binary.BigEndian.AppendUint32(make([]byte, 4), uint32(correlation))
	if res.IsFlexible() {
		out = append(out, 0)
	}
	out = res.AppendTo(out)
	binary.BigEndian.PutUint32(out, uint32(len(out)-4))
	return out, nil
}

// refused is a response with the code in every place; nil: we do not know how.
func refused(req kmsg.Request, code int16) kmsg.Response {
	switch req := req.(type) {
	case *kmsg.InitProducerIDRequest:
		return &kmsg.InitProducerIDResponse{ErrorCode: code}
	case *kmsg.EndTxnRequest:
		return &kmsg.EndTxnResponse{ErrorCode: code}
	case *kmsg.FindCoordinatorRequest:
		return &kmsg.FindCoordinatorResponse{ErrorCode: code}
	case *kmsg.DescribeConfigsRequest:
		res := new(kmsg.DescribeConfigsResponse)
		for _, r := range req.Resources {
			res.Resources = append(res.Resources, kmsg.DescribeConfigsResponseResource{ErrorCode: code, ResourceType: r.ResourceType, ResourceName: r.ResourceName})
		}
		return res
	}
	return refusedPartitions(req, code)
}

func refusedPartitions(req kmsg.Request, code int16) kmsg.Response {
	switch req := req.(type) {
	case *kmsg.AddPartitionsToTxnRequest:
		res := new(kmsg.AddPartitionsToTxnResponse)
		for _, t := range req.Topics {
			to := kmsg.AddPartitionsToTxnResponseTopic{Topic: t.Topic}
			for _, p := range t.Partitions {
				to.Partitions = append(to.Partitions, kmsg.AddPartitionsToTxnResponseTopicPartition{Partition: p, ErrorCode: code})
			}
			res.Topics = append(res.Topics, to)
		}
		return res
	case *kmsg.ProduceRequest:
		res := new(kmsg.ProduceResponse)
		for _, t := range req.Topics {
			to := kmsg.ProduceResponseTopic{Topic: t.Topic}
			for _, p := range t.Partitions {
				to.Partitions = append(to.Partitions, kmsg.ProduceResponseTopicPartition{Partition: p.Partition, ErrorCode: code, BaseOffset: -1})
			}
			res.Topics = append(res.Topics, to)
		}
		return res
	case *kmsg.ListOffsetsRequest:
		res := new(kmsg.ListOffsetsResponse)
		for _, t := range req.Topics {
			to := kmsg.ListOffsetsResponseTopic{Topic: t.Topic}
			for _, p := range t.Partitions {
				to.Partitions = append(to.Partitions, kmsg.ListOffsetsResponseTopicPartition{Partition: p.Partition, ErrorCode: code, Offset: -1, Timestamp: -1})
			}
			res.Topics = append(res.Topics, to)
		}
		return res
	case *kmsg.FetchRequest:
		res := new(kmsg.FetchResponse)
		for _, t := range req.Topics {
			to := kmsg.FetchResponseTopic{Topic: t.Topic}
			for _, p := range t.Partitions {
				to.Partitions = append(to.Partitions, kmsg.FetchResponseTopicPartition{Partition: p.Partition, ErrorCode: code, HighWatermark: -1})
			}
			res.Topics = append(res.Topics, to)
		}
		return res
	}
	return nil
}
