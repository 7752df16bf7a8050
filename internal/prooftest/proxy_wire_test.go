package prooftest

import (
	"encoding/binary"
	"fmt"
	"net"
	"strconv"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// parseRequest reads a request's header, and its body where the proxy wants to
// know it. Source: the protocol guide, request headers 1 and 2.
func parseRequest(frame []byte) (*request, error) {
	in := kbin.Reader{Src: frame}
	r := &request{api: in.Int16(), version: in.Int16(), correlation: in.Int32()}
	in.NullableString() // client id
	switch kmsg.Key(r.api) {
	case kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.Produce, kmsg.EndTxn, kmsg.Fetch, kmsg.FindCoordinator:
		r.msg = kmsg.RequestForKey(r.api)
		r.msg.SetVersion(r.version)
		if r.msg.IsFlexible() {
			kmsg.SkipTags(&in)
		}
		r.head = frame[:len(frame)-len(in.Src)]
		if err := r.msg.ReadFrom(in.Src); err != nil {
			return nil, fmt.Errorf("read a %s request: %w", kmsg.NameForKey(r.api), err)
		}
	}
	return r, in.Complete()
}

// look takes an answer's code, has it say what the request's fate wants, and
// puts the proxy's addresses in place of the brokers' own.
func (p *proxy) look(r *request, frame []byte) ([]byte, error) {
	switch kmsg.Key(r.api) {
	case kmsg.InitProducerID, kmsg.AddPartitionsToTxn, kmsg.Produce, kmsg.EndTxn:
	case kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.LeaveGroup, kmsg.OffsetFetch:
	case kmsg.Metadata, kmsg.FindCoordinator, kmsg.DescribeCluster:
	default:
		if r.fate.replace == 0 {
			return frame, nil
		}
	}
	res := kmsg.ResponseForKey(r.api)
	res.SetVersion(r.version)
	in := kbin.Reader{Src: frame}
	in.Int32() // correlation id
	if r.tagged(res) {
		kmsg.SkipTags(&in)
	}
	if err := res.ReadFrom(in.Src); err != nil {
		return nil, fmt.Errorf("read a %s response: %w", kmsg.NameForKey(r.api), err)
	}
	if r.fate.replace != 0 {
		setCode(res, r.fate.replace)
	}
	if produced, ok := res.(*kmsg.ProduceResponse); ok && r.withheld != nil {
		rest := refusedTopics(r.withheld)
		setCode(rest, r.fate.refuse)
		produced.Topics = append(produced.Topics, rest.Topics...)
	}
	r.code = codeOf(res)
	if moved, err := p.move(res); err != nil || !moved && r.fate.replace == 0 && r.withheld == nil {
		return frame, err
	}
	return r.answer(res), nil
}

// answer is a response as a frame.
func (r *request) answer(res kmsg.Response) []byte {
	frame := binary.BigEndian.AppendUint32(nil, uint32(r.correlation))
	if r.tagged(res) {
		frame = append(frame, 0)
	}
	return res.AppendTo(frame)
}

// tagged reports whether a response's header has tags. Source: the protocol
// guide, response headers 0 and 1; ApiVersions always has the first.
func (r *request) tagged(res kmsg.Response) bool {
	return res.IsFlexible() && kmsg.Key(r.api) != kmsg.ApiVersions
}

// move names the proxy's addresses in an answer that names brokers; false: it
// names none.
func (p *proxy) move(res kmsg.Response) (moved bool, err error) {
	move := func(host *string, port *int32) {
		if *port > 0 && err == nil {
			err = p.moveOne(host, port)
		}
	}
	switch res := res.(type) {
	case *kmsg.MetadataResponse:
		for i := range res.Brokers {
			move(&res.Brokers[i].Host, &res.Brokers[i].Port)
		}
	case *kmsg.DescribeClusterResponse:
		for i := range res.Brokers {
			move(&res.Brokers[i].Host, &res.Brokers[i].Port)
		}
	case *kmsg.FindCoordinatorResponse:
		move(&res.Host, &res.Port)
		for i := range res.Coordinators {
			move(&res.Coordinators[i].Host, &res.Coordinators[i].Port)
		}
	default:
		return false, nil
	}
	return true, err
}

func (p *proxy) moveOne(host *string, port *int32) error {
	address, err := p.address(net.JoinHostPort(*host, strconv.Itoa(int(*port))))
	if err != nil {
		return err
	}
	at, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return err
	}
	*host, *port = at.IP.String(), int32(at.Port)
	return nil
}
