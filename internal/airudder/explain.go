package airudder

import (
	"compress/flate"
	"compress/gzip"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"airudder-exporter/internal/jsonrows"
)

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

// explain makes the request's Error of what ended it; nil and yield's own error
// stay what they are.
func (r *response) explain(err error) error {
	var (
		stop *stopError
		e    *Error
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &stop):
		return stop.err
	case !errors.As(err, &e):
		e = r.broke(err)
	}
	e.op = r.request.op
	return e
}

// broke says what an error means that came from the network, the body or our own
// time-outs.
func (r *response) broke(err error) *Error {
	var (
		bad  *jsonrows.SyntaxError
		body *bodyError
	)
	switch cause := r.cause(); {
	case cause == errIdle:
		return &Error{kind: KindTimeout, text: fmt.Sprintf("no byte for %s", r.client.cfg.Timeout)}
	case cause == errWhole:
		return &Error{kind: KindTimeout, text: fmt.Sprintf("no complete answer in %s", r.client.cfg.ResponseTimeout)}
	case cause != nil:
		return &Error{kind: KindCancelled, text: cause.Error(), err: cause}
	case errors.As(err, &bad):
		return &Error{kind: KindGarbage, text: bad.Error()}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{kind: KindCut, text: "the answer is cut off or empty"}
	case isGzip(err):
		return &Error{kind: KindGarbage, text: "the body is no sound gzip"}
	case errors.As(err, &body):
		return &Error{kind: KindCut, text: "the connection broke inside the body" + r.network(err)}
	case isHeader(err):
		return &Error{kind: KindGarbage, text: fmt.Sprintf("the headers have more than %d bytes", maxHeader)}
	}
	return &Error{kind: KindNetwork, text: "no answer" + r.network(err)}
}

// isHeader reports whether an answer's headers were too large. net/http has no
// type for it; the words are those of its HTTP/1 and HTTP/2.
func isHeader(err error) bool {
	text := err.Error()
	return strings.Contains(text, "response headers exceeded") || strings.Contains(text, "response header list larger")
}

func isGzip(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt)
}

// network says what an error of the network means, and quotes it if it is of a type whose
// text holds addresses and names alone; others of net/http quote what the peer sent. Where
// the upstream has answered before, its URL is right.
func (r *response) network(err error) string {
	var (
		op     *net.OpError
		dns    *net.DNSError
		cert   *tls.CertificateVerificationError
		record tls.RecordHeaderError
	)
	asks := "; is the base URL right?"
	if r.client.flight.ever() {
		asks = ""
	}
	switch {
	case errors.As(err, &record),
		strings.HasSuffix(err.Error(), "server gave HTTP response to HTTPS client"): // what net/http makes of it
		return ": the server does not speak TLS; is it http:// in the base URL?"
	case strings.HasSuffix(err.Error(), "TLS handshake timeout"): // net/http has no type for it
		return ": the TLS handshake was not answered"
	case errors.As(err, &dns):
		return fmt.Sprintf(": the name %q is not known here, or DNS does not answer%s (%s)", dns.Name, asks, dns)
	case errors.As(err, &op):
		remote := *op
		remote.Source = nil // our own port: another one at each try
		if errors.Is(err, syscall.ECONNREFUSED) {
			return fmt.Sprintf(": nothing listens there%s (%s)", asks, &remote)
		}
		return ": " + remote.Error()
	case errors.As(err, &cert):
		return ": the server's certificate is not trusted: " + cert.Err.Error()
	case errors.Is(err, io.EOF):
		return ": the connection was closed"
	}
	return ""
}
