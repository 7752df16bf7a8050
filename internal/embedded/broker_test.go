package embedded

import (
	"context"
	"errors"
	"net"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

const topic = "events"

func startBroker(t *testing.T, cfg BrokerConfig) *Broker {
	t.Helper()
	b, err := StartBroker(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func client(t *testing.T, b *Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	opts = append([]kgo.Opt{
		kgo.SeedBrokers(b.Addr()),
		kgo.RetryTimeout(5 * time.Second),
		kgo.MaxVersions(kversion.V3_0_0()), // with one epoch for all transactions, as the exporter's
	}, opts...)
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// transact writes values in one transaction and commits it.
func transact(ctx context.Context, cl *kgo.Client, values ...string) error {
	if err := write(ctx, cl, values...); err != nil {
		return err
	}
	return cl.EndTransaction(ctx, kgo.TryCommit)
}

// write leaves its transaction open.
func write(ctx context.Context, cl *kgo.Client, values ...string) error {
	if err := cl.BeginTransaction(); err != nil {
		return err
	}
	for _, v := range values {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte(v)}).FirstErr(); err != nil {
			return err
		}
	}
	return nil
}

// committedIn reads a partition of the topic to its end, as a read_committed
// consumer does.
func committedIn(t *testing.T, b *Broker, partition int32) []string {
	t.Helper()
	ctx := testContext(t)
	start := map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().AtStart()}}
	cl := client(t, b, kgo.ConsumePartitions(start), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxWait(20*time.Millisecond), kgo.KeepControlRecords())
	defer cl.Close()
	end := b.Cluster().PartitionInfo(topic, partition).LastStableOffset
	values := []string{}
	for next := int64(0); next < end; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			if !r.Attrs.IsControl() {
				values = append(values, string(r.Value))
			}
		})
	}
	return values
}

func wantValues(t *testing.T, b *Broker, want ...string) {
	t.Helper()
	if got := committedIn(t, b, 0); !slices.Equal(got, want) {
		t.Errorf("committed values: got %q, want %q", got, want)
	}
}

func TestBrokerPortTaken(t *testing.T) {
	first := startBroker(t, BrokerConfig{})
	_, port, _ := net.SplitHostPort(first.Addr())
	n, _ := strconv.Atoi(port)

	second := startBroker(t, BrokerConfig{Port: n})
	if first.Addr() == second.Addr() {
		t.Errorf("both brokers listen on %s", first.Addr())
	}

	first.Close()
	third := startBroker(t, BrokerConfig{Port: n})
	if got, want := third.Addr(), first.Addr(); got != want {
		t.Errorf("a free port asked for: got %s, want %s", got, want)
	}
}

func TestBrokerSettings(t *testing.T) {
	b := startBroker(t, BrokerConfig{Partitions: 4, Topics: []string{topic}, Settings: map[string]string{"message.max.bytes": "1000"}})
	if got, want := len(b.Cluster().PartitionInfos(topic)), 4; got != want {
		t.Errorf("partitions: got %d, want %d", got, want)
	}
	plain := client(t, b, kgo.ProducerBatchCompression(kgo.NoCompression()))
	err := plain.ProduceSync(testContext(t), &kgo.Record{Topic: topic, Value: make([]byte, 2000)}).FirstErr()
	if !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("a record above message.max.bytes: got %v, want %v", err, kerr.MessageTooLarge)
	}
}

func TestBrokerDataDirInUse(t *testing.T) {
	dir := t.TempDir()
	b := startBroker(t, BrokerConfig{DataDir: dir})
	if second, err := StartBroker(BrokerConfig{DataDir: dir}); err == nil {
		second.Close()
		t.Error("a second broker started on the same data directory")
	}
	b.Close()
	startBroker(t, BrokerConfig{DataDir: dir})
}

// A restart keeps topics, their settings, and committed data; an aborted
// transaction stays aborted.
func TestBrokerRestart(t *testing.T) {
	ctx := testContext(t)
	cfg := BrokerConfig{DataDir: t.TempDir(), Partitions: 1}
	b := startBroker(t, cfg)
	if err := b.Cluster().CreateTopic(topic, 1, map[string]string{"cleanup.policy": "compact"}); err != nil {
		t.Fatal(err)
	}
	cl := client(t, b, kgo.TransactionalID("writer"))
	if err := transact(ctx, cl, "a", "b"); err != nil {
		t.Fatal(err)
	}
	if err := write(ctx, cl, "aborted"); err != nil {
		t.Fatal(err)
	}
	if err := cl.EndTransaction(ctx, kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	if err := transact(ctx, cl, "c"); err != nil {
		t.Fatal(err)
	}
	before := b.Cluster().PartitionInfo(topic, 0)
	b.Close()

	b = startBroker(t, cfg)
	if after := b.Cluster().PartitionInfo(topic, 0); !reflect.DeepEqual(after, before) {
		t.Errorf("partition: got %+v, want %+v", after, before)
	}
	policy := b.Cluster().TopicInfo(topic).Configs["cleanup.policy"]
	if policy == nil || *policy != "compact" {
		t.Errorf("cleanup.policy: got %v, want compact", policy)
	}
	wantValues(t, b, "a", "b", "c")
}

// stop ends a broker in one of two ways and says where the next one starts.
var stops = map[string]func(*testing.T, *Broker, BrokerConfig) BrokerConfig{
	"closed": func(_ *testing.T, b *Broker, cfg BrokerConfig) BrokerConfig {
		b.Close()
		return cfg
	},
	// The files of a broker that still runs are what a kill would leave.
	"killed": func(t *testing.T, b *Broker, cfg BrokerConfig) BrokerConfig {
		copied := t.TempDir()
		if err := os.CopyFS(copied, os.DirFS(cfg.DataDir)); err != nil {
			t.Fatal(err)
		}
		b.Close()
		cfg.DataDir = copied
		return cfg
	},
}

// However a broker stops, the next one knows which epoch a transactional id
// has reached: the old producer is fenced, and the new one writes.
func TestBrokerRestartKeepsEpochs(t *testing.T) {
	for name, stop := range stops {
		t.Run(name, func(t *testing.T) {
			ctx := testContext(t)
			cfg := BrokerConfig{DataDir: t.TempDir(), Partitions: 1, Topics: []string{topic}}
			b := startBroker(t, cfg)
			id, epoch := initProducer(t, b, "writer")
			for range 3 { // bare fences, which no record shows
				id, epoch = initProducer(t, b, "writer")
			}
			if err := transact(ctx, client(t, b, kgo.TransactionalID("writer")), "first"); err != nil {
				t.Fatal(err)
			}

			b = startBroker(t, stop(t, b, cfg))
			id2, epoch2 := initProducer(t, b, "writer")
			if id2 != id || epoch2 <= epoch+1 {
				t.Errorf("producer after the restart: got id %d epoch %d, want id %d epoch above %d", id2, epoch2, id, epoch+1)
			}
			if got, want := endTxn(t, b, "writer", id2, epoch2-1), kerr.ProducerFenced.Code; got != want {
				t.Errorf("commit by the epoch before: got code %d, want %d", got, want)
			}
			if err := transact(ctx, client(t, b, kgo.TransactionalID("writer")), "second"); err != nil {
				t.Fatal(err)
			}
			wantValues(t, b, "first", "second")
		})
	}
}

// However often a broker stops with a transaction open, nothing of it is ever
// read, and the next producer of the id goes on. From version 5 of EndTxn on
// each transaction has an epoch of its own; before, two of one producer differ
// in nothing but their place.
func TestBrokerRestartWithOpenTransaction(t *testing.T) {
	for name, stop := range stops {
		for _, versions := range []*kversion.Versions{kversion.V3_0_0(), kversion.Stable()} {
			t.Run(name+" "+versions.VersionGuess(), func(t *testing.T) {
				t.Parallel() // franz-go takes a second for a transaction of version 5
				ctx := testContext(t)
				cfg := BrokerConfig{DataDir: t.TempDir(), Partitions: 1, Topics: []string{topic}}
				var want []string
				for _, value := range []string{"first", "second", "third"} {
					b := startBroker(t, cfg)
					wantValues(t, b, want...)
					cl := client(t, b, kgo.TransactionalID("writer"), kgo.MaxVersions(versions))
					if err := transact(ctx, cl, value); err != nil {
						t.Fatal(err)
					}
					want = append(want, value)
					if err := write(ctx, cl, "torn"); err != nil {
						t.Fatal(err)
					}
					cfg = stop(t, b, cfg)
				}
				wantValues(t, startBroker(t, cfg), want...)
			})
		}
	}
}

// initProducer fences a transactional id and returns its new incarnation.
func initProducer(t *testing.T, b *Broker, transactionalID string) (int64, int16) {
	t.Helper()
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID = &transactionalID
	req.TransactionTimeoutMillis = 10_000
	req.ProducerID, req.ProducerEpoch = -1, -1
	resp, err := req.RequestWith(testContext(t), client(t, b))
	if err != nil || resp.ErrorCode != 0 {
		t.Fatalf("init producer id: %v, code %d", err, resp.ErrorCode)
	}
	return resp.ProducerID, resp.ProducerEpoch
}

// endTxn asks to commit and returns the broker's error code.
func endTxn(t *testing.T, b *Broker, transactionalID string, id int64, epoch int16) int16 {
	t.Helper()
	req := kmsg.NewPtrEndTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = transactionalID, id, epoch, true
	resp, err := req.RequestWith(testContext(t), client(t, b))
	if err != nil {
		t.Fatalf("end transaction: %v", err)
	}
	return resp.ErrorCode
}
