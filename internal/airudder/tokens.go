package airudder

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"golang.org/x/sync/singleflight"
)

const (
	tokenLife  = 24 * time.Hour  // as AIRudder documents it
	tokenAge   = 23 * time.Hour  // then a new one is asked for
	renewAgain = 5 * time.Minute // after a renewal ahead of time that went wrong

	// How long a refused key is not shown again: an account that is knocked at too
	// often may be locked.
	refusedFirst, refusedLast = time.Second, 4 * time.Minute // give or take a quarter
)

// tokens keeps the one token that all requests use. A token is good until it is
// tokenAge old or an answer refused it.
type tokens struct {
	log  *slog.Logger
	auth func(context.Context) (string, error)

	// replaced says that auth would show another key than it did last: it is called, as
	// auth is, in the renewal alone.
	replaced func() bool

	renewal singleflight.Group // these are its own:
	refusal *Error             // of the key; nil: it is good, for all we know
	retry   *backoff.ExponentialBackOff

	mu    sync.Mutex
	value string    // empty: none
	ends  time.Time // the upstream's, once it was given
	renew time.Time // when to renew ahead of time
	again time.Time // a refused key is not shown before; zero: it is good, for all we know
}

func newTokens(auth func(context.Context) (string, error), replaced func() bool, log *slog.Logger) *tokens {
	return &tokens{auth: auth, replaced: replaced, log: log, retry: backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(refusedFirst),
		backoff.WithMaxInterval(refusedLast),
		backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(0.25),
		backoff.WithMaxElapsedTime(0),
	)}
}

// current returns the token in hand, empty if there is none, and whether it is
// due to be renewed.
func (t *tokens) current() (value string, due bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.value, t.value == "" || !time.Now().Before(t.renew)
}

func (t *tokens) keep(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	t.value, t.renew, t.ends, t.again = token, now.Add(tokenAge), now.Add(tokenLife), time.Time{}
}

// refuse notes that the key was refused, and returns how long it is not shown again.
func (t *tokens) refuse(e *Error) time.Duration {
	wait := t.retry.NextBackOff()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refusal, t.again = e, time.Now().Add(wait)
	return wait
}

// refusedUntil is until when nothing can be asked, since the key was refused.
func (t *tokens) refusedUntil() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.value != "" {
		return time.Time{}
	}
	return t.again
}

// expiry is when the token ends, in seconds as Prometheus has them; 0: there is none.
func (t *tokens) expiry() float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.value == "" {
		return 0
	}
	return float64(t.ends.Unix())
}

func (t *tokens) postpone() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.renew = time.Now().Add(renewAgain)
}

// refused drops a token that an answer refused, unless it has been replaced.
func (t *tokens) refused(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.value == token {
		t.value = ""
	}
}

// get returns a token, asking for one if there is none or it has grown old.
// Callers at the same time share one request, and its failure; those that come
// soon after the key was refused share that.
func (t *tokens) get(ctx context.Context) (string, error) {
	for {
		if value, due := t.current(); !due {
			return value, nil
		}
		shared := t.renewal.DoChan("", func() (any, error) { return t.fresh(ctx) })
		select {
		case r := <-shared:
			if kindOf(r.Err) == KindCancelled && ctx.Err() == nil {
				continue // another caller asked, and gave up
			}
			return r.Val.(string), r.Err
		case <-ctx.Done():
			return "", cancelled(ctx, "auth")
		}
	}
}

// fresh asks for a token, unless the last renewal brought one. It runs in the
// renewal alone.
func (t *tokens) fresh(ctx context.Context) (string, error) {
	value, due := t.current()
	rest := time.Until(t.refusedUntil())
	switch {
	case !due:
		return value, nil
	case t.refusal != nil && rest > 0 && !t.replaced():
		return "", t.refusal.after(rest)
	}
	fresh, err := t.auth(ctx)
	var e *Error
	switch {
	case err == nil:
		t.keep(fresh)
		t.refusal = nil
		t.retry.Reset()
		return fresh, nil
	case value != "":
		t.log.WarnContext(ctx, "the token could not be renewed ahead of its end; the old one is used until it is refused",
			"error", err)
		t.postpone()
		return value, nil
	case errors.As(err, &e) && (e.kind == KindAuth || e.kind == KindClient):
		return "", e.after(t.refuse(e))
	}
	return "", err
}
