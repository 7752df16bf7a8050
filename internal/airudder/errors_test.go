package airudder

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/call"
)

// status answers with a status and a body.
func status(code int, text string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, text)
	}
}

// broken answers with raw bytes on the connection, and closes it.
func broken(raw string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		io.WriteString(conn, raw)
		conn.Close()
	}
}

func TestReadErrors(t *testing.T) {
	const page = "<html><body>secret page</body></html>"
	whole := detailBody(finished("a"))
	tests := []struct {
		name   string
		handle http.HandlerFunc
		kind   string
		text   string
	}{
		{"400", status(400, "who?"), KindClient, "HTTP 400: the upstream does not accept the request"},
		{"401", status(401, ""), KindAuth, "HTTP 401: the upstream refuses the token, a fresh one too"},
		{"403", status(403, ""), KindAuth, "HTTP 403: the upstream refuses access"},
		{"404", status(404, `{"code":404}`), KindNotFound, "HTTP 404: the upstream knows no such task"},
		{"404 of a server", status(404, "404 page not found\n"), KindClient, "HTTP 404: not in the upstream's own words; is the base URL right?"},
		{"404 of a gateway", status(404, `{"message":"no Route matched with those values"}`), KindClient, "HTTP 404: not in the upstream's own words; is the base URL right?"},
		{"404 page", status(404, page), KindHTML, "HTTP 404: an HTML page instead of JSON; is the base URL right?"},
		{"400 that means 404", status(400, `{"code":404}`), KindNotFound, "HTTP 400 with code 404: the upstream knows no such task"},
		{"408", status(408, ""), KindTimeout, "HTTP 408: the upstream timed out"},
		{"redirect", status(302, "", "Location", "http://elsewhere.test/"), KindClient, "HTTP 302: the upstream redirects, which is not followed; is the base URL right?"},
		{"429", status(429, "", "Retry-After", "0"), KindRateLimited, "HTTP 429: too many requests"},
		{"500", status(500, ""), KindServer, "HTTP 500: the upstream failed"},
		{"502", status(502, page), KindServer, "HTTP 502: the upstream's gateway failed (an HTML page: a proxy's?)"},
		{"503", status(503, "", "Retry-After", "7"), KindServer, "HTTP 503: the upstream is unavailable; retry after 7s"},
		{"204", status(204, ""), KindClient, "HTTP 204: the upstream does not accept the request"},
		{"code 404", body(`{"data":null,"code":404}`), KindNotFound, "HTTP 200 with code 404: the upstream knows no such task"},
		{"code 404.0", body(`{"data":null,"code":404.0}`), KindNotFound, "HTTP 200 with code 404: the upstream knows no such task"},
		{"code in a string", body(`{"code":"500"}`), KindServer, "HTTP 200 with code 500: the upstream failed"},
		{"code 401", body(`{"data":{},"code":401}`), KindAuth, "HTTP 200 with code 401: the upstream refuses the token, a fresh one too"},
		{"code 429", status(200, `{"code":429}`, "Retry-After", "9"), KindRateLimited, "HTTP 200 with code 429: too many requests; retry after 9s"},
		{"code 1001", body(`{"message":"+62812","code":1001}`), KindEnvelope, "HTTP 200 with code 1001: the upstream does not accept the request"},
		{"code 0", body(`{"data":{},"code":0}`), KindEnvelope, "HTTP 200 with code 0: the upstream does not accept the request"},
		{"code of a number", body(`{"code":"+6281"}`), KindEnvelope, "HTTP 200 with code 6281: the upstream does not accept the request"},
		{"code after data", body(strings.Replace(whole, `"code":200`, `"code":500`, 1)), KindServer, "HTTP 200 with code 500: the upstream failed"},
		{"code of no number", body(`{"code":"OK"}`), KindGarbage, "the envelope's code is no whole number, but OK"},
		{"code of no whole number", body(`{"code":200.5}`), KindGarbage, "the envelope's code is no whole number"},
		{"code of too large a number", body(`{"code":1e300}`), KindGarbage, "the envelope's code is no whole number"},
		{"data null", body(`{"data":null,"status":"OK","code":200}`), KindEmpty, "the answer holds no data"},
		{"data absent", body(`{"code":200}`), KindEmpty, "the answer holds no data"},
		{"data empty", body(`{"data":{},"code":200}`), KindEmpty, "the answer holds no detail"},
		{"data an array", body(`{"data":[],"code":200}`), KindGarbage, "data is no object"},
		{"no detail", body(`{"data":{` + header + `},"code":200}`), KindEmpty, "the answer holds no detail"},
		{"nothing but null detail", body(`{"data":{"detail":null},"code":200}`), KindEmpty, "the answer holds neither rows nor a status"},
		{"detail a string", body(`{"data":{"detail":"x"},"code":200}`), KindGarbage, "detail is no array at byte 18"},
		{"data twice, once without members", body(`{"data":{},"data":{` + header + `,"detail":[]}}`), KindGarbage, "data twice at byte 18"},
		{"detail twice", body(`{"data":{"detail":[],"detail":[]},"code":200}`), KindGarbage, "detail twice at byte 30"},
		{"another task", body(strings.Replace(whole, "t1", "t2", 1)), KindWrongTask, "the answer is about another task"},
		{"page", body("\n" + page), KindHTML, "an HTML page instead of JSON: a proxy's?"},
		{"garbage", body(`{"data":{"TaskID":nope}}`), KindGarbage, "not JSON at byte 18"},
		{"not JSON at all", body("secret"), KindGarbage, "not JSON at byte 0"},
		{"endless code", body(`{"code":"` + strings.Repeat("x", 2<<20) + `"}`), KindGarbage, "a value of more than 1 MiB at byte 8"},
		{"endless number", body(`{"data":{"x":` + strings.Repeat("1", 2<<20) + `}}`), KindGarbage, "a number or word without end at byte 13"},
		{"two values", body(whole + "{}"), KindGarbage, "more than one JSON value at byte 307"},
		{"nothing", body(""), KindCut, "the answer is cut off or empty"},
		{"cut", body(whole[:200]), KindCut, "the answer is cut off or empty"},
		{"short of its length", broken("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + whole), KindCut, "the answer is cut off or empty"},
		{"cut chunk", broken("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{\"da"), KindCut, "the answer is cut off or empty"},
		{"no HTTP", broken("secret\r\n\r\n"), KindNetwork, "no answer"},
		{"closed", broken(""), KindNetwork, "no answer: the connection was closed"},
		{"encoding", status(200, "x", "Content-Encoding", "br"), KindGarbage, "the body has an encoding that was not asked for"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, testConfig(newUpstream(t, tt.handle).URL))
			_, got, err := collect(t, c, "t1", none)
			var e *Error
			if !errors.As(err, &e) || e.Kind() != tt.kind || e.Error() != "read task t1: "+tt.text {
				t.Errorf("got %s: %v,\nwant %s: read task t1: %s", kindOf(err), err, tt.kind, tt.text)
			}
			if errors.Is(err, call.ErrNoTask) != (tt.kind == KindNotFound) {
				t.Errorf("got ErrNoTask %v for kind %s", errors.Is(err, call.ErrNoTask), tt.kind)
			}
			if got.Counts.Rows != 0 || got.Task.ID != "" {
				t.Errorf("got a reading of %+v beside the error", got.Task)
			}
			counted(t, c.metrics.requests.WithLabelValues("detail", tt.kind), map[bool]float64{true: 2, false: 1}[strings.Contains(tt.text, "the token")])
		})
	}
}

// A task that has not begun may have no detail yet.
func TestReadAcceptsNoRows(t *testing.T) {
	for _, detail := range []string{``, `,"detail":null`, `,"detail":[ ]`} {
		text := `{"data":{"TaskID":"t1","Status":"pending"` + detail + `},"code":200}`
		if got := readBytes(testMetrics(), strings.NewReader(text), none); got.err != nil || got.reading.Counts.Rows != 0 {
			t.Errorf("%s: got %v and %+v, want no rows", text, got.err, got.reading.Counts)
		}
	}
}

func TestReadRefusesWhatIsNoTaskID(t *testing.T) {
	c := newClient(t, testConfig("http://127.0.0.1:1"))
	for _, id := range []string{"", "a/b", "a\nb", strings.Repeat("x", 129)} {
		if _, _, err := collect(t, c, id, none); err == nil || err.Error() != "read task: not a task id" {
			t.Errorf("%q: got %v", id, err)
		}
	}
}

func TestReadServerWithoutTLS(t *testing.T) {
	up := newUpstream(t, body(detailBody()))
	c := newClient(t, testConfig(strings.Replace(up.URL, "http:", "https:", 1)))
	_, _, err := collect(t, c, "t1", none)
	if want := "read task t1: auth: no answer: the server does not speak TLS; is it http:// in the base URL?"; kindOf(err) != KindNetwork || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestReadNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	c := newClient(t, testConfig("http://"+l.Addr().String()))
	_, _, err = collect(t, c, "t1", none)
	if kindOf(err) != KindNetwork || !strings.HasPrefix(err.Error(), "read task t1: auth: no answer: nothing listens there; is the base URL right? (dial tcp "+l.Addr().String()) {
		t.Errorf("got %v, want the address that nobody listens on", err)
	}
	c.flight.came(nil, true)
	if _, _, err = collect(t, c, "t1", none); !strings.HasPrefix(err.Error(), "read task t1: auth: no answer: nothing listens there (dial tcp ") {
		t.Errorf("after an answer: got %v", err)
	}
}

func TestTimeouts(t *testing.T) {
	hang := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	stall := func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, detailBody(finished("a"))[:250])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	drip := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, " "); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			select {
			case <-time.After(20 * time.Second):
			case <-r.Context().Done():
			}
		}
	}
	for _, tt := range []struct {
		name   string
		handle http.HandlerFunc
		want   string
		after  time.Duration
	}{
		{"to the first byte", hang, "read task t1: no byte for 30s", 30 * time.Second},
		{"between bytes", stall, "read task t1: no byte for 30s", 30 * time.Second},
		{"whole", drip, "read task t1: no complete answer in 10m0s", 10 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, tt.handle, func(t *testing.T, c *Client) {
				if err := c.Check(t.Context()); err != nil { // leaves a token
					t.Fatal(err)
				}
				time.Sleep(time.Second)
				start := time.Now()
				_, _, err := collect(t, c, "t1", none)
				if kindOf(err) != KindTimeout || err.Error() != tt.want || time.Since(start) != tt.after {
					t.Errorf("got %v after %s, want %s after %s", err, time.Since(start), tt.want, tt.after)
				}
			})
		})
	}
}

func TestReadHearsItsContext(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, func(t *testing.T, c *Client) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := c.Read(ctx, "t1", none, nil)
		if !errors.Is(err, context.DeadlineExceeded) || kindOf(err) != KindCancelled {
			t.Errorf("got %v, want the deadline", err)
		}
	})
}

// No mark of a body, a header or a credential reaches an error, a log line, a
// metric, or a reject's text.
func TestNothingPersonalLeaks(t *testing.T) {
	const mark = "MARKED-62812"
	row := `{"id":1,"CallID":"%","Status":"finished","CalleeName":{"` + mark + `":"` + mark + `"},"` + mark + `":1,"RedailCall":["` + mark + `"]}`
	bad := strings.Replace(row, `{"id"`, `{"`+mark+`" "id"`, 1)
	whole := detailBody(row, bad, strings.Replace(row, "%", "\xff", 1), strings.Replace(row, `"%"`, `""`, 1))
	answers := []http.HandlerFunc{
		body(whole), body(whole[:len(whole)-20]), body(whole + mark), body(mark), body("<p>" + mark), body(`{"data":"` + mark + `","code":200}`),
		body(`{"code":"` + mark + `"}`), body(`{"message":"` + mark + `","code":1001}`), body(strings.Replace(whole, `"t1"`, `"`+mark+`"`, 1)),
		broken(mark + "\r\n\r\n"), broken("HTTP/1.1 " + mark + "\r\n\r\n"), broken("HTTP/1.1 200 OK\r\n" + mark + "\r\n\r\n"),
		broken("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + mark + "\r\n"),
		broken("HTTP/1.1 200 OK\r\nContent-Length: " + mark + "\r\n\r\n" + mark),
		broken("HTTP/1.1 200 OK\r\nTransfer-Encoding: " + mark + "\r\n\r\n" + mark),
		status(302, mark, "Location", "http://"+mark+".test/%zz"), status(500, mark), status(404, mark), status(429, mark, "Retry-After", mark),
		status(200, mark, "Content-Encoding", mark), status(200, mark, "Content-Encoding", "gzip"), status(400, mark, "Content-Type", mark),
	}
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	file := t.TempDir() + "/ids"
	if err := os.WriteFile(file, []byte(mark+"/\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, answer := range answers {
		reg := prometheus.NewRegistry()
		cfg := testConfig(newUpstream(t, answer).URL)
		cfg.AppKey, cfg.AppSecret, cfg.TaskIDsFile, cfg.Timeout = mark, mark, file, time.Second
		c, err := New(cfg, log, reg)
		if err != nil {
			t.Fatal(err)
		}
		_, got, err := collect(t, c, "t1", none)
		for e := err; e != nil; e = errors.Unwrap(e) {
			out.WriteString(e.Error())
		}
		for _, j := range got.Rejects {
			out.WriteString(j.Detail)
		}
		if i == 0 && len(got.Rejects) != 3 {
			t.Errorf("got %d rejects, want 3", len(got.Rejects))
		}
		_, err = c.pageOnce(t.Context(), listOnce(c))
		if err != nil {
			out.WriteString(err.Error())
		}
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			out.WriteString(f.String())
		}
		c.CloseIdleConnections()
		if strings.Contains(strings.ToUpper(out.String()), mark) {
			t.Fatalf("answer %d: the mark is in %s", i, out.String())
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	_, err := New(Config{BaseURL: "ftp://user:pass@x", TaskIDs: []string{"a/b"}, AuthScheme: "a b"}, nil, prometheus.NewRegistry())
	want := `BaseURL: "***@x" is not an absolute http or https URL: give one such as https://api.airudder.com
AuthScheme: "a b" is not one word: give one such as Token or Bearer
TaskIDs: "a/b" is not a list of task ids: separate them by commas
RequestsPerSecond: "0" is not above 0: give a number such as 0.5 or 2
Concurrency: "0" is out of range: give 1 or more
Timeout: "0s" is not above 0: give a duration such as 1m or 30s
ResponseTimeout: "0s" is not above 0: give a duration such as 1m or 30s`
	if err == nil || err.Error() != want {
		t.Errorf("got %v,\nwant %s", err, want)
	}
}

// A base URL may have a path, as behind a proxy.
func TestBaseURLWithPath(t *testing.T) {
	var seen []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Authorization")+" "+r.UserAgent())
		io.WriteString(w, `{"data":{"token":"x"}}`)
	}))
	t.Cleanup(s.Close)
	cfg := testConfig(s.URL + "/proxy/")
	cfg.AuthScheme = "Bearer"
	c := newClient(t, cfg)
	_, _, _ = collect(t, c, "a+b c", none)
	want := "POST /proxy/service/cloud/auth  airudder-exporter\nGET /proxy/service/cloud/detail?TaskID=a%2Bb+c Bearer x airudder-exporter"
	if got := strings.Join(seen, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
