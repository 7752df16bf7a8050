package airudder

import (
	"context"
	"errors"
	"slices"
	"time"
)

// The kinds of errors there are: short codes for metrics and the status page.
const (
	KindAuth        = "auth"         // the app key, secret or token is refused
	KindRateLimited = "rate_limited" // 429
	KindServer      = "server"       // 5xx
	KindClient      = "client"       // 3xx and other 4xx
	KindNotFound    = "not_found"    // the upstream knows no such task
	KindEnvelope    = "envelope"     // a good HTTP status, a bad code in the body
	KindEmpty       = "empty"        // a good answer without its data
	KindHTML        = "html"         // a page instead of JSON
	KindGarbage     = "garbage"      // some other thing instead of JSON
	KindCut         = "cut"          // the body ends too early
	KindTimeout     = "timeout"
	KindNetwork     = "network"    // no answer at all
	KindWrongTask   = "wrong_task" // an answer about another task
	KindTaskIDs     = "task_ids"   // the file of task ids cannot be read
	KindCancelled   = "cancelled"  // by our own side
)

// Kinds are all of them.
func (c *Client) Kinds() []string { return slices.Clone(allKinds) }

// stopped is no kind: the receiver of rows ended the reading.
const stopped = "stopped"

var allKinds = []string{
	KindAuth, KindRateLimited, KindServer, KindClient, KindNotFound, KindEnvelope, KindEmpty, KindHTML, KindGarbage,
	KindCut, KindTimeout, KindNetwork, KindWrongTask, KindTaskIDs, KindCancelled,
}

// Error is what went wrong with one operation on the upstream. Its text quotes
// nothing of a body and no credential.
type Error struct {
	op         string // empty until the request is finished
	part       string // of the operation, which failed: auth; empty: all of it
	kind       string
	text       string
	retryAfter time.Duration
	refused    bool  // the token, which a fresh one may cure
	err        error // may be nil
}

// after returns the error with how long there is to wait.
func (e *Error) after(d time.Duration) *Error {
	later := *e
	later.retryAfter = d
	return &later
}

// Error names the operation and what happened.
func (e *Error) Error() string { return e.op + ": " + e.text }

// Cause is the error without what was to be read: the same for all that it befalls.
func (e *Error) Cause() string {
	if e.part != "" {
		return e.part + ": " + e.text
	}
	return e.text
}

// Kind is one of the Kind constants.
func (e *Error) Kind() string { return e.kind }

// RetryAfter is how long the upstream asked to be left alone; 0: it did not.
func (e *Error) RetryAfter() time.Duration { return e.retryAfter }

// Unwrap returns call.ErrNoTask, or a context's or a file's error; else nil.
func (e *Error) Unwrap() error { return e.err }

// within returns the error as one of a larger operation.
func within(op string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	wider := *e
	wider.op, wider.part = op, e.op
	if e.op != "" {
		wider.op += ": " + e.op
	}
	return &wider
}

func kindOf(err error) string {
	var e *Error
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &e):
		return e.kind
	}
	return stopped
}

// cancelled is the error of an operation that its caller gave up.
func cancelled(ctx context.Context, op string) error {
	err := context.Cause(ctx)
	return &Error{op: op, kind: KindCancelled, text: err.Error(), err: err}
}
