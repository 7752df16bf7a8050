package embedded

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// childDir names the variable that makes this test binary the process that is
// killed.
const childDir = "EMBEDDED_TEST_DATA_DIR"

// writeUntilKilled runs a broker and commits transactions of one number each,
// the same in two partitions. It says each number before it asks to commit it,
// and after the answer.
func writeUntilKilled(dir string) int {
	b, err := StartBroker(BrokerConfig{DataDir: dir, Partitions: 2, Topics: []string{topic}})
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.TransactionalID("writer"),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxVersions(kversion.V3_0_0()))
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	ctx := context.Background()
	start := time.Now().UnixNano()
	for n := start; ; n++ {
		value := []byte(strconv.FormatInt(n, 10))
		err := cl.BeginTransaction()
		for p := range int32(2) {
			if err == nil {
				err = cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Partition: p, Value: value}).FirstErr()
			}
		}
		fmt.Println("asked", n)
		if err == nil {
			err = cl.EndTransaction(ctx, kgo.TryCommit)
		}
		if err != nil {
			fmt.Println("error", err)
			return 1
		}
		fmt.Println("committed", n)
	}
}

// A broker that is killed again and again, at whatever moment, keeps every
// transaction that it acknowledged, and none by half.
func TestKilledBrokerKeepsWholeTransactions(t *testing.T) {
	dir := t.TempDir()
	acknowledged, asked := map[string]bool{}, map[string]bool{}
	for round := range 6 {
		runAndKill(t, dir, 3+7*round, acknowledged, asked)
	}
	b := startBroker(t, BrokerConfig{DataDir: dir})
	got := [2][]string{committedIn(t, b, 0), committedIn(t, b, 1)}
	if !slices.Equal(got[0], got[1]) {
		t.Errorf("the partitions differ: %d and %d values", len(got[0]), len(got[1]))
	}
	seen := map[string]bool{}
	for _, value := range got[0] {
		if seen[value] {
			t.Errorf("%s is there twice", value)
		}
		if !asked[value] {
			t.Errorf("%s is there, and its commit was never asked for", value)
		}
		seen[value] = true
	}
	for value := range acknowledged {
		if !seen[value] {
			t.Errorf("%s was acknowledged and is lost", value)
		}
	}
}

// runAndKill starts the child, kills it some lines after its first, and notes
// what it said.
func runAndKill(t *testing.T, dir string, lines int, acknowledged, asked map[string]bool) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	for scan := bufio.NewScanner(out); scan.Scan(); lines-- {
		if lines == 0 {
			child.Process.Kill()
		}
		switch word, value, _ := strings.Cut(scan.Text(), " "); word {
		case "asked":
			asked[value] = true
		case "committed":
			acknowledged[value] = true
		default:
			t.Fatalf("child: %s", scan.Text())
		}
	}
	child.Wait() // killed
	if lines > 0 {
		t.Fatalf("the child ended %d lines early", lines)
	}
}

// A kill between the markers of two partitions: what was decided is committed
// in both.
func TestKilledBetweenMarkers(t *testing.T) {
	ctx := testContext(t)
	cfg := BrokerConfig{DataDir: t.TempDir(), Partitions: 2, Topics: []string{topic}}
	b := startBroker(t, cfg)
	cl := client(t, b, kgo.TransactionalID("writer"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	killed := BrokerConfig{DataDir: t.TempDir()}
	b.Cluster().ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
		if err := os.CopyFS(killed.DataDir, os.DirFS(cfg.DataDir)); err != nil {
			t.Error(err)
		}
		return nil, nil, false
	})
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for p := range int32(2) {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Partition: p, Value: []byte("decided")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	// The first partition's marker was written when the kill came.
	for _, name := range []string{"0.dat", "0.idx"} {
		part := filepath.Join("kafka", "partitions", topic+"-0", name)
		text, err := os.ReadFile(filepath.Join(cfg.DataDir, part))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(killed.DataDir, part), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}

	b = startBroker(t, killed)
	for p := range int32(2) {
		if got, want := committedIn(t, b, p), []string{"decided"}; !slices.Equal(got, want) {
			t.Errorf("partition %d: got %q, want %q", p, got, want)
		}
	}
}

// What a kill left half written does not hide what comes after it.
func TestKilledInTheMiddleOfAWrite(t *testing.T) {
	ctx := testContext(t)
	cfg := BrokerConfig{DataDir: t.TempDir(), Partitions: 1, Topics: []string{topic}}
	b := startBroker(t, cfg)
	if err := transact(ctx, client(t, b, kgo.TransactionalID("writer")), "first"); err != nil {
		t.Fatal(err)
	}
	cfg = stops["killed"](t, b, cfg)
	dir := filepath.Join(cfg.DataDir, "kafka")
	for _, name := range []string{"pids.log", "groups.log", "partitions/" + topic + "-0/0.dat"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		text = append(text, text[:min(len(text), 20)]...)
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	index := filepath.Join(dir, "partitions", topic+"-0", "0.idx") // lags behind
	if err := os.Truncate(index, indexEntrySize); err != nil {
		t.Fatal(err)
	}

	var epochs []int16
	for _, value := range []string{"second", "third"} {
		b = startBroker(t, cfg)
		_, epoch := initProducer(t, b, "writer")
		epochs = append(epochs, epoch)
		if err := transact(ctx, client(t, b, kgo.TransactionalID("writer")), value); err != nil {
			t.Fatal(err)
		}
		cfg = stops["killed"](t, b, cfg)
	}
	wantValues(t, startBroker(t, cfg), "first", "second", "third")
	if epochs[1] <= epochs[0]+1 {
		t.Errorf("epochs: got %d, want each above what came before", epochs)
	}
}

func TestFramedRoundTrip(t *testing.T) {
	want := [][]byte{[]byte(`{"a":1}`), {}, []byte(`x`)}
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, append(frame(want), 7, 0, 0, 0, 1), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := readFramed(path)
	if err != nil || !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// Whatever stands in a segment, reading it ends, and what it keeps is whole.
func FuzzScan(f *testing.F) {
	marker := controlBatch(producer{7, 3}, true)
	f.Add([]byte{})
	f.Add(marker.AppendTo(nil))
	f.Add(append(marker.AppendTo(nil), marker.AppendTo(nil)[:40]...))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &segment{data: bytes.Clone(data)}
		new(partition).scan(s)
		if !bytes.HasPrefix(data, s.data) {
			t.Error("what is kept is not the beginning")
		}
		again := &segment{data: bytes.Clone(s.data)}
		new(partition).scan(again)
		if !bytes.Equal(again.data, s.data) || !bytes.Equal(again.index, s.index) {
			t.Error("reading what is kept keeps something else")
		}
	})
}
