package airudder

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"airudder-exporter/internal/call"
)

func finished(id string) string { return `{"id":1,"CallID":"` + id + `","Status":"finished"}` }

func ids(rows []call.Row) (all []string) {
	for _, r := range rows {
		all = append(all, r.CallID)
	}
	return all
}

func TestReadStepsOverKnownRows(t *testing.T) {
	rows := []string{finished("a"), finished("b"), `{"CallID":"c","Status":"calling"}`, `{"CallID":"d","Status":"canceled"}`,
		`{"CallID":"e","Status":"cancelled"}`, `{"CallID":"","Status":"pending"}`, `null`, `{"CallID":"g","Status":7}`}
	c := newClient(t, testConfig(newUpstream(t, body(detailBody(rows...))).URL))
	var asked []string
	parts, got, err := collect(t, c, "t1", knows(func(id []byte, _ uint64) bool {
		asked = append(asked, string(id))
		return string(id) == "a"
	}))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "b"}; !reflect.DeepEqual(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	if got, want := ids(rowsOf(parts)), []string{"b"}; !reflect.DeepEqual(got, want) {
		t.Errorf("new rows: got %q, want %q", got, want)
	}
	if want := (call.Counts{Rows: 8, Finished: 2, Cancelled: 2, Unknown: 1}); got.Counts != want {
		t.Errorf("counts: got %+v, want %+v", got.Counts, want)
	}
	counted(t, c.metrics.rowsRead, 8)
	counted(t, c.metrics.rowsSkipped, 1)
	counted(t, c.metrics.mismatch.WithLabelValues("Status"), 1)
	counted(t, c.metrics.mismatch.WithLabelValues("detail"), 1)
}

// Whatever the order of a response's fields, it says the same; rows ahead of
// the header wait for it.
func TestReadAnyOrder(t *testing.T) {
	m := testMetrics()
	rows := `"detail":[` + finished("a") + `,` + finished("b") + `]`
	fields := append(strings.Split(header, ","), rows)
	want := readBytes(m, strings.NewReader(detailBody(finished("a"), finished("b"))), none)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		rng.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
		envelope := []string{`"data":{` + strings.Join(fields, ",") + `}`, `"status":"OK"`, `"code":200`}
		rng.Shuffle(3, func(i, j int) { envelope[i], envelope[j] = envelope[j], envelope[i] })
		text := "{" + strings.Join(envelope, ",") + "}"
		if got := readBytes(m, strings.NewReader(text), none); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s:\ngot  %+v\nwant %+v", text, got, want)
		}
	}
}

// A body that is cut anywhere is an error, and gives no row that was not whole.
func TestReadCutAnywhere(t *testing.T) {
	m := testMetrics()
	text := detailBody(finished("a"), finished("b"), finished("c"))
	for n := range len(text) {
		got := readBytes(m, strings.NewReader(text[:n]), none)
		if !errors.Is(got.err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut at %d: got error %v, want an unexpected EOF", n, got.err)
		}
		want := strings.Count(text[:n], `"finished"}`)
		if rows := rowsOf(got.parts); len(rows) != want {
			t.Fatalf("cut at %d: got %d rows, want the %d whole ones", n, len(rows), want)
		}
	}
	if got := readBytes(m, strings.NewReader(text+" \n"), none); got.err != nil {
		t.Fatal(got.err)
	}
}

func TestReadAnyChunks(t *testing.T) {
	sample, err := os.ReadFile("testdata/detail_sample.json")
	if err != nil {
		t.Fatal(err)
	}
	sample = bytes.ReplaceAll(sample, []byte(sampleTask), []byte("t1"))
	m := testMetrics()
	want := readBytes(m, bytes.NewReader(sample), none)
	for name, chunked := range map[string]func(io.Reader) io.Reader{
		"one byte": iotest.OneByteReader, "half": iotest.HalfReader, "data with EOF": iotest.DataErrReader,
	} {
		if got := readBytes(m, chunked(bytes.NewReader(sample)), none); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

// New rows ahead of the header that are too many to be held are read in a
// second response.
func TestReadAgainForHeaderBehindManyRows(t *testing.T) {
	big := strings.Repeat("x", 700<<10)
	var rows []string
	for i := range 4 {
		rows = append(rows, fmt.Sprintf(`{"CallID":"%d","Status":"finished","call_notes":"%s"}`, i+1, big))
	}
	text := `{"data":{"detail":[` + strings.Join(rows, ",") + `],` + header + `},"code":200}`
	u := newUpstream(t, body(text))
	parts, got, err := collect(t, newClient(t, testConfig(u.URL)), "t1", none)
	if err != nil {
		t.Fatal(err)
	}
	if n := u.requests.Load(); n != 2 {
		t.Errorf("got %d requests, want 2", n)
	}
	if got, want := ids(rowsOf(parts)), []string{"1", "2", "3", "4"}; !reflect.DeepEqual(got, want) {
		t.Errorf("rows: got %q, want %q", got, want)
	}
	for _, p := range parts {
		if p.Task.Name != call.Some("n") || !p.Started.Equal(got.Started) {
			t.Errorf("part of %+v at %v, want the whole header and %v", p.Task, p.Started, got.Started)
		}
	}
	if got.Counts.Rows != 4 {
		t.Errorf("counts: got %+v, want 4 rows, counted once", got.Counts)
	}
}

// The second answer is no more trusted to be about the task than the first.
func TestReadAgainGetsAnotherTask(t *testing.T) {
	large := `{"CallID":"1","Status":"finished","call_notes":"` + strings.Repeat("x", maxHeld) + `"}`
	answers := []string{
		`{"data":{"detail":[` + large + `],` + header + `},"code":200}`,
		`{"data":{"detail":[` + finished("foreign") + `],"TaskID":"t2"},"code":200}`,
	}
	asked := 0
	u := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) { asked++; io.WriteString(w, answers[asked-1]) })
	parts, _, err := collect(t, newClient(t, testConfig(u.URL)), "t1", none)
	if kindOf(err) != KindWrongTask || asked != 2 || len(parts) != 0 {
		t.Errorf("got %v after %d requests, and rows %q", err, asked, ids(rowsOf(parts)))
	}
}

func TestReadParts(t *testing.T) {
	var rows []string
	for i := range 600 {
		rows = append(rows, finished(fmt.Sprint(i+1)))
	}
	got := readBytes(testMetrics(), strings.NewReader(detailBody(rows...)), none)
	var sizes []int
	for _, p := range got.parts {
		sizes = append(sizes, len(p.Rows))
	}
	if want := []int{256, 256, 88}; got.err != nil || !reflect.DeepEqual(sizes, want) {
		t.Errorf("got parts of %v rows and %v, want %v", sizes, got.err, want)
	}
}

// A task without a status is never sealed: that the vendor changed something shows.
func TestReadCountsAMissingStatus(t *testing.T) {
	m := testMetrics()
	for _, status := range []string{``, `"Status":null,`, `"Status":7,`} {
		text := strings.Replace(detailBody(finished("a")), `"Status":"calling",`, status, 1)
		if got := readBytes(m, strings.NewReader(text), none); got.err != nil || len(rowsOf(got.parts)) != 1 {
			t.Errorf("%s: got %d rows and %v", status, len(rowsOf(got.parts)), got.err)
		}
	}
	counted(t, m.mismatch.WithLabelValues("Status"), 3)
}

func TestReadYieldStops(t *testing.T) {
	c := newClient(t, testConfig(newUpstream(t, body(detailBody(finished("a")))).URL))
	stop := errors.New("enough")
	_, err := c.Read(context.Background(), "t1", none, func(call.Part) error { return stop })
	if err != stop {
		t.Errorf("got %v, want yield's own error", err)
	}
	counted(t, c.metrics.requests.WithLabelValues("detail", "stopped"), 1)
}

func TestReadSlowReceiverIsNoTimeout(t *testing.T) {
	text := detailBody(finished("a"))
	inBubble(t, body(text), func(t *testing.T, c *Client) {
		_, err := c.Read(t.Context(), "t1", none, func(call.Part) error {
			time.Sleep(2 * c.cfg.Timeout)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestReadGzip(t *testing.T) {
	packed := pack(t, detailBody(finished("a")))
	for name, tt := range map[string]struct {
		body []byte
		kind string
	}{
		"whole":   {packed, "ok"},
		"cut":     {packed[:len(packed)-9], KindCut},
		"nothing": {nil, KindCut},
		"corrupt": {append(bytes.Clone(packed[:len(packed)-6]), 1, 2, 3, 4, 5, 6), KindGarbage},
		"not it":  {[]byte(detailBody()), KindGarbage},
		"tail":    {append(bytes.Clone(packed), "tail of ten"...), KindGarbage},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, testConfig(newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", r.Header.Get("Accept-Encoding"))
				w.Write(tt.body)
			}).URL))
			if _, _, err := collect(t, c, "t1", none); kindOf(err) != tt.kind {
				t.Errorf("got %v, want kind %s", err, tt.kind)
			}
		})
	}
}

// A part's header is the receiver's: later fields of the response change the
// reading's alone.
func TestReadPartsKeepTheirHeader(t *testing.T) {
	rows := slices.Repeat([]string{finished("a")}, partRows) // so many do not wait for what follows
	text := strings.Replace(detailBody(rows...), `"TaskID"`, `"TaskName":{},"early":1,"TaskID"`, 1)
	text = strings.Replace(text, `},"status"`, `,"late":2,"TaskName":"later"},"status"`, 1)
	got := readBytes(testMetrics(), strings.NewReader(text), none)
	if want := map[string]string{"early": "1"}; got.err != nil || !reflect.DeepEqual(got.parts[0].Task.Additional, want) {
		t.Errorf("part: got %v, %v, want %v", got.err, got.parts[0].Task.Additional, want)
	}
	if want := map[string]string{"early": "1", "late": "2"}; !reflect.DeepEqual(got.reading.Task.Additional, want) || got.reading.Task.Name.Value != "later" {
		t.Errorf("reading: got %+v, want %v and the later name", got.reading.Task, want)
	}
}

// HTTP/2, as the real upstream is likely to speak it.
func TestReadHTTP2(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.ProtoMajor != 2:
			http.Error(w, r.Proto, http.StatusHTTPVersionNotSupported)
		case r.URL.Path == authPath:
			io.WriteString(w, `{"data":{"token":"x"}}`)
		case r.URL.RawQuery == "TaskID=cut":
			io.WriteString(w, strings.Replace(detailBody(finished("a")), "t1", "cut", 1)[:200])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		default:
			io.WriteString(w, detailBody(finished("a")))
		}
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	c := newClient(t, testConfig(s.URL))
	c.http.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	if parts, _, err := collect(t, c, "t1", none); err != nil || len(rowsOf(parts)) != 1 {
		t.Errorf("got %d rows and %v, want 1", len(rowsOf(parts)), err)
	}
	if _, _, err := collect(t, c, "cut", none); kindOf(err) != KindCut {
		t.Errorf("got %v, want kind cut", err)
	}
}
