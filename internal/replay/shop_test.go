package replay

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/rig"
)

// shop is a Kafka with a source of its own, of three partitions.
type shop struct {
	*rig.Kafka
	source, target string
	written        int
	schemas        registry
	dial           func(ctx context.Context, network, address string) (net.Conn, error) // nil: the network
}

// registry knows schemas by their ids.
type registry map[int]string

func (r registry) SchemaName(_ context.Context, id int) (string, error) {
	if name, ok := r[id]; ok {
		return name, nil
	}
	return "", fmt.Errorf("look up schema %d: %w", id, record.ErrNoSchema)
}

const parts = 3

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{Kafka: rig.OpenKafka(t), schemas: registry{1: "airudder.events.CallCompleted", 2: "airudder.events.DeadLetter"}}
	s.source = fmt.Sprintf("source-%08x", rand.Uint32())
	s.target = s.source + "-again"
	s.Create(s.source, parts)
	return s
}

// fill writes n events to the source, in transactions of which each third is aborted.
func (s *shop) fill(n int, changes ...func(*kgo.Record)) {
	s.T.Helper()
	writer, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers...), kgo.TransactionalID("exporter-"+s.source),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	if err != nil {
		s.T.Fatal(err)
	}
	defer writer.Close()
	for i := 0; n > 0; i++ {
		if err := writer.BeginTransaction(); err != nil {
			s.T.Fatal(err)
		}
		commit := i%3 < 2
		for range min(n, 10) {
			if err := writer.ProduceSync(s.T.Context(), s.event(changes...)).FirstErr(); err != nil {
				s.T.Fatal(err)
			}
			if commit {
				n--
			}
		}
		if err := writer.EndTransaction(s.T.Context(), kgo.TransactionEndTry(commit)); err != nil {
			s.T.Fatal(err)
		}
	}
}

// event is the next one.
func (s *shop) event(changes ...func(*kgo.Record)) *kgo.Record {
	n := s.written
	s.written++
	task, call := fmt.Sprintf("task-%d", n%2), fmt.Sprintf("call-%d", n)
	at := time.Now().Add(-time.Hour).Add(time.Duration(n) * time.Second).Truncate(time.Millisecond)
	r := &kgo.Record{
		Topic: s.source, Partition: int32(n % parts), Key: []byte(task + "/" + call), Timestamp: at,
		Value: append([]byte{0, 0, 0, 0, 1}, fmt.Sprintf("value of %s", call)...),
	}
	for _, h := range headers("ce_id", task+"/"+call+"/0", "ce_subject", call, "ce_time", at.Add(-time.Minute).UTC().Format(time.RFC3339Nano), "airudder_ledger_id", "ledger-1") {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	for _, change := range changes {
		change(r)
	}
	return r
}

// with sets a header of the records, or takes it away.
func with(name, value string) func(*kgo.Record) {
	return func(r *kgo.Record) {
		for i, h := range r.Headers {
			if h.Key != name {
				continue
			}
			if r.Headers[i].Value = []byte(value); value == "" {
				r.Headers = append(r.Headers[:i], r.Headers[i+1:]...)
			}
			return
		}
	}
}

// config is what the tests usually do.
func (s *shop) config(changes ...func(*Config)) Config {
	cfg := Config{
		Name: "again", Target: s.target, Select: Selection{Topic: s.source, By: Published}, SourceSetting: "EventTopic", RegistrySetting: "URL",
		Schema: "airudder.events.CallCompleted", Compression: "lz4", Create: true, Execute: true,
	}
	for _, change := range changes {
		change(&cfg)
	}
	return cfg
}

// replay runs one, and returns what it shows.
func (s *shop) replay(ctx context.Context, cfg Config) (string, error) {
	s.T.Helper()
	client, err := kafka.Dial(kafka.Config{
		Config: access.Config{Brokers: s.Brokers}, ClientID: "test", TransactionTimeout: 5 * time.Second,
		EventTopic: s.source, LedgerTopic: s.source + "-ledger", ReplayTopic: cfg.Target, Dial: s.dial,
	}, slog.New(slog.NewTextHandler(io.Discard, nil)), prometheus.NewRegistry())
	if err != nil {
		s.T.Fatal(err)
	}
	defer client.Close()
	var out bytes.Buffer
	err = New(cfg, client, s.schemas, slog.New(slog.NewTextHandler(io.Discard, nil)), &out).Run(ctx)
	return out.String(), err
}

// must is replay that succeeds.
func (s *shop) must(changes ...func(*Config)) string {
	s.T.Helper()
	out, err := s.replay(s.T.Context(), s.config(changes...))
	if err != nil {
		s.T.Errorf("%v\n%s", err, out)
	}
	return out
}

// holds holds the target against what is selected of the source.
func (s *shop) holds(selected func(*kgo.Record) bool) int {
	s.T.Helper()
	return rig.CheckReplay(s.T, s.Read(s.source), s.Read(s.target), "again", selected)
}

func everything(*kgo.Record) bool { return true }
