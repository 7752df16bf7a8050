package ledger

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"airudder-exporter/internal/call"
)

// maxHeap is what an entry may cost in memory, in bytes.
const maxHeap = 60

// layouts are shards of a million call entries. A map is leanest just before it
// grows and worst just after: these are near the worst.
var layouts = []struct {
	name         string
	tasks, calls int
}{
	{"one task of 1,000,000", 1, 1_000_000},
	{"200 tasks of 5,000", 200, 5_000},
	{"1,000 tasks of 1,000", 1_000, 1_000},
}

// entries is a replay's key and value of each of them, in runs of a task; each
// key is written over the last one.
func entries(tasks, calls int, visit func(key, value []byte)) {
	rng := rand.New(rand.NewPCG(1, 2))
	var key []byte
	value := Published{At: noon, As: Event, N: 1234, Row: 0xfedcba9876543210}.append(nil)
	for i := range tasks {
		prefix := fmt.Appendf(nil, "call/%032x/", i)
		for range calls {
			key = append(key[:0], prefix...)
			key = fmt.Appendf(key, "%016x%016x", rng.Uint64(), rng.Uint64())
			visit(key, value)
		}
	}
}

// heap is what is in use once the garbage is gone.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestHeapPerEntry takes an eighth of each layout: a map's growth is by powers
// of two, so that it is filled as the whole would be.
func TestHeapPerEntry(t *testing.T) {
	for _, layout := range layouts {
		t.Run(layout.name, func(t *testing.T) {
			tasks, calls := layout.tasks/8, layout.calls
			if tasks == 0 {
				tasks, calls = 1, layout.calls/8
			}
			before := heap()
			l := New()
			entries(tasks, calls, func(key, value []byte) {
				if err := l.Replay(key, value); err != nil {
					t.Fatal(err)
				}
			})
			got := float64(heap()-before) / float64(tasks*calls)
			if n, _ := l.Size(); n != int64(tasks*calls) {
				t.Fatalf("%d entries in %s", tasks*calls, l)
			}
			if t.Logf("%.1f B an entry", got); got > maxHeap {
				t.Errorf("got %.1f B an entry, want at most %d", got, maxHeap)
			}
		})
	}
}

// BenchmarkReplay is the time that a start takes for what Kafka hands it.
func BenchmarkReplay(b *testing.B) {
	for _, layout := range layouts {
		b.Run(layout.name, func(b *testing.B) {
			var keys, values []byte
			var keyLen, valueLen int
			entries(layout.tasks, layout.calls, func(key, value []byte) {
				keys, values = append(keys, key...), value
				keyLen, valueLen = len(key), len(value)
			})
			n := layout.tasks * layout.calls
			b.SetBytes(int64(n * (keyLen + valueLen)))
			before := heap()
			var l *Ledger
			for b.Loop() {
				l = New()
				for i := range n {
					if err := l.Replay(keys[i*keyLen:(i+1)*keyLen], values); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(heap()-before)/float64(n), "heap-B/entry")
			runtime.KeepAlive(l)
			runtime.KeepAlive(keys)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/entry")
		})
	}
}

func BenchmarkKnown(b *testing.B) {
	l := New()
	var ids [][]byte
	entries(200, 5_000, func(key, value []byte) {
		if err := l.Replay(key, value); err != nil {
			b.Fatal(err)
		}
		if string(key[5:37]) == fmt.Sprintf("%032x", 7) {
			ids = append(ids, append([]byte{}, key[38:]...))
		}
	})
	for _, bb := range []struct {
		name, task string
		want       call.Verdict
	}{
		{"hit", fmt.Sprintf("%032x", 7), call.RowKnown},
		{"miss", fmt.Sprintf("%032x", 8), call.RowNew},
		{"miss, new task", "new", call.RowNew},
	} {
		b.Run(bb.name, func(b *testing.B) {
			r := l.Begin(bb.task, false)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if got := r.Verdict(ids[i%len(ids)], 0xfedcba9876543210); got != bb.want {
					b.Fatalf("got verdict %v, want %v", got, bb.want)
				}
				i++
			}
		})
	}
}
