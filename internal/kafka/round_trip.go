package kafka

import (
	"context"
	"fmt"
	"io"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// ask sends one request through the Transport and waits for its answer, no
// longer than one may take. The answer's own error codes are the caller's.
func ask[R protocol.Message](ctx context.Context, c *Client, req protocol.Message) (R, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.requestLimit())
	defer cancel()
	return await[R](ctx, c, req)
}

// await is ask for as long as ctx lasts.
func await[R protocol.Message](ctx context.Context, c *Client, req protocol.Message) (R, error) {
	res, err := c.transport.RoundTrip(ctx, c.addr, req)
	if err != nil {
		var none R
		return none, err
	}
	return answer[R](res)
}

func answer[R protocol.Message](res protocol.Message) (R, error) {
	typed, ok := res.(R)
	if !ok {
		return typed, fmt.Errorf("the broker's answer is a %T", res)
	}
	return typed, nil
}

// routed sends a message to one broker, wherever the message itself would ask the
// Transport to send it.
type routed struct {
	protocol.Message
	broker   int32
	clientID string
	version  int16
	offered  bool // the broker knows such requests
}

// Broker implements protocol.BrokerMessage.
func (r *routed) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	b, ok := cluster.Brokers[r.broker]
	if !ok {
		return b, kafkago.BrokerNotAvailable
	}
	return b, nil
}

// Required implements protocol.RawExchanger: always.
func (r *routed) Required(versions map[protocol.ApiKey]int16) bool {
	r.version, r.offered = versions[r.ApiKey()]
	return true
}

// RawExchange implements protocol.RawExchanger. A connection has one request
// under way at a time, so any correlation id is as good as another.
func (r *routed) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if !r.offered { // it would close the connection without a word
		return nil, fmt.Errorf("the broker does not offer the request %s: %w", r.ApiKey(), kafkago.UnsupportedVersion)
	}
	return protocol.RoundTrip(rw, r.version, 1, r.clientID, r.Message)
}

// askAside is ask for what the Transport must not answer from its memory, nor
// draw conclusions from: it would wait for topics that nobody creates.
func askAside[R protocol.Message](ctx context.Context, c *Client, req protocol.Message) (R, error) {
	res, err := ask[*asideAnswer](ctx, c, &aside{routed{Message: req, clientID: c.cfg.ClientID}})
	if err != nil {
		var none R
		return none, err
	}
	return answer[R](res.Message)
}

// aside goes where its message would; else to whichever broker there is a
// connection to.
type aside struct{ routed }

type asideAnswer struct{ protocol.Message }

// Broker implements protocol.BrokerMessage.
func (a *aside) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	if m, ok := a.Message.(protocol.BrokerMessage); ok {
		return m.Broker(cluster)
	}
	return protocol.Broker{ID: -1}, nil
}

// RawExchange implements protocol.RawExchanger.
func (a *aside) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	res, err := a.routed.RawExchange(rw)
	return &asideAnswer{res}, err
}
