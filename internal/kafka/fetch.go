package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
)

// Fetch (API 1), version 11, sent to the partition's leader, for one partition at a
// time. We read the response's bytes ourselves.
//
// Behaviour: sends whole batches from the one that holds the offset on, at least
// one where there is one, however large; perhaps a piece of another; never across a
// segment. Aborted data come too: package batch judges by the markers.
// Errors: 6 and its like while leaders move: asked again; 1 OFFSET_OUT_OF_RANGE:
// the beginning was deleted, or the broker led once; 29 without the right Read.
// Notes: a broker that led once does not refuse: it answers with its own high
// watermark. So no fetch, and no end that a broker tells, says that a log ends.

// fetchVersion is the version of Fetch that we speak: Kafka 2.3 and later, 4
// included.
const fetchVersion = 11

// maxResponse bounds what we read into memory at once. Brokers keep to what
// the request allows, or send one batch.
const maxResponse = 512 << 20

// fetchRequest asks for one partition and leaves the response's bytes as they
// are. kafka-go's own decoding hides control batches and where each batch
// ends, without which a compacted partition cannot be read to its end.
//
// Once the Transport has given it up, a request may still be written to:
// neither it nor its buffer is used again then.
type fetchRequest struct {
	fetch.Request
	clientID string
	spoken   int16
	buf      []byte // for the response; may be nil
}

// Required implements protocol.RawExchanger: always.
func (r *fetchRequest) Required(versions map[protocol.ApiKey]int16) bool {
	r.spoken = versions[protocol.Fetch]
	return true
}

// RawExchange implements protocol.RawExchanger.
func (r *fetchRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if r.spoken < fetchVersion {
		return nil, fmt.Errorf("the broker speaks Fetch up to version %d; %d (Kafka 2.3) is needed", r.spoken, fetchVersion)
	}
	if err := protocol.WriteRequest(rw, fetchVersion, 1, r.clientID, &r.Request); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(rw, size[:]); err != nil {
		return nil, err
	}
	n := int64(int32(binary.BigEndian.Uint32(size[:])))
	if n < 0 || n > maxResponse {
		return nil, fmt.Errorf("a fetch response of %d bytes", n)
	}
	if int64(cap(r.buf)) < n {
		r.buf = make([]byte, n, n+n/8)
	}
	r.buf = r.buf[:n]
	if _, err := io.ReadFull(rw, r.buf); err != nil {
		return nil, err
	}
	return &fetchResponse{data: r.buf}, nil
}

// fetchResponse is a response's bytes, from the correlation id on.
type fetchResponse struct{ data []byte }

// ApiKey implements protocol.Message.
func (*fetchResponse) ApiKey() protocol.ApiKey { return protocol.Fetch }

// fetched is what a response says of the one partition that was requested.
type fetched struct {
	code          int16
	highWatermark int64
	logStart      int64
	records       []byte // batches one after the other, the last one perhaps cut
}

// parseFetch reads a Fetch response of version 11, after its size:
// correlation id, throttle time, error code, session id, then topics. Source:
// the protocol guide, Fetch API.
func parseFetch(data []byte) (f fetched, err error) {
	in := fields{data: data}
	in.skip(4 + 4)
	if code := in.int16(); code != 0 {
		return fetched{code: code}, in.err
	}
	in.skip(4)
	if n := in.int32(); n != 1 {
		return f, errors.Join(in.err, fmt.Errorf("a fetch response for %d topics instead of one", n))
	}
	in.skip(int(in.int16())) // the topic's name
	if n := in.int32(); n != 1 {
		return f, errors.Join(in.err, fmt.Errorf("a fetch response for %d partitions instead of one", n))
	}
	in.skip(4) // the partition
	f.code = in.int16()
	f.highWatermark = in.int64()
	in.skip(8) // the last stable offset
	f.logStart = in.int64()
	in.skip(16 * max(0, int(in.int32()))) // aborted transactions: we judge by the markers
	in.skip(4)                            // preferred read replica
	f.records = in.take(max(0, int(in.int32())))
	return f, in.err
}

// fields reads big-endian fields; after an error it gives zeros.
type fields struct {
	data []byte
	err  error
}

func (f *fields) take(n int) []byte {
	if n < 0 || n > len(f.data) {
		f.err, f.data = errShort, nil
		return nil
	}
	b := f.data[:n]
	f.data = f.data[n:]
	return b
}

var errShort = errors.New("the response ends early")

func (f *fields) skip(n int) { f.take(n) }

func (f *fields) int16() int16 {
	if b := f.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (f *fields) int32() int32 {
	if b := f.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (f *fields) int64() int64 {
	if b := f.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}
