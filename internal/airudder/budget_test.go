package airudder

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// times makes n waits in a bubble and returns when each ended, in seconds.
func times(t *testing.T, b *budget, n int) (at []float64) {
	t.Helper()
	start := time.Now()
	for range n {
		if err := b.wait(t.Context(), usual); err != nil {
			t.Fatal(err)
		}
		at = append(at, time.Since(start).Round(time.Millisecond).Seconds())
	}
	return at
}

func equal(t *testing.T, got, want []float64) {
	t.Helper()
	for i := range want {
		if len(got) != len(want) || got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

func TestBudgetIsEvenlySpaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(2)
		equal(t, times(t, b, 4), []float64{0, 0.5, 1, 1.5})
		time.Sleep(time.Hour) // nothing is saved up
		equal(t, times(t, b, 3), []float64{0, 0.5, 1})
		b.setShare(0.25)
		equal(t, times(t, b, 2), []float64{2, 4})
	})
}

func TestBudgetShareChangesWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(1)
		b.setShare(0)
		go func() {
			time.Sleep(time.Minute)
			b.setShare(0.001) // a thousand seconds to the next
			time.Sleep(time.Minute)
			b.setShare(1)
		}()
		equal(t, times(t, b, 3), []float64{60, 120.94, 121.94}) // 0.06 of a request was saved up
	})
}

func TestBudgetOfNothingHearsTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(1)
		b.setShare(0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := b.wait(ctx, urgent); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the deadline", err)
		}
		b.setShare(1)
		equal(t, times(t, b, 1), []float64{0})
	})
}

func TestBudgetPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(1)
		equal(t, times(t, b, 1), []float64{0})
		go func() {
			time.Sleep(500 * time.Millisecond) // one is waiting by then
			b.pause(10 * time.Second)
			b.pause(2 * time.Second) // shortens nothing
		}()
		equal(t, times(t, b, 2), []float64{10.5, 11.5})
	})
}

// An urgent request goes before those that have queued up.
func TestBudgetUrgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(1)
		order := make(chan string, 9)
		for range 5 {
			go func() {
				_ = b.wait(t.Context(), usual)
				order <- "normal"
			}()
		}
		synctest.Wait() // one went, one waits for the limiter
		_ = b.wait(t.Context(), urgent)
		order <- "urgent"
		synctest.Wait()
		got := []string{<-order, <-order, <-order}
		if got[2] != "urgent" {
			t.Errorf("got %v, want the urgent one third", got)
		}
		time.Sleep(time.Minute)
	})
}

// A hinted request goes before whoever waits for the limiter, and after two of them one of
// the others goes, however many hinted ones there are.
func TestBudgetHinted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(1)
		equal(t, times(t, b, 1), []float64{0})
		start := time.Now()
		type gone struct {
			who string
			at  float64
		}
		order := make(chan gone, 20)
		ask := func(who string, p priority) {
			_ = b.wait(t.Context(), p)
			order <- gone{who, time.Since(start).Round(time.Millisecond).Seconds()}
		}
		for range 4 {
			go ask("usual", usual)
		}
		time.Sleep(500 * time.Millisecond)
		for range 4 {
			go ask("hinted", hinted)
		}
		time.Sleep(time.Minute)
		for i := range 8 {
			want := gone{[]string{"hinted", "hinted", "usual", "hinted", "hinted", "usual", "usual", "usual"}[i], float64(i + 1)}
			if got := <-order; got != want {
				t.Errorf("request %d: got %v, want %v", i+1, got, want)
			}
		}
		go ask("hinted", hinted) // nobody else waits
		go ask("hinted", hinted)
		time.Sleep(time.Minute)
		if first, second := <-order, <-order; second.at-first.at != 1 {
			t.Errorf("alone they went at %v and %v", first, second)
		}
	})
}

// Whoever lets a hinted request go ahead hears its own context, and the hinted one its own.
func TestBudgetHintedHearsTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(.1)
		equal(t, times(t, b, 1), []float64{0})
		ctx, cancel := context.WithCancel(t.Context())
		ends := make(chan error, 2)
		go func() { ends <- b.wait(ctx, usual) }()
		synctest.Wait()
		go func() { ends <- b.wait(ctx, hinted) }()
		synctest.Wait()
		cancel()
		if one, other := <-ends, <-ends; !errors.Is(one, context.Canceled) || !errors.Is(other, context.Canceled) {
			t.Errorf("they end with %v and %v", one, other)
		}
		equal(t, times(t, b, 2), []float64{10, 20})
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"": 0, "30": 30 * time.Second, "0": 0, "-5": 0, "1.5": 0, "soon": 0, "999999": maxPause, "99999999999999999999": 0,
		"Mon, 06 May 2024 07:09:09 GMT":  time.Minute,
		"Mon, 06 May 2024 07:00:00 GMT":  0,
		"Tue, 07 May 2024 07:00:00 GMT":  maxPause,
		"Monday, 06-May-24 07:09:09 GMT": time.Minute,
	} {
		if got := retryAfter(http.Header{"Retry-After": {v}}, now); got != want {
			t.Errorf("%q: got %s, want %s", v, got, want)
		}
	}
}

// What the upstream asks of one request holds for all.
func TestRetryAfterPausesTheClient(t *testing.T) {
	first := true
	inBubble(t, func(w http.ResponseWriter, _ *http.Request) {
		if first {
			first = false
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		w.Write([]byte(detailBody()))
	}, func(t *testing.T, c *Client) {
		_, _, err := collect(t, c, "t1", none)
		var e *Error
		if !errors.As(err, &e) || e.Kind() != KindRateLimited || e.RetryAfter() != 2*time.Minute {
			t.Fatalf("got %v, want rate_limited for two minutes", err)
		}
		start := time.Now()
		if _, _, err := collect(t, c, "t2", none); kindOf(err) != KindWrongTask {
			t.Fatal(err)
		}
		if got := time.Since(start); got != 2*time.Minute {
			t.Errorf("the next request went after %s, want two minutes", got)
		}
	})
}

// A 429 without a Retry-After halves the speed, once a second; a minute without one
// gives an eighth of it back.
func TestBudgetSlows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(2)
		at := func(after time.Duration, speed float64, slowed int) {
			t.Helper()
			time.Sleep(after)
			if got, n := b.slowness(); got != speed || n != slowed || b.rate() != 2*speed {
				t.Errorf("got %v after %d, and %v a second, want %v after %d", got, n, b.rate(), speed, slowed)
			}
		}
		at(0, 1, 0)
		b.slow()
		b.slow() // of the same moment
		at(0, 0.5, 1)
		equal(t, times(t, b, 3), []float64{0, 1, 2})
		b.slow()
		at(0, 0.25, 2)
		at(59*time.Second, 0.25, 2)
		at(time.Second, 0.375, 2)
		at(time.Second, 0.375, 2)
		b.slow()
		at(0, 0.1875, 3)
		for range 10 {
			time.Sleep(time.Second)
			b.slow()
		}
		at(0, 1./16, 13)
		b.setShare(0.5)
		equal(t, times(t, b, 2), []float64{0, 16})
		b.setShare(1)
		at(4*time.Minute, 1./16+4./8, 13)
		at(time.Hour, 1, 0)
		equal(t, times(t, b, 2), []float64{0, 0.5})
	})
}

func TestRateLimitSlowsTheClient(t *testing.T) {
	limited := true
	inBubble(t, func(w http.ResponseWriter, _ *http.Request) {
		if limited {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		io.WriteString(w, `{"data":[],"code":200}`)
	}, func(t *testing.T, c *Client) {
		for range 3 {
			if _, err := c.List(t.Context(), time.Time{}); kindOf(err) != KindRateLimited {
				t.Fatalf("got %v", err)
			}
			time.Sleep(time.Second)
		}
		limited = false
		got, err := c.List(t.Context(), time.Time{})
		if err != nil || got.Speed != 0.125 || got.Slowed != 3 || c.budget.rate() != 0.125 {
			t.Errorf("got speed %v after %d and %v, want 0.125 after 3", got.Speed, got.Slowed, err)
		}
		time.Sleep(10 * time.Minute)
		if got, err = c.List(t.Context(), time.Time{}); err != nil || got.Speed != 1 || got.Slowed != 0 {
			t.Errorf("later: got speed %v after %d and %v, want 1", got.Speed, got.Slowed, err)
		}
	})
}
