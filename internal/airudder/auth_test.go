package airudder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// expiring is an upstream whose tokens live for a while, each ended by the next.
type expiring struct {
	life    time.Duration
	auths   atomic.Int64
	details atomic.Int64
	born    atomic.Int64 // of the newest token, Unix nanoseconds
	form    string       // of the refusal: "http" or "envelope"
}

func (e *expiring) auth(w http.ResponseWriter, _ *http.Request) {
	e.born.Store(time.Now().UnixNano())
	fmt.Fprintf(w, `{"data":{"token":"tok%d"},"code":200}`, e.auths.Add(1))
}

func (e *expiring) detail(w http.ResponseWriter, r *http.Request) {
	e.details.Add(1)
	age := time.Since(time.Unix(0, e.born.Load()))
	if r.Header.Get("Authorization") == fmt.Sprintf("Token tok%d", e.auths.Load()) && age < e.life {
		io.WriteString(w, detailBody(finished("a")))
		return
	}
	if e.form == "envelope" {
		io.WriteString(w, `{"data":null,"status":"token expired","code":401}`)
		return
	}
	w.WriteHeader(http.StatusUnauthorized)
}

func TestTokenIsKept(t *testing.T) {
	up := &expiring{life: 24 * time.Hour}
	inBubbleAuth(t, up.auth, up.detail, func(t *testing.T, c *Client) {
		for range 47 { // an hour between them
			if _, _, err := collect(t, c, "t1", none); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
	})
	if got := up.auths.Load(); got != 3 { // at 0 h, 23 h and 46 h
		t.Errorf("got %d auths, want 3", got)
	}
	if got := up.details.Load(); got != 47 {
		t.Errorf("got %d requests, want 47: none refused", got)
	}
}

// Renewal ahead of the end fails: the old token serves on until it is refused.
func TestTokenOutlivesAFailedRenewal(t *testing.T) {
	up := &expiring{life: 24 * time.Hour}
	down := func(w http.ResponseWriter, r *http.Request) {
		if up.auths.Load() == 0 {
			up.auth(w, r)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	}
	inBubbleAuth(t, down, up.detail, func(t *testing.T, c *Client) {
		for _, wait := range []time.Duration{0, 23*time.Hour + time.Minute, time.Second} {
			time.Sleep(wait)
			if _, _, err := collect(t, c, "t1", none); err != nil {
				t.Fatal(err)
			}
		}
		counted(t, c.metrics.requests.WithLabelValues("auth", "server"), 1) // not again at once
		time.Sleep(time.Hour)
		_, _, err := collect(t, c, "t1", none)
		if want := "read task t1: auth: HTTP 502: the upstream's gateway failed"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
}

func TestRefusedTokenIsReplacedOnce(t *testing.T) {
	for _, form := range []string{"http", "envelope"} {
		up := &expiring{life: 5 * time.Second, form: form}
		inBubbleAuth(t, up.auth, up.detail, func(t *testing.T, c *Client) {
			for range 3 {
				if _, _, err := collect(t, c, "t1", none); err != nil {
					t.Fatalf("%s: %v", form, err)
				}
				time.Sleep(time.Minute)
			}
		})
		if auths, details := up.auths.Load(), up.details.Load(); auths != 3 || details != 5 {
			t.Errorf("%s: got %d auths and %d requests, want 3 and 5", form, auths, details)
		}
	}
}

// Many reads meet an expired token at once and share one new one.
func TestRefusedTokenManyReads(t *testing.T) {
	up := &expiring{life: 24 * time.Hour}
	inBubbleAuth(t, up.auth, up.detail, func(t *testing.T, c *Client) {
		if _, _, err := collect(t, c, "t1", none); err != nil {
			t.Fatal(err)
		}
		up.born.Store(0) // expired
		var reads errgroup.Group
		for range 20 {
			reads.Go(func() error { _, _, err := collect(t, c, "t1", none); return err })
		}
		if err := reads.Wait(); err != nil {
			t.Error(err)
		}
	})
	if got := up.auths.Load(); got != 2 {
		t.Errorf("got %d auths, want 2", got)
	}
}

// Tokens that live three seconds, at one request a second, still let most through.
func TestTokensOfSeconds(t *testing.T) {
	up := &expiring{life: 3 * time.Second}
	inBubbleAuth(t, up.auth, up.detail, func(t *testing.T, c *Client) {
		var reads errgroup.Group
		var good atomic.Int64
		for range 4 {
			reads.Go(func() error {
				for range 25 {
					if _, _, err := collect(t, c, "t1", none); err == nil {
						good.Add(1)
					} else if kindOf(err) != KindAuth {
						return err
					}
				}
				return nil
			})
		}
		if err := reads.Wait(); err != nil {
			t.Error(err)
		}
		if got := good.Load(); got < 90 {
			t.Errorf("got %d good reads of 100, want 90 or more", got)
		}
	})
}

// One refused key is one request, however many wait for the token.
func TestWrongKeyIsSharedAndSecret(t *testing.T) {
	var auths atomic.Int64
	refuse := func(w http.ResponseWriter, r *http.Request) {
		auths.Add(1)
		time.Sleep(time.Second) // all wait for it
		sent, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusUnauthorized)
		w.Write(sent) // an upstream that repeats what it got
	}
	inBubbleAuth(t, refuse, body(detailBody()), func(t *testing.T, c *Client) {
		var reads errgroup.Group
		for range 4 {
			reads.Go(func() error {
				_, _, err := collect(t, c, "t1", none)
				const want = "read task t1: auth: HTTP 401: the upstream refuses the app key and secret"
				if kindOf(err) != KindAuth || err.Error() != want {
					t.Errorf("got %v, want %s", err, want)
				}
				return nil
			})
		}
		_ = reads.Wait()
		if got := auths.Load(); got != 1 {
			t.Errorf("got %d auths, want 1", got)
		}
		if err := c.Check(t.Context()); kindOf(err) != KindAuth || strings.Contains(err.Error(), "the-") {
			t.Errorf("check: got %v, want kind auth and no secret", err)
		}
	})
}

// A key that stays refused is shown again ever more rarely, however many tasks
// wait to be read, and is good again soon after the upstream takes it.
func TestWrongKeyIsTriedSlowly(t *testing.T) {
	var auths atomic.Int64
	var good atomic.Bool
	answer := func(w http.ResponseWriter, r *http.Request) {
		if auths.Add(1); good.Load() {
			io.WriteString(w, `{"data":{"token":"tok"},"code":200}`)
			return
		}
		w.WriteHeader(http.StatusForbidden)
	}
	inBubbleAuth(t, answer, body(detailBody()), func(t *testing.T, c *Client) {
		read := func() error { _, _, err := collect(t, c, "t1", none); time.Sleep(time.Second); return err }
		for range 3600 {
			var e *Error
			if err := read(); !errors.As(err, &e) || e.Kind() != KindAuth || auths.Load() > 1 && e.RetryAfter() > refusedLast*3/2 {
				t.Fatalf("got %v, to be asked again in %s", err, e.RetryAfter())
			}
		}
		if got := auths.Load(); got < 10 || got > 30 {
			t.Errorf("got %d auths in an hour, want some 20", got)
		}
		good.Store(true)
		back := 0
		for ; read() != nil; back++ {
		}
		if took := time.Duration(back) * time.Second; took > refusedLast*3/2 {
			t.Errorf("the key was good %s before it was shown", took)
		}
	})
}

// A key that was replaced is shown at once, however long the last one has been refused;
// a token that is still good is used on.
func TestReplacedKeyIsShownAtOnce(t *testing.T) {
	var good, now atomic.Value // the secrets that the upstream takes, and that the client has
	good.Store("old")
	now.Store("old")
	auths := 0
	auth := func(w http.ResponseWriter, r *http.Request) {
		auths++
		var shown struct{ APPKey, APPSecret string }
		if err := json.NewDecoder(r.Body).Decode(&shown); err != nil || shown.APPKey != "key" || shown.APPSecret != good.Load() {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		io.WriteString(w, `{"data":{"token":"tok"},"code":200}`)
	}
	inBubbleAuth(t, auth, body(detailBody()), func(t *testing.T, c *Client) {
		c.cfg.Credentials = func() (key, secret string) { return "key", now.Load().(string) }
		read := func() error { _, _, err := collect(t, c, "t1", none); return err }
		if err := read(); err != nil {
			t.Fatal(err)
		}
		good.Store("new")
		if err := read(); err != nil || auths != 1 {
			t.Errorf("with the token in hand: %v, %d auths", err, auths)
		}
		token, _ := c.tokens.current()
		c.tokens.refused(token)
		for range 60 { // until the old one is shown seldom
			if err := read(); kindOf(err) != KindAuth {
				t.Fatalf("got %v, want a refusal of the old secret", err)
			}
			time.Sleep(10 * time.Second)
		}
		now.Store("new")
		before := auths
		if err := read(); err != nil || auths != before+1 {
			t.Errorf("with the new secret: %v, after %d more auths", err, auths-before)
		}
	})
}

func TestAuthRefusals(t *testing.T) {
	const page = "<html>nginx</html>"
	for _, tt := range []struct {
		code         int
		answer       string
		kind, detail string
	}{
		{401, "", KindAuth, "HTTP 401: the upstream refuses the app key and secret"},
		{403, `{"code":403}`, KindAuth, "HTTP 403: the upstream refuses the app key and secret"},
		{403, page, KindHTML, "HTTP 403: an HTML page instead of JSON; is the base URL right?"},
		{400, "", KindAuth, "HTTP 400: the upstream does not accept the app key and secret, or the request; is the base URL right?"},
		{404, "404 page not found", KindClient, "HTTP 404: no such endpoint; is the base URL right?"},
		{404, page, KindHTML, "HTTP 404: an HTML page instead of JSON; is the base URL right?"},
		{503, page, KindServer, "HTTP 503: the upstream is unavailable (an HTML page: a proxy's?)"},
	} {
		inBubbleAuth(t, status(tt.code, tt.answer), http.NotFound, func(t *testing.T, c *Client) {
			if err := c.Check(t.Context()); kindOf(err) != tt.kind || err.Error() != "auth: "+tt.detail {
				t.Errorf("%d %q: got %s, %v, want %s, %s", tt.code, tt.answer, kindOf(err), err, tt.kind, tt.detail)
			}
		})
	}
}

func TestAuthAnswers(t *testing.T) {
	tests := []struct{ answer, want string }{
		{`{"data":{"token":"x"},"code":200}`, ""},
		{`{"data":{"Token":"x"}}`, ""},
		{`{"data":{"token":"x"},"code":403}`, "auth: HTTP 200 with code 403: the upstream refuses the app key and secret"},
		{`{"data":{},"code":200}`, "auth: the answer holds no token"},
		{`{"data":"x","code":200}`, "auth: the answer holds no token"},
		{`{"data":{"token":"a\nb"},"code":200}`, "auth: the answer holds no token"},
		{`{"code":500}`, "auth: HTTP 200 with code 500: the upstream failed"},
		{`<html>`, "auth: an HTML page instead of JSON: a proxy's?"},
		{``, "auth: the answer is cut off or empty"},
	}
	for _, tt := range tests {
		inBubbleAuth(t, body(tt.answer), http.NotFound, func(t *testing.T, c *Client) {
			err := c.Check(t.Context())
			if got := fmt.Sprint(err); got != tt.want && (err != nil || tt.want != "") {
				t.Errorf("%s: got %s, want %s", tt.answer, got, tt.want)
			}
		})
	}
}

// A reader that gives up while it asks for a token takes nobody with it.
func TestAuthOfAReaderThatGivesUp(t *testing.T) {
	slow := func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(10 * time.Second)
		io.WriteString(w, `{"data":{"token":"tok"},"code":200}`)
	}
	inBubbleAuth(t, slow, body(detailBody()), func(t *testing.T, c *Client) {
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var reads errgroup.Group
		reads.Go(func() error {
			if _, err := c.Read(hasty, "t1", none, nil); !errors.Is(err, context.DeadlineExceeded) || kindOf(err) != KindCancelled {
				t.Errorf("got %v, want the deadline", err)
			}
			return nil
		})
		reads.Go(func() error { _, err := c.Read(t.Context(), "t1", none, nil); return err })
		if err := reads.Wait(); err != nil {
			t.Error(err)
		}
	})
}
