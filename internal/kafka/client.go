package kafka

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/kafka/conn"
	"airudder-exporter/internal/kafka/quota"
)

// Client is the connection to one cluster. It is safe for concurrent use.
type Client struct {
	cfg       Config
	tls       *tls.Config    // nil: plain text
	sasl      sasl.Mechanism // nil: no authentication
	codec     batch.Codec
	log       *slog.Logger
	metrics   *metrics
	addr      net.Addr
	transport *kafkago.Transport
	waits     waits
	throttle  quota.Throttle
	wrote     atomic.Bool // a producer has started: the settings by which brokers are reached are right

	mu   sync.Mutex
	ends map[int]int64 // shard → the end of its ledger partition, as far as we know; outlives producers
}

// Dial checks cfg, reads the files that it names, and builds a Client. It asks
// nobody: a cluster that is not there shows at the first request.
func Dial(cfg Config, logger *slog.Logger, reg prometheus.Registerer) (*Client, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err // a line for each setting, which begins with its name
	}
	cfg.Log = logger
	tls, sasl, err := cfg.Secure()
	if err != nil {
		return nil, err
	}
	codec, err := batch.ParseCodec(cfg.Compression)
	if err != nil {
		return nil, fmt.Errorf("dial kafka: %w", err)
	}
	m, err := newMetrics(reg, cfg.topics())
	if err == nil {
		err = certified(reg, cfg.Config)
	}
	if err != nil {
		return nil, fmt.Errorf("dial kafka: %w", err)
	}
	return &Client{
		cfg:     cfg,
		tls:     tls,
		sasl:    sasl,
		codec:   codec,
		log:     logger,
		metrics: m,
		addr:    kafkago.TCP(cfg.Brokers...),
		transport: &kafkago.Transport{
			Dial:           conn.Opener{Dial: cfg.Dial, TLS: tls, SASL: sasl, ClientID: cfg.ClientID, Limit: cfg.requestLimit()}.Open,
			DialTimeout:    dialTimeout,
			ClientID:       cfg.ClientID,
			MetadataTopics: cfg.topics(),
		},
		ends: make(map[int]int64),
	}, nil
}

// Dialer makes connections as the Client's own are, for kafka-go's consumer
// group. None of its requests waits longer than limit.
func (c *Client) Dialer(clientID string, limit time.Duration) *kafkago.Dialer {
	return &kafkago.Dialer{
		ClientID: clientID,
		Timeout:  limit,
		DialFunc: conn.Opener{Dial: c.cfg.Dial, TLS: c.tls, SASL: c.sasl, ClientID: clientID, Limit: limit}.Open,
	}
}

// Setting is how messages name a setting: see access.Config.
func (c *Client) Setting(field string) string { return c.cfg.Setting(field) }

// Explain is access.Config's. Only the first metadata request tells connection
// errors apart: a produce or a fetch says no more than "topic not found" while
// there is no metadata. A silence that a quota explains is put down to it.
func (c *Client) Explain(err error) string {
	if unreachable(err) {
		if throttled := c.throttle.Explain(err); throttled != "" {
			return throttled
		}
	}
	cfg := c.cfg.Config
	cfg.Reached = c.wrote.Load()
	return cfg.Explain(err, c.cfg.LedgerTopic)
}

// Lacks says which right we lack, and Grants how it is granted: see access.Config.
func (c *Client) Lacks(missing *access.RightError) string { return c.cfg.Lacks(missing) }

// Grants are commands: see access.Config.
func (c *Client) Grants(missing ...*access.RightError) []string { return c.cfg.Grants(missing...) }

// TransactionTimeout is how long a transaction of this Client's may be open.
func (c *Client) TransactionTimeout() time.Duration { return c.cfg.TransactionTimeout }

// Brokers are those that the Client began with.
func (c *Client) Brokers() []string { return c.cfg.Brokers }

// Close closes every connection. Requests under way end by themselves.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// checkEnd compares where a batch of ours went in a shard's ledger partition
// with the end that this process knows. A topic that was deleted and created
// again takes transactions without a word, and its ids are not in the protocol
// that kafka-go speaks: its offsets are all that gives it away.
func (c *Client) checkEnd(shard int, offset int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if end := c.ends[shard]; offset < end {
		return fmt.Errorf("%w: a batch for %s[%d] went to offset %d, though the partition had reached %d: "+
			"it was deleted and created again, or lost its end in an unclean leader election; "+
			"nothing of this transaction was committed; restore the ledger before exporting on",
			ErrLedgerMoved, c.cfg.LedgerTopic, shard, offset, end)
	}
	return nil
}

// raiseEnds remembers how far a shard's ledger partition reaches, once what
// was written there is committed. It never goes back.
func (c *Client) raiseEnds(ledger string, batches []batch.Placed, offsets map[batch.Place]int64) {
	for _, b := range batches {
		if b.Topic == ledger {
			c.raiseEnd(b.Partition, offsets[b.Place]+int64(b.Records))
		}
	}
}

func (c *Client) raiseEnd(shard int, end int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ends[shard] = max(c.ends[shard], end)
}
