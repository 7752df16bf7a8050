package embedded

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// BrokerConfig says how a Broker starts. The zero value is a broker on a free
// port.
type BrokerConfig struct {
	// Port on 127.0.0.1; 0, or one that is taken, means a free one.
	Port int

	// Partitions of a topic that is created without a count; 0 means 6.
	Partitions int

	// Topics are created at the start, with Partitions partitions.
	Topics []string

	// Settings are broker settings by their Kafka names, such as
	// message.max.bytes or group.min.session.timeout.ms.
	Settings map[string]string

	// Logger gets the broker's log; nil means none.
	Logger *slog.Logger
}

// Broker is one in-process Kafka broker in memory.
type Broker struct {
	cluster *kfake.Cluster
	addr    string

	mu           sync.Mutex
	beforeEndTxn func(transactionalID string) (drop bool)
	open         map[string]producer // who is inside a transaction, by transactional id
}

const (
	defaultPartitions = 6

	// minSession lets tests use group sessions shorter than the 6 s that a
	// broker allows by default.
	minSession = 500 * time.Millisecond

	// never, in milliseconds: a year for the cleaner, which would move the log
	// start, and the longest that the broker can hold for the expiry of a
	// transactional id, after which it would begin again at epoch 0.
	cleanerNever = "31536000000"
	expiryNever  = "2147483647"
)

// StartBroker starts a broker. It serves until Close.
func StartBroker(cfg BrokerConfig) (*Broker, error) {
	cluster, err := kfake.NewCluster(cfg.options()...)
	if err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	b := &Broker{cluster: cluster, addr: cluster.ListenAddrs()[0], open: make(map[string]producer)}
	cluster.ControlKey(int16(kmsg.Produce), b.sawProduce)
	cluster.ControlKey(int16(kmsg.EndTxn), b.sawEndTxn)
	return b, nil
}

func (cfg BrokerConfig) options() []kfake.Opt {
	partitions := cfg.Partitions
	if partitions == 0 {
		partitions = defaultPartitions
	}
	settings := map[string]string{
		"log.cleaner.backoff.ms":         cleanerNever,
		"transactional.id.expiration.ms": expiryNever,
	}
	for name, value := range cfg.Settings {
		settings[name] = value
	}
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.Ports(cfg.Port),
		kfake.ListenFn(listen),
		kfake.DefaultNumPartitions(partitions),
		kfake.GroupMinSessionTimeout(minSession),
		kfake.BrokerConfigs(settings),
	}
	if len(cfg.Topics) > 0 {
		opts = append(opts, kfake.SeedTopics(int32(partitions), cfg.Topics...))
	}
	if cfg.Logger != nil {
		opts = append(opts, kfake.WithLogger(brokerLog{cfg.Logger}))
	}
	return opts
}

// Addr is the broker's address, host:port.
func (b *Broker) Addr() string { return b.addr }

// Cluster is the broker itself, for tests that inject faults.
func (b *Broker) Cluster() *kfake.Cluster { return b.cluster }

// Close stops the broker. A second call does nothing.
func (b *Broker) Close() { b.cluster.Close() }
