package airudder

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"airudder-exporter/internal/call"
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

// Error is what went wrong with one operation on the upstream. Its text quotes
// nothing of a body and no credential.
type Error struct {
	op         string
	kind       string
	text       string
	retryAfter time.Duration
	refused    bool  // the token, which a fresh one may cure
	err        error // may be nil
}

// Error names the operation and what happened.
func (e *Error) Error() string { return e.op + ": " + e.text }

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
	wider.op = op + ": " + e.op
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
	return "stopped" // by yield
}

// codeError says what a code means, HTTP's status or the envelope's; code 0: the
// envelope had none.
func codeError(q request, status, code int) *Error {
	e := &Error{op: q.op}
	said := "HTTP " + strconv.Itoa(status)
	if code == 0 {
		code = status
	} else {
		said += " with code " + strconv.Itoa(code)
	}
	e.kind, e.text = meaning(q.endpoint, code)
	if e.kind == KindNotFound {
		e.err = call.ErrNoTask
	}
	e.text = said + ": " + e.text
	return e
}

func meaning(endpoint string, code int) (kind, text string) {
	switch {
	case endpoint == authEndpoint && (code == http.StatusUnauthorized || code == http.StatusForbidden):
		return KindAuth, "the upstream refuses the app key and secret"
	case endpoint == authEndpoint && code == http.StatusBadRequest:
		return KindAuth, "the upstream does not accept the app key and secret, or the request; is the base URL right?"
	case code == http.StatusUnauthorized:
		return KindAuth, "the upstream refuses the token, a fresh one too"
	case code == http.StatusForbidden:
		return KindAuth, "the upstream refuses access"
	case code == http.StatusNotFound && endpoint == detailEndpoint:
		return KindNotFound, "the upstream knows no such task"
	case code == http.StatusNotFound:
		return KindClient, "no such endpoint; is the base URL right?"
	case code == http.StatusRequestTimeout:
		return KindTimeout, "the upstream timed out"
	case code == http.StatusTooManyRequests:
		return KindRateLimited, "too many requests"
	case code == http.StatusBadGateway, code == http.StatusGatewayTimeout:
		return KindServer, "the upstream's gateway failed"
	case code == http.StatusServiceUnavailable:
		return KindServer, "the upstream is unavailable"
	case code >= 500 && code < 600:
		return KindServer, "the upstream failed"
	case code >= 300 && code < 400:
		return KindClient, "the upstream redirects, which is not followed; is the base URL right?"
	}
	return KindClient, "the upstream does not accept the request"
}

// Causes with which an exchange's context ends.
var (
	errIdle  = errors.New("no byte came for the time-out")
	errWhole = errors.New("the whole answer took too long")
)

// bodyError is an error of the connection while the body was read.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return "read body: " + e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

// stopError is yield's own error on its way through a reading.
type stopError struct{ err error }

func (e *stopError) Error() string { return e.err.Error() }

// explain turns what ended an exchange into an Error, or into yield's own.
func (c *Client) explain(ctx context.Context, q request, err error) error {
	var (
		known *Error
		stop  *stopError
		bad   *syntaxError
		body  *bodyError
	)
	e := &Error{op: q.op}
	switch cause := context.Cause(ctx); {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known
	case errors.As(err, &stop):
		return stop.err
	case cause == errIdle:
		e.kind, e.text = KindTimeout, fmt.Sprintf("no byte for %s", c.cfg.Timeout)
	case cause == errWhole:
		e.kind, e.text = KindTimeout, fmt.Sprintf("no complete answer in %s", c.cfg.ResponseTimeout)
	case cause != nil:
		return cancelled(q.op, ctx)
	case errors.As(err, &bad):
		e.kind, e.text = KindGarbage, bad.Error()
		if bad.html {
			e.kind = KindHTML
		}
	case errors.Is(err, io.ErrUnexpectedEOF):
		e.kind, e.text = KindCut, "the body ends before its end"
	case isGzip(err):
		e.kind, e.text = KindGarbage, "the body is no sound gzip"
	case errors.As(err, &body):
		e.kind, e.text = KindCut, "the connection broke inside the body"+network(err)
	case isHeader(err):
		e.kind, e.text = KindGarbage, "the headers have more than "+strconv.Itoa(maxHeader)+" bytes"
	default:
		e.kind, e.text = KindNetwork, "no answer"+network(err)
	}
	return e
}

// isHeader reports whether an answer's headers were too large. net/http has no
// type for it; the words are those of its HTTP/1 and HTTP/2.
func isHeader(err error) bool {
	text := err.Error()
	return strings.Contains(text, "response headers exceeded") || strings.Contains(text, "response header list larger")
}

// cancelled is the error of an operation that its caller gave up.
func cancelled(op string, ctx context.Context) error {
	err := context.Cause(ctx)
	return &Error{op: op, kind: KindCancelled, text: err.Error(), err: err}
}

func isGzip(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt)
}

// network quotes an error of the network if it is of a type whose text holds
// addresses and names alone; others of net/http quote what the peer sent.
func network(err error) string {
	var (
		op     *net.OpError
		dns    *net.DNSError
		cert   *tls.CertificateVerificationError
		record tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &record), strings.HasSuffix(err.Error(), "server gave HTTP response to HTTPS client"): // which net/http makes of it
		return ": the server does not speak TLS; is it http:// in the base URL?"
	case strings.HasSuffix(err.Error(), "TLS handshake timeout"): // net/http has no type for it
		return ": the TLS handshake was not answered"
	case errors.As(err, &dns):
		return ": " + dns.Error()
	case errors.As(err, &op):
		remote := *op
		remote.Source = nil // our own port: another one at each try
		return ": " + remote.Error()
	case errors.As(err, &cert):
		return ": " + cert.Error()
	case errors.Is(err, io.EOF):
		return ": the connection was closed"
	}
	return ""
}
