package airudder

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxHeader is how many bytes an answer's headers may have.
const maxHeader = 1 << 20

// response is an answer with a good status, whose body is to be read. The caller
// finishes it, whatever it read.
type response struct {
	started time.Time // when the request began
	body    io.Reader

	client  *Client
	request request
	token   string
	http    *http.Response // nil: none came
	idle    *time.Timer    // runs while we wait for the upstream
	cause   func() error   // why the exchange was cancelled; nil: it was not
	release func()
}

func (r *response) open(ctx context.Context) error {
	request, err := r.client.newRequest(ctx, r.request, r.token)
	if err != nil {
		return err
	}
	r.client.flight.waits(r)
	r.http, err = r.client.http.Do(request)
	r.idle.Stop()
	r.client.flight.came(r, err == nil)
	if err != nil {
		return err
	}
	raw := &timedBody{r: r.http.Body, response: r}
	body, err := decoded(r.http.Header.Get("Content-Encoding"), raw)
	if err == nil {
		r.body = newUnmarked(body)
	}
	if r.http.StatusCode != http.StatusOK && !r.request.raw {
		return refusal(r.request.endpoint, r.http, r.body)
	}
	return err
}

// finish closes the answer and counts the request, which err ended: nil, yield's
// own error, or what becomes an Error. It obeys a Retry-After, and drops a token
// that was refused.
func (r *response) finish(err error) error {
	err = r.obey(r.explain(err))
	if r.http != nil {
		r.http.Body.Close()
	}
	r.release()
	if refusedToken(err) {
		r.client.tokens.refused(r.token)
	}
	r.client.metrics.request(r.request.endpoint, kindOf(err), time.Since(r.started))
	return err
}

// obey lets no request go for the time of a Retry-After beside a 429 or 503, HTTP's or
// the envelope's. A 429 without one slows all that follow.
func (r *response) obey(err error) error {
	var e *Error
	if r.http == nil || !errors.As(err, &e) || e.kind != KindRateLimited && e.kind != KindServer {
		return err
	}
	if d := retryAfter(r.http.Header, time.Now()); d > 0 {
		e.retryAfter = d
		e.text += "; retry after " + max(time.Second, d.Round(time.Second)).String()
		r.client.budget.pause(d)
	} else if e.kind == KindRateLimited {
		r.client.budget.slow()
	}
	return err
}

// timedBody reads a body, with the time-out running only while we wait for it:
// a slow receiver of rows is no slow upstream.
type timedBody struct {
	r        io.Reader
	response *response
}

func (b *timedBody) Read(p []byte) (int, error) {
	c := b.response.client
	b.response.idle.Reset(c.cfg.Timeout)
	c.flight.waits(b.response)
	n, err := b.r.Read(p)
	c.flight.came(b.response, n > 0 || err == io.EOF)
	b.response.idle.Stop()
	c.metrics.bytes.Add(float64(n))
	if err != nil && err != io.EOF {
		err = &bodyError{err}
	}
	return n, err
}

// unmarked is a body without the byte order mark that some servers put first. Its
// buffer is for the mark alone.
type unmarked struct {
	*bufio.Reader
	begun bool
}

func newUnmarked(body io.Reader) *unmarked { return &unmarked{Reader: bufio.NewReaderSize(body, 16)} }

func (b *unmarked) Read(p []byte) (int, error) {
	if !b.begun {
		b.begun = true
		if head, _ := b.Peek(3); string(head) == "\uFEFF" {
			_, _ = b.Discard(3)
		}
	}
	return b.Reader.Read(p)
}

// decoded undoes a body's encoding. The transport's own way would not tell us
// where a cut stream of gzip ended.
func decoded(encoding string, body io.Reader) (io.Reader, error) {
	switch strings.ToLower(encoding) {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(body)
		switch {
		case err == io.EOF:
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		}
		return z, nil
	}
	return nil, &Error{kind: KindGarbage, text: "the body has an encoding that was not asked for"}
}
