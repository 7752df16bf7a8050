package airudder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	runtimemetrics "runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"airudder-exporter/internal/call"
)

// benchRow is the documented row with some turns of talk: about 1.6 kB.
func benchRow(tb testing.TB) map[string]json.RawMessage {
	tb.Helper()
	raw, err := os.ReadFile("testdata/detail_sample.json")
	if err != nil {
		tb.Fatal(err)
	}
	var sample struct {
		Data struct{ Detail []map[string]json.RawMessage }
	}
	if err := json.Unmarshal(raw, &sample); err != nil {
		tb.Fatal(err)
	}
	row := sample.Data.Detail[0]
	turn := `{"time":"00:00:07","robottext":"Baik, apakah pembayaran bisa dilakukan hari ini sebelum jam lima sore?","text":"iya nanti saya bayar"}`
	row["AsrResult"] = json.RawMessage("[" + turn + strings.Repeat(","+turn, 3) + "]")
	return row
}

// benchBody is a task of rows that all finished, compact, as a server sends it.
func benchBody(tb testing.TB, rows int) []byte {
	tb.Helper()
	row := benchRow(tb)
	var b bytes.Buffer
	b.WriteString(`{"data":{` + header + `,"detail":[`)
	for i := range rows {
		row["CallID"] = json.RawMessage(fmt.Sprintf(`"%032x"`, i+1))
		raw, err := json.Marshal(row)
		if err != nil {
			tb.Fatal(err)
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(raw)
	}
	b.WriteString(`]},"status":"OK","code":200}`)
	return b.Bytes()
}

// knownShare knows this many of a hundred rows, evenly mixed.
func knownShare(percent int) call.Judge {
	n := 0
	return knows(func([]byte, uint64) bool {
		n++
		return n*37%100 < percent
	})
}

// The rows' share that is known, against encoding/json on the whole body into
// plain structs, in the same run.
func BenchmarkDetail(b *testing.B) {
	raw := benchBody(b, 2000)
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		for b.Loop() {
			var all wholeBody
			if err := json.Unmarshal(raw, &all); err != nil || len(all.Data.Detail) != 2000 {
				b.Fatal(err)
			}
		}
	})
	for _, percent := range []int{0, 75, 99, 100} {
		b.Run(fmt.Sprintf("known-%d", percent), func(b *testing.B) {
			c := newClient(b, testConfig("http://127.0.0.1"))
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				a := &answer{detail: testDetail(c.metrics, knownShare(percent), func(call.Part) error { return nil })}
				if err := a.read(b.Context(), bytes.NewReader(raw)); err != nil || a.counts.Rows != 2000 {
					b.Fatal(err, a.counts)
				}
			}
		})
	}
}

// wholeBody is how the obvious program decodes a task.
type wholeBody struct {
	Data struct {
		TaskID, TaskName, RobotMethod, RobotID, SIPLine, Status string
		ScheduleStartTime, ScheduleEndTime                      string
		RepeatInterval, RepeatNumber                            int64
		Detail                                                  []struct {
			ID                                                                   int64
			RobotID, CalleeName, CalleeGender, CalleeNumber                      string
			CallStartTime, CallEndTime, Status, Intention                        string
			IntentionDescription                                                 string `json:"intention_description"`
			CallID                                                               string
			CallTimes, RingTime, TalkRound                                       int64
			Comments, PlatformName, RingType, HangupType, ExtraA, ExtraB, ExtraC string
			AsrResult                                                            []struct{ Time, RobotText, Text string }
			EventLabel, NerSlots                                                 map[string]string
			RedailCall                                                           []struct {
				CallID, CallStartTime, RingType, HangupType, ResultLabel string
				RingTime                                                 int64
				CallerNumber                                             string `json:"caller_number"`
				CalleeNumber                                             string `json:"callee_number"`
			}
			CallNotes    string `json:"call_notes"`
			CallerNumber string `json:"caller_number"`
		}
	}
	Code int
}

// The heap above what the transport alone takes for the same body, which is
// rendered while it is sent: 50,000 rows, 82 MB.
func BenchmarkDetailMemory(b *testing.B) {
	const rows = 50_000
	chunk := benchBody(b, 50) // small, since it lies in the same heap
	inner := bytes.TrimSuffix(chunk[bytes.Index(chunk, []byte(`"detail":[`))+len(`"detail":[`):], []byte(`]},"status":"OK","code":200}`))
	u := newUpstream(b, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"data":{`+header+`,"detail":[`)
		for i := range rows / 50 {
			if i > 0 {
				io.WriteString(w, ",")
			}
			w.Write(inner)
		}
		io.WriteString(w, `]},"status":"OK","code":200}`)
	})
	c := newClient(b, testConfig(u.URL))
	base := peakHeap(func() {
		r, err := http.NewRequest(http.MethodGet, u.URL, nil)
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Authorization", "Token to/k+en=")
		r.Header.Set("Content-Type", "application/json")
		resp, err := c.http.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		if n, err := io.Copy(struct{ io.Writer }{io.Discard}, resp.Body); err != nil || n < 60<<20 {
			b.Fatal(n, err)
		}
	})
	for _, percent := range []int{99, 0} {
		b.Run(fmt.Sprintf("known-%d", percent), func(b *testing.B) {
			var above float64
			for b.Loop() {
				peak := peakHeap(func() {
					got, err := c.Read(b.Context(), "t1", knownShare(percent), func(call.Part) error { return nil })
					if err != nil || got.Counts.Rows != rows {
						b.Fatal(err, got.Counts)
					}
				})
				above = max(above, (float64(peak)-float64(base))/1e6)
			}
			b.ReportMetric(above, "MB-above-transport")
			b.ReportMetric(float64(base)/1e6, "MB-transport")
		})
	}
}

// peakHeap runs f and samples the heap every quarter of a millisecond.
func peakHeap(f func()) (peak uint64) {
	runtime.GC()
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		sample := []runtimemetrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for tick := time.Tick(250 * time.Microsecond); ; {
			runtimemetrics.Read(sample)
			peak = max(peak, sample[0].Value.Uint64())
			select {
			case <-done:
				return
			case <-tick:
			}
		}
	})
	f()
	close(done)
	wg.Wait()
	return peak
}
