package airudder

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/call"
)

// What the client waits for is the first byte, then each next one; never its turn in
// the budget, and never whoever takes the rows.
func TestFlight(t *testing.T) {
	var step chan struct{}
	answer := func(w http.ResponseWriter, _ *http.Request) {
		<-step
		io.WriteString(w, `{"code":200,"data":{"TaskID":"a","Status":"calling","detail":[{"CallID":"1","Status":"finished"}`)
		w.(http.Flusher).Flush()
		<-step
		io.WriteString(w, `]}}`)
	}
	inBubble(t, answer, func(t *testing.T, c *Client) {
		step = make(chan struct{}) // of the bubble
		want := func(when string, answered time.Duration, waiting ...call.Waiting) {
			t.Helper()
			synctest.Wait()
			got := c.Flight()
			same := func(a, b call.Waiting) bool { return a.TaskID == b.TaskID && a.Since.Equal(b.Since) }
			if time.Since(got.Answered) != answered || !slices.EqualFunc(got.Waiting, waiting, same) {
				t.Errorf("%s: answered %s ago, waiting %v; want %s and %v", when, time.Since(got.Answered), got.Waiting, answered, waiting)
			}
		}
		took, done := make(chan struct{}), make(chan error)
		go func() {
			_, err := c.Read(t.Context(), "a", func([]byte, uint64) call.Verdict { return call.RowNew },
				func(call.Part) error { <-took; return nil })
			done <- err
		}()
		want("waiting for the budget after the token", 0)
		time.Sleep(time.Second)
		began := time.Now()
		time.Sleep(5 * time.Second)
		want("waiting for the first byte", 6*time.Second, call.Waiting{TaskID: "a", Since: began})
		step <- struct{}{}
		want("with the first part", 0, call.Waiting{TaskID: "a", Since: time.Now()})
		since := time.Now()
		time.Sleep(9 * time.Second)
		want("waiting for the rest", 9*time.Second, call.Waiting{TaskID: "a", Since: since})
		step <- struct{}{}
		time.Sleep(7 * time.Second)
		want("while the row is taken", 7*time.Second)
		close(took)
		if err := <-done; err != nil {
			t.Error(err)
		}
		want("at the end", 7*time.Second)
	})
}

// While the key is refused, or a pause was asked for, no request goes before a time that
// is known, and an error says so, too.
func TestHeldUntil(t *testing.T) {
	refuse := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }
	inBubbleAuth(t, refuse, body(detailBody()), func(t *testing.T, c *Client) {
		if !c.Flight().Held.IsZero() {
			t.Errorf("at the start held until %s", c.Flight().Held)
		}
		for range 5 {
			_, _, err := collect(t, c, "t1", none)
			var e *Error
			if !errors.As(err, &e) || e.RetryAfter() <= 0 || !time.Now().Add(e.RetryAfter()).Equal(c.Flight().Held) {
				t.Errorf("%v: to be asked again in %s, held until %s", err, e.RetryAfter(), c.Flight().Held)
			}
			if want := "auth: HTTP 401: the upstream refuses the app key and secret"; e.Cause() != want {
				t.Errorf("the cause is %q, want %q", e.Cause(), want)
			}
			time.Sleep(e.RetryAfter())
		}
		c.budget.pause(time.Hour)
		if held := time.Until(c.Flight().Held); held != time.Hour {
			t.Errorf("in a pause of an hour held for %s", held)
		}
	})
}
