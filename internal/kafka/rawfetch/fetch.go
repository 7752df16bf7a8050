// Package rawfetch asks for a partition's batches and leaves them as the bytes that
// the broker sent. kafka-go's own decoding hides control batches and where each
// batch ends, without which a compacted partition cannot be read to its end.
package rawfetch

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

// version is the version of Fetch that we speak: Kafka 2.3 and later, 4 included.
const version = 11

// MaxResponse bounds what we read into memory at once. Brokers keep to what
// the request allows, or send one batch.
const MaxResponse = 512 << 20

// Request asks for one partition. Once the Transport has given it up, it may still
// be written to: neither it nor its buffer is used again then.
type Request struct {
	fetch.Request
	ClientID string
	Buf      []byte // for the response; may be nil

	spoken int16
}

// Required implements protocol.RawExchanger: always.
func (r *Request) Required(versions map[protocol.ApiKey]int16) bool {
	r.spoken = versions[protocol.Fetch]
	return true
}

// RawExchange implements protocol.RawExchanger.
func (r *Request) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if r.spoken < version {
		return nil, fmt.Errorf("the broker speaks Fetch up to version %d; %d (Kafka 2.3) is needed", r.spoken, version)
	}
	if err := protocol.WriteRequest(rw, version, 1, r.ClientID, &r.Request); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(rw, size[:]); err != nil {
		return nil, err
	}
	n := int64(int32(binary.BigEndian.Uint32(size[:])))
	if n < 0 || n > MaxResponse {
		return nil, fmt.Errorf("a fetch response of %d bytes", n)
	}
	if int64(cap(r.Buf)) < n {
		r.Buf = make([]byte, n, n+n/8)
	}
	r.Buf = r.Buf[:n]
	if _, err := io.ReadFull(rw, r.Buf); err != nil {
		return nil, err
	}
	return &Response{Data: r.Buf}, nil
}

// Response is a response's bytes, from the correlation id on.
type Response struct{ Data []byte }

// ApiKey implements protocol.Message.
func (*Response) ApiKey() protocol.ApiKey { return protocol.Fetch }

// Fetched is what a response says of the one partition that was requested.
type Fetched struct {
	Code          int16
	HighWatermark int64
	LastStable    int64 // the first offset whose transaction is undecided, or the high watermark
	LogStart      int64
	Records       []byte // batches one after the other, the last one perhaps cut

	aborted []byte
}

// Aborted is a transaction that was aborted, by its producer and its first offset.
type Aborted struct{ ProducerID, First int64 }

// AbortedList are those that a read_committed answer tells of. A reader who sees all
// markers does not need it.
func (f *Fetched) AbortedList() (all []Aborted) {
	for in := (fields{data: f.aborted}); len(in.data) > 0; {
		all = append(all, Aborted{in.int64(), in.int64()})
	}
	return all
}

// Parse reads a Fetch response of version 11, after its size:
// correlation id, throttle time, error code, session id, then topics. Source:
// the protocol guide, Fetch API.
func Parse(data []byte) (f Fetched, err error) {
	in := fields{data: data}
	in.skip(4 + 4)
	if code := in.int16(); code != 0 {
		return Fetched{Code: code}, in.err
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
	f.Code = in.int16()
	f.HighWatermark = in.int64()
	f.LastStable = in.int64()
	f.LogStart = in.int64()
	f.aborted = in.take(16 * max(0, int(in.int32()))) // transactions
	in.skip(4)                                        // preferred read replica
	f.Records = in.take(max(0, int(in.int32())))
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
