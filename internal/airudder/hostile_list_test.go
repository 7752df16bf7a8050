package airudder

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/airudder/template"
)

// A list of any size is taken or refused whole, and the memory for it bounded.
func TestHostileList(t *testing.T) {
	for name, tt := range map[string]struct {
		serve http.HandlerFunc
		kind  string
		says  string
		tasks int
	}{
		"300,000 tasks": {streamed(true, func(s *stream) {
			s.text(`{"data":["0"`)
			s.times(300_000-1, func(i int) string { return fmt.Sprintf(`,"%032x"`, i) })
			s.text(`]}`)
		}), "ok", "", 300_000},
		"6 million short ids": {streamed(true, func(s *stream) {
			s.text(`{"data":[0`)
			s.times(6_000_000, func(i int) string { return fmt.Sprintf(",%d", i) })
			s.text(`]}`)
		}), KindGarbage, "more than 400000 tasks", 0},
		"10 million ids": {streamed(true, func(s *stream) {
			s.text(`{"data":["0"`)
			s.times(10_000_000, func(i int) string { return fmt.Sprintf(`,"%032x"`, i) })
			s.text(`]}`)
		}), KindGarbage, "larger than 67108864 bytes", 0},
		"30 million nothings": {streamed(true, func(s *stream) {
			s.text(`{"data":[0`)
			s.times(30_000_000/1000, func(int) string { return strings.Repeat(",0", 1000) })
			s.text(`]}`)
		}), "ok", "", 1},
		"nested 1,000,000 deep": {streamed(true, func(s *stream) {
			s.text(`{"data":` + strings.Repeat("[", 1_000_000) + strings.Repeat("]", 1_000_000) + `}`)
		}), KindGarbage, "not JSON", 0},
		"statuses of 1 MB": {streamed(true, func(s *stream) {
			s.text(`{"data":[{"TaskID":"a"}`)
			s.times(40, func(i int) string {
				return fmt.Sprintf(`,{"TaskID":"%d","Status":"%s"}`, i, strings.Repeat("x", 1<<20))
			})
			s.text(`]}`)
		}), "ok", "", 41},
	} {
		t.Run(name, func(t *testing.T) {
			if raceDetector && name != "300,000 tasks" {
				t.Skip("takes too long under the race detector")
			}
			cfg := testConfig(newUpstream(t, tt.serve).URL)
			cfg.Timeout, cfg.ResponseTimeout = 10*time.Minute, 10*time.Minute
			c := newClient(t, cfg)
			var tasks int
			var err error
			held := peak(func() {
				got, e := c.pagesOnce(t)
				tasks, err = got, e
			})
			t.Logf("held %d MiB", held>>20)
			if held > 600<<20 {
				t.Errorf("held %d MiB, want 600 at most", held>>20)
			}
			if kindOf(err) != tt.kind || tasks != tt.tasks || !strings.Contains(fmt.Sprint(err), tt.says) {
				t.Errorf("got %d tasks and %v, want %d, %s and %q", tasks, err, tt.tasks, tt.kind, tt.says)
			}
		})
	}
}

// listOnce is a request for the list's first page.
func listOnce(c *Client) request {
	return request{op: "list tasks", endpoint: listEndpoint, Request: c.list.Fill(template.Filling{Zone: time.UTC})}
}

// pagesOnce asks for the list without the waits between tries.
func (c *Client) pagesOnce(t *testing.T) (tasks int, err error) {
	all := newListing(time.UTC)
	p, err := c.pageOnce(t.Context(), listOnce(c))
	if err == nil {
		_, err = c.take(p.arrays, all)
	}
	if err != nil {
		return 0, err
	}
	return len(all.tasks), nil
}

// The transfer itself lies.
func TestHostileTransfer(t *testing.T) {
	good := detailBody(finished("a"))
	for name, tt := range map[string]struct {
		head, body string
		forever    bool // the body repeats
		kind, says string
	}{
		"headers without end":     {"HTTP/1.1 200 OK\r\n", "X-More: and more\r\n", true, KindGarbage, "the headers have more than 1048576 bytes"},
		"one header without end":  {"HTTP/1.1 200 OK\r\nX: ", "xxxxxxxxxxxxxxxx", true, KindGarbage, "the headers have more than 1048576 bytes"},
		"redirects in a loop":     {"HTTP/1.1 302 Found\r\nLocation: /service/cloud/detail?TaskID=t1\r\nContent-Length: 0\r\n\r\n", "", false, KindClient, "redirects"},
		"length too large":        {fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(good)+1), good, false, KindCut, "cut off or empty"},
		"length too small":        {fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(good)-1), good, false, KindCut, "cut off or empty"},
		"two lengths":             {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", good, false, KindNetwork, "no answer"},
		"chunks cut":              {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", fmt.Sprintf("%x\r\n%s\r\n", len(good), good), false, KindCut, ""},
		"a chunk cut":             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", fmt.Sprintf("%x\r\n%s", len(good)+9, good), false, KindCut, ""},
		"a chunk without a size":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "zz\r\n", false, KindCut, ""},
		"trailers without end":    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n", len(good), good), "X-More: and more\r\n", true, KindCut, ""},
		"early hints without end": {"", "HTTP/1.1 103 Early Hints\r\n\r\n", true, KindGarbage, "the headers have more than"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig("http://" + rawServer(t, tt.head, tt.body, tt.forever))
			c := newClient(t, cfg)
			var err error
			held := peak(func() { _, _, err = collect(t, c, "t1", none) })
			if held > 64<<20 {
				t.Errorf("held %d MiB", held>>20)
			}
			if kindOf(err) != tt.kind || !strings.Contains(fmt.Sprint(err), tt.says) {
				t.Errorf("got %v (%s), want %s: %s", err, kindOf(err), tt.kind, tt.says)
			}
		})
	}
}

// rawServer answers every detail with these bytes, and closes the connection.
func rawServer(t *testing.T, head, body string, forever bool) (address string) {
	t.Helper()
	u := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, err = io.WriteString(conn, head+body)
		for piece := strings.Repeat(body, 1000); forever && err == nil; {
			_, err = io.WriteString(conn, piece)
		}
		linger(conn)
	})
	return u.Listener.Addr().String()
}

// linger lets the client read what was sent before the connection goes.
func linger(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
		_, _ = io.Copy(io.Discard, conn)
	}
}

// A body that comes a byte a second is no silence, and still ends.
func TestHostilePatience(t *testing.T) {
	inBubble(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("TaskID") == "other" {
			io.WriteString(w, strings.ReplaceAll(detailBody(finished("b")), `"t1"`, `"other"`))
			return
		}
		io.WriteString(w, `{"data":{`+header+`,"detail":[`+finished("a")+`,{"x":"`)
		for r.Context().Err() == nil {
			io.WriteString(w, "x")
			http.NewResponseController(w).Flush()
			_, _ = sleep(r.Context(), nil, time.Second)
		}
	}, func(t *testing.T, c *Client) {
		ended := make(chan error, 1)
		var rows []string
		go func() {
			parts, _, err := collect(t, c, "t1", none)
			rows = ids(rowsOf(parts))
			ended <- err
		}()
		time.Sleep(time.Minute)
		if parts, _, err := collect(t, c, "other", none); err != nil || len(parts) != 1 {
			t.Errorf("another task: got %d parts and %v", len(parts), err)
		}
		err := <-ended
		if kindOf(err) != KindTimeout || !strings.Contains(err.Error(), "no complete answer in 10m0s") {
			t.Errorf("got %v, want the whole answer's time-out", err)
		}
		if len(rows) != 1 || rows[0] != "a" {
			t.Errorf("got rows %q, want the whole one", rows)
		}
	})
}
