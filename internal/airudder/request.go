package airudder

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"airudder-exporter/internal/airudder/template"
	"airudder-exporter/internal/call"
)

// userAgent is what the upstream sees us as.
const userAgent = "airudder-exporter"

// request is one request before it has a token.
type request struct {
	op               string // for errors
	endpoint         string // for metrics: auth, list or detail
	taskID           string // of a detail
	template.Request        // its path from the base URL on
	scheme           string // before the token; empty: Config.AuthScheme
	raw              bool   // its answer is wanted whatever its status

	replayed bool // sent again, since its first token was refused
}

// again reports whether a request that ended so is to be sent once more: its
// token was refused, which a fresh one may cure.
func (q *request) again(err error) bool {
	if q.replayed || !refusedToken(err) {
		return false
	}
	q.replayed = true
	return true
}

// priority says what the request goes before.
func (q *request) priority(ctx context.Context) priority {
	switch {
	case q.replayed:
		return urgent
	case call.IsHinted(ctx):
		return hinted
	}
	return usual
}

func refusedToken(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.refused
}

// send sends a request with a token, within the budget, and returns its answer,
// which the caller reads and finishes. The token is the one in hand when the
// request's turn comes: tokens may be short-lived, and the wait long.
func (c *Client) send(ctx context.Context, q request) (*response, error) {
	for {
		if _, err := c.tokens.get(ctx); err != nil {
			return nil, within(q.op, err)
		}
		if err := c.budget.wait(ctx, q.priority(ctx)); err != nil {
			return nil, cancelled(ctx, q.op)
		}
		if token, _ := c.tokens.current(); token != "" { // else it was refused while we waited
			return c.exchange(ctx, q, token)
		}
	}
}

// exchange sends a request and returns its answer, if that has a good status. An
// error is the whole story: the request is finished and counted.
func (c *Client) exchange(ctx context.Context, q request, token string) (*response, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.ResponseTimeout, errWhole)
	ctx, stop := context.WithCancelCause(ctx)
	r := &response{client: c, request: q, token: token, started: time.Now()}
	r.idle = time.AfterFunc(c.cfg.Timeout, func() { stop(errIdle) })
	r.cause = func() error { return context.Cause(ctx) }
	r.release = func() { r.idle.Stop(); stop(nil); cancel() }
	if err := r.open(ctx); err != nil {
		return nil, r.finish(err)
	}
	return r, nil
}

func (c *Client) newRequest(ctx context.Context, q request, token string) (*http.Request, error) {
	u := *c.base
	u.RawPath = strings.TrimSuffix(u.EscapedPath(), "/") + q.Path
	u.Path, _ = url.PathUnescape(u.RawPath) // of the base URL and a checked template
	u.RawQuery = q.Query
	r, err := http.NewRequestWithContext(ctx, q.Method, u.String(), bytes.NewReader(q.Body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json") // on GET too, as the API wants it
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Accept-Encoding", "gzip")
	r.Header.Set("User-Agent", userAgent)
	if token != "" {
		r.Header.Set("Authorization", cmp.Or(q.scheme, c.cfg.AuthScheme)+" "+token)
	}
	return r, nil
}
