package airudder

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
)

const (
	authEndpoint = "auth"
	authPath     = "/service/cloud/auth"

	tokenAge   = 23 * time.Hour  // then a new one is asked for; the upstream's lasts 24 h
	renewAgain = 5 * time.Minute // after a renewal ahead of time that went wrong

	// How long a refused key is not shown again: an account may be locked that is
	// knocked at too often.
	refusedFirst, refusedLast = time.Second, 4 * time.Minute // give or take a quarter
)

// tokens keeps the one token that all requests use. A token is good until it is
// tokenAge old or an answer refused it.
type tokens struct {
	log  *slog.Logger
	auth func(context.Context) (string, error)

	renewing chan struct{} // holds one token of its own: whose it is asks for a new one

	mu     sync.Mutex
	value  string    // empty: none
	renew  time.Time // when to renew ahead of time
	asked  int       // times that auth was called to its end
	failed error     // of the last of them
	retry  *backoff.ExponentialBackOff
	again  time.Time // not before: the key was refused; zero: at once
}

func newTokens(auth func(context.Context) (string, error), log *slog.Logger) *tokens {
	return &tokens{auth: auth, log: log, renewing: make(chan struct{}, 1), retry: backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(refusedFirst),
		backoff.WithMaxInterval(refusedLast),
		backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(0.25),
		backoff.WithMaxElapsedTime(0),
	)}
}

// current returns the token in hand, empty if there is none.
func (t *tokens) current() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.value
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
	value, due, asked := t.look()
	if value != "" && !due {
		return value, nil
	}
	if err := acquire(ctx, t.renewing); err != nil {
		return "", cancelled("auth", ctx)
	}
	defer release(t.renewing)

	value, due, now := t.look()
	switch {
	case value != "" && !due:
		return value, nil
	case value == "":
		if err := t.failure(now > asked); err != nil {
			return "", err
		}
	}
	fresh, err := t.auth(ctx)
	if err != nil && value != "" { // the old one is good for a while yet
		t.log.WarnContext(ctx, "token not renewed ahead of its end", "error", err)
		t.postpone()
		return value, nil
	}
	return fresh, t.keep(fresh, err)
}

func (t *tokens) look() (value string, due bool, asked int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.value, !time.Now().Before(t.renew), t.asked
}

// failure is how asking for a token ended for those who waited for it (shared),
// and what a refused key still is to all others; nil: ask.
func (t *tokens) failure(shared bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	rest := time.Until(t.again)
	switch {
	case rest > 0:
		return refusedFor(t.failed, rest)
	case shared:
		return t.failed
	}
	return nil
}

// refusedFor tells the callers of a refused key when to come again.
func refusedFor(err error, rest time.Duration) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	later := *e
	later.retryAfter = rest
	return &later
}

func (t *tokens) postpone() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.renew = time.Now().Add(renewAgain)
}

func (t *tokens) keep(fresh string, err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil:
		t.value, t.renew, t.again = fresh, time.Now().Add(tokenAge), time.Time{}
		t.retry.Reset()
	case kindOf(err) == KindAuth, kindOf(err) == KindClient:
		t.again = time.Now().Add(t.retry.NextBackOff())
	}
	if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		t.asked++ // a caller that gave up says nothing to the others
		t.failed = err
	}
	return err
}

// authenticate asks the upstream for a token.
func (c *Client) authenticate(ctx context.Context) (string, error) {
	body, err := json.Marshal(struct {
		APPKey    string
		APPSecret string
	}{c.cfg.AppKey, c.cfg.AppSecret})
	if err != nil {
		return "", err
	}
	q := request{op: "auth", endpoint: authEndpoint, method: http.MethodPost, path: authPath, body: body}
	if err := c.budget.wait(ctx, true); err != nil {
		return "", cancelled(q.op, ctx)
	}
	var token string
	err = c.exchange(ctx, q, "", func(_ time.Time, body io.Reader) (err error) {
		token, err = readToken(q, body)
		return err
	})
	return token, err
}

func readToken(q request, body io.Reader) (string, error) {
	data, err := readEnvelope(q, body, maxValue)
	if err != nil {
		return "", err
	}
	var answer map[string]json.RawMessage
	var token string
	_ = json.Unmarshal(data, &answer) // what is no object has no token
	_ = json.Unmarshal(memberOf(answer, "token"), &token)
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", &Error{op: q.op, kind: KindGarbage, text: "the answer holds no token"}
	}
	return token, nil
}
