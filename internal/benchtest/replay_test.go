package benchtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"
	"github.com/segmentio/kafka-go/protocol/rawproduce"
	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/replay"
	"airudder-exporter/internal/rig"
)

// What is replayed: events of some 700 bytes with their headers, in six partitions.
const (
	replayedCalls  = 600_000
	replayedParts  = 6
	replayedInTxn  = 1000
	replayedSchema = 1
)

// BenchmarkReplay copies 600,000 events, plan and all, and beside it, in turns, a plain copy
// does the same by the same clients: it reads whole partitions and writes them, with neither
// a selection nor headers of its own nor transactions.
func BenchmarkReplay(b *testing.B) {
	b.Run("embedded", func(b *testing.B) { benchmarkReplay(b, brokerProcess(b)) })
	b.Run("real", func(b *testing.B) { benchmarkReplay(b, rig.RealKafka(b)) })
}

func benchmarkReplay(b *testing.B, k *rig.Kafka) {
	source := fmt.Sprintf("replayed-%08x", rand.Uint32())
	k.Create(source, replayedParts, "retention.ms=-1")
	fillEvents(b, k, source)
	var ours, plain []time.Duration
	for n := 0; b.Loop(); n++ {
		to, again := fmt.Sprintf("%s-plain-%d", source, n), fmt.Sprintf("%s-again-%d", source, n)
		k.Create(to, replayedParts, "retention.ms=-1")
		turns := []func(){
			func() { plain = append(plain, copyPlainly(b, k, source, to)) },
			func() { ours = append(ours, replayOnce(b, k, source, again)) },
		}
		for i := range turns { // each is the first in every other turn
			turns[(i+n)%2]()
		}
		wantEnds(b, k, to, replayedCalls)
		if n == 0 {
			if held := len(k.Read(again).Committed); held != replayedCalls {
				b.Fatalf("the replay's topic holds %d records, want %d", held, replayedCalls)
			}
		}
		k.Remove(to, again)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(replayedCalls/median(ours).Seconds(), "calls/s")
	b.ReportMetric(replayedCalls/median(plain).Seconds(), "plain-calls/s")
	b.ReportMetric(float64(median(plain))/float64(median(ours)), "of-plain")
}

// fillEvents writes what an exporter would have.
func fillEvents(b *testing.B, k *rig.Kafka, topic string) {
	writer, err := kgo.NewClient(kgo.SeedBrokers(k.Brokers...), kgo.TransactionalID(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()))
	if err != nil {
		b.Fatal(err)
	}
	defer writer.Close()
	value := append([]byte{0, 0, 0, 0, replayedSchema}, make([]byte, 450)...)
	rnd := rand.New(rand.NewPCG(1, 1))
	for from := 0; from < replayedCalls; from += replayedInTxn * replayedParts {
		if err := writer.BeginTransaction(); err != nil {
			b.Fatal(err)
		}
		for n := from; n < min(replayedCalls, from+replayedInTxn*replayedParts); n++ {
			for i := 5; i < len(value); i++ {
				value[i] = "0123456789 abcdefghijklmnopqrstu"[rnd.Uint32()%32]
			}
			id := callID(n)
			r := &kgo.Record{Topic: topic, Partition: int32(n % replayedParts), Key: []byte(taskID + "/" + id), Value: bytes.Clone(value)}
			for _, h := range [][2]string{
				{"ce_specversion", "1.0"}, {"ce_type", "airudder.call.completed"}, {"ce_source", "https://api.example.com/tasks/" + taskID},
				{"ce_id", taskID + "/" + id + "/0"}, {"ce_subject", id}, {"ce_time", "2026-03-01T12:00:00.000Z"},
				{"ce_recordedtime", "2026-03-01T12:00:00.000Z"}, {"content-type", "application/avro"},
				{"airudder_ledger_id", "3e1f6d6e-0c8f-4a55-9d43-6a1c9f0f3e77"}, {"ce_sequence", fmt.Sprint(n)}, {"airudder_privacy", "open"},
			} {
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: h[0], Value: []byte(h[1])})
			}
			writer.Produce(context.Background(), r, func(_ *kgo.Record, err error) {
				if err != nil {
					b.Error(err)
				}
			})
		}
		if err := writer.Flush(context.Background()); err != nil {
			b.Fatal(err)
		}
		if err := writer.EndTransaction(context.Background(), kgo.TryCommit); err != nil {
			b.Fatal(err)
		}
	}
}

func wantEnds(b *testing.B, k *rig.Kafka, topic string, want int64) {
	b.Helper()
	var got int64
	for _, end := range k.SettledEnds(topic) {
		got += end
	}
	if got != want {
		b.Fatalf("%s ends at %d offsets in all, want %d", topic, got, want)
	}
}

// completed is a registry of one schema.
type completed struct{}

func (completed) SchemaName(context.Context, int) (string, error) {
	return "airudder.events.CallCompleted", nil
}

func replayClient(b *testing.B, k *rig.Kafka, source, target string) *kafka.Client {
	client, err := kafka.Dial(kafka.Config{
		Config: access.Config{Brokers: k.Brokers}, EventTopic: source, LedgerTopic: source + "-ledger", ReplayTopic: target,
	}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	return client
}

// replayOnce is how long a replay takes, from its first question on.
func replayOnce(b *testing.B, k *rig.Kafka, source, target string) time.Duration {
	client := replayClient(b, k, source, target)
	defer client.Close()
	began := time.Now()
	err := replay.New(replay.Config{
		Name: "bench", Target: target, Select: replay.Selection{Topic: source, By: replay.Published}, Schema: "airudder.events.CallCompleted",
		Compression: "lz4", Create: true, Execute: true,
	}, client, completed{}, slog.New(slog.DiscardHandler), io.Discard).Run(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

// copyPlainly is how long the plain copy takes.
func copyPlainly(b *testing.B, k *rig.Kafka, source, target string) time.Duration {
	client := replayClient(b, k, source, target)
	defer client.Close()
	to := plainWriter{addr: kafkago.TCP(k.Brokers...), transport: &kafkago.Transport{MetadataTopics: []string{target}}, topic: target}
	defer to.transport.CloseIdleConnections()
	began := time.Now()
	ranges, err := client.Ends(context.Background(), source)
	if err != nil {
		b.Fatal(err)
	}
	rounds := make(chan batch.Placed, replayedParts)
	var reading sync.WaitGroup
	for _, part := range ranges {
		reading.Go(func() {
			if err := readPlainly(client, source, target, part, rounds); err != nil {
				b.Error(err)
			}
		})
	}
	go func() { reading.Wait(); close(rounds) }()
	if err := to.write(rounds); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

// readPlainly makes batches of a partition as large as a replay's.
func readPlainly(client *kafka.Client, source, target string, part kafka.Range, to chan<- batch.Placed) error {
	lz4, err := batch.ParseCodec("lz4")
	if err != nil {
		return err
	}
	var made batch.Copy
	hand := func() error {
		encoded, err := made.Encode(lz4)
		if err == nil {
			to <- batch.Placed{Place: batch.Place{Topic: target, Partition: part.Partition}, Encoded: encoded}
		}
		return err
	}
	err = client.ScanStored(context.Background(), source, part, func(s *batch.Stored) error {
		if made.Size() > 800_000 {
			if err := hand(); err != nil {
				return err
			}
		}
		made.Add(s)
		return nil
	}, func(int64) {})
	if err == nil && made.Records() > 0 {
		err = hand()
	}
	return err
}

// plainWriter produces batches with acks of all replicas and no producer id.
type plainWriter struct {
	addr interface {
		String() string
		Network() string
	}
	transport *kafkago.Transport
	topic     string
}

// write sends, in each request, a batch of each partition that has one waiting.
func (w plainWriter) write(batches <-chan batch.Placed) error {
	var kept []batch.Placed
	for open := true; open || len(kept) > 0; {
		round, rest := map[int]batch.Placed{}, kept[:0:0]
		add := func(p batch.Placed) {
			if _, has := round[p.Partition]; has {
				rest = append(rest, p)
				return
			}
			round[p.Partition] = p
		}
		for _, p := range kept {
			add(p)
		}
		if len(round) == 0 {
			p, ok := <-batches
			if open = ok; ok {
				add(p)
			}
		}
		for more := open; more; {
			select {
			case p, ok := <-batches:
				if open = ok; ok {
					add(p)
				}
				more = ok && len(rest) < 2*replayedParts
			default:
				more = false
			}
		}
		kept = rest
		if err := w.produce(round); err != nil {
			return err
		}
	}
	return nil
}

func (w plainWriter) produce(round map[int]batch.Placed) error {
	if len(round) == 0 {
		return nil
	}
	req := &rawproduce.Request{Acks: -1, Timeout: 10_000, Topics: []rawproduce.RequestTopic{{Topic: w.topic}}}
	for p, b := range round {
		req.Topics[0].Partitions = append(req.Topics[0].Partitions, rawproduce.RequestPartition{
			Partition: int32(p), RecordSet: protocol.RawRecordSet{Reader: bytes.NewReader(b.Data)},
		})
	}
	res, err := w.transport.RoundTrip(context.Background(), w.addr, req)
	if err != nil {
		return err
	}
	for _, t := range res.(*produce.Response).Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				return kafkago.Error(p.ErrorCode)
			}
		}
	}
	return nil
}
