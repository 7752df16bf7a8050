package kafka

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of one Client. Their labels hold no task, call or transactional id.
type metrics struct {
	transactions   *prometheus.CounterVec // outcome: committed, fenced, failed
	seconds        prometheus.Histogram   // of committed transactions, AddPartitionsToTxn to EndTxn's answer
	concurrent     prometheus.Counter     // 51s
	bytes          *prometheus.CounterVec // topic: as sent, compressed
	retries        *prometheus.CounterVec // api, code
	replaySeconds  prometheus.Histogram
	replayedRecord prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
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
		concurrent: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "airudder_kafka_concurrent_transactions_total",
			Help: "Answers CONCURRENT_TRANSACTIONS (51): the coordinator was still writing the last transaction's markers.",
		}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "airudder_kafka_produced_bytes_total",
			Help: "Bytes of record batches sent, after compression.",
		}, []string{"topic"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "airudder_kafka_retries_total",
			Help: "Requests asked again in place, by API and answer.",
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
		m.transactions, m.seconds, m.concurrent, m.bytes, m.retries, m.replaySeconds, m.replayedRecord,
	} {
		if err := reg.Register(collector); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
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
