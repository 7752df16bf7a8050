package kafka

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	kafkago "github.com/segmentio/kafka-go"

	"airudder-exporter/internal/kafka/access"
)

// metrics of one Client. Their labels hold no task, call or transactional id.
type metrics struct {
	transactions   *prometheus.CounterVec // outcome: committed, fenced, failed
	seconds        prometheus.Histogram   // of committed transactions, AddPartitionsToTxn to EndTxn's answer
	bytes          *prometheus.CounterVec // topic: as sent, compressed
	retries        *prometheus.CounterVec // api, code
	replaySeconds  prometheus.Histogram
	replayedRecord prometheus.Counter
}

// newMetrics registers them. Each label value that is known begins at 0, so that the
// first of its kind is an increase.
func newMetrics(reg prometheus.Registerer, topics []string) (*metrics, error) {
	m := &metrics{
		transactions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "airudder_kafka_transactions_total",
			Help: "Transactions by outcome; failed ones may have been committed all the same, which the next replay tells.",
		}, []string{"outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "airudder_kafka_transaction_seconds",
			Help:    "Time of a committed transaction, from its first request to the last answer.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "airudder_kafka_produced_bytes_total",
			Help: "Bytes of record batches sent, after compression.",
		}, []string{"topic"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "airudder_kafka_retries_total",
			Help: "Requests asked again in place, by API and by the name of the answer's code, as in concurrent_transactions " +
				"(the coordinator was still writing the last transaction's markers); network: there was none.",
		}, []string{"api", "code"}),
		replaySeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "airudder_kafka_replay_seconds",
			Help:    "Time of replaying a ledger partition.",
			Buckets: prometheus.ExponentialBuckets(0.005, 2, 14),
		}),
		replayedRecord: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "airudder_kafka_replayed_records_total",
			Help: "Committed ledger records that replays have read.",
		}),
	}
	for _, collector := range []prometheus.Collector{
		m.transactions, m.seconds, m.bytes, m.retries, m.replaySeconds, m.replayedRecord,
	} {
		if err := reg.Register(collector); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	for _, outcome := range []string{"committed", "fenced", "failed"} {
		m.transactions.WithLabelValues(outcome)
	}
	for _, topic := range topics {
		m.bytes.WithLabelValues(topic)
	}
	for _, api := range apis {
		m.retries.WithLabelValues(api, noAnswer)
		m.retries.WithLabelValues(api, label(kafkago.NotCoordinatorForGroup))
		m.retries.WithLabelValues(api, label(kafkago.ConcurrentTransactions))
	}
	return m, nil
}

// apis are those of the transactions.
var apis = []string{"InitProducerId", "AddPartitionsToTxn", "EndTxn"}

// certified shows when the client's certificate ends, where there is one.
func certified(reg prometheus.Registerer, cfg access.Config) error {
	if cfg.TLS.CertFile == "" {
		return nil
	}
	return reg.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "airudder_kafka_certificate_expiry_timestamp_seconds",
		Help: "When the client certificate for Kafka ends, as its file has it now; 0: it cannot be read.",
	}, func() float64 {
		ends := cfg.CertificateEnds()
		if ends.IsZero() {
			return 0
		}
		return float64(ends.Unix())
	}))
}

// outcome counts a transaction.
func (m *metrics) outcome(err error, took time.Duration) {
	switch {
	case err == nil:
		m.transactions.WithLabelValues("committed").Inc()
		m.seconds.Observe(took.Seconds())
	case errors.Is(err, ErrFenced):
		m.transactions.WithLabelValues("fenced").Inc()
	default:
		m.transactions.WithLabelValues("failed").Inc()
	}
}
