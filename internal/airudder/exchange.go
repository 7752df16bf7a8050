package airudder

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxHeader is how many bytes an answer's headers may have.
const maxHeader = 1 << 20

// userAgent is what the upstream sees us as.
const userAgent = "airudder-exporter"

// request is one request before it has a token.
type request struct {
	op       string // for errors
	endpoint string // for metrics: auth, list or detail
	method   string
	path     string
	query    string
	body     []byte
}

// authorized sends a request with a token, within the budget. A refused token
// is replaced once, and the request sent again, unless replay says no.
func (c *Client) authorized(ctx context.Context, q request, replay func() bool, read func(time.Time, io.Reader) error) error {
	err := c.once(ctx, q, false, read)
	if refusedToken(err) && replay() {
		err = c.once(ctx, q, true, read)
	}
	return err
}

func refusedToken(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.refused
}

// once sends a request with the token that is in hand when its turn comes:
// tokens may be short-lived, and the wait long.
func (c *Client) once(ctx context.Context, q request, urgent bool, read func(time.Time, io.Reader) error) error {
	for {
		if _, err := c.tokens.get(ctx); err != nil {
			return within(q.op, err)
		}
		if err := c.budget.wait(ctx, urgent); err != nil {
			return cancelled(q.op, ctx)
		}
		token := c.tokens.current()
		if token == "" { // refused while we waited
			continue
		}
		err := c.exchange(ctx, q, token, read)
		if refusedToken(err) {
			c.tokens.refused(token)
		}
		return err
	}
}

// exchange sends one request and hands the body of a good answer to read, with
// the time at which the request began.
func (c *Client) exchange(ctx context.Context, q request, token string, read func(time.Time, io.Reader) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.ResponseTimeout, errWhole)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	idle := time.AfterFunc(c.cfg.Timeout, func() { stop(errIdle) })
	defer idle.Stop()

	started := time.Now()
	err := c.roundTrip(ctx, q, token, idle, func(body io.Reader) error { return read(started, body) })
	err = c.explain(ctx, q, err)
	c.metrics.request(q.endpoint, kindOf(err), time.Since(started))
	return err
}

func (c *Client) roundTrip(ctx context.Context, q request, token string, idle *time.Timer, read func(io.Reader) error) error {
	r, err := c.newRequest(ctx, q, token)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(r)
	idle.Stop()
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw := &timedBody{r: resp.Body, idle: idle, timeout: c.cfg.Timeout, bytes: c.metrics.bytes}
	body, err := decoded(resp, raw)
	if resp.StatusCode != http.StatusOK {
		return c.refusal(q, resp, body)
	}
	if err != nil {
		return err
	}
	return c.paused(resp, read(body))
}

func (c *Client) newRequest(ctx context.Context, q request, token string) (*http.Request, error) {
	u := *c.base
	u.Path = strings.TrimSuffix(u.Path, "/") + q.path
	u.RawQuery = q.query
	r, err := http.NewRequestWithContext(ctx, q.method, u.String(), bytes.NewReader(q.body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json") // on GET too, as the API wants it
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Accept-Encoding", "gzip")
	r.Header.Set("User-Agent", userAgent)
	if token != "" {
		r.Header.Set("Authorization", c.cfg.AuthScheme+" "+token)
	}
	return r, nil
}

// timedBody reads a body, with the time-out running only while we wait for it:
// a slow receiver of rows is no slow upstream.
type timedBody struct {
	r       io.Reader
	idle    *time.Timer
	timeout time.Duration
	bytes   interface{ Add(float64) }
}

func (b *timedBody) Read(p []byte) (int, error) {
	b.idle.Reset(b.timeout)
	n, err := b.r.Read(p)
	b.idle.Stop()
	b.bytes.Add(float64(n))
	if err != nil && err != io.EOF {
		err = &bodyError{err}
	}
	return n, err
}

// decoded undoes the body's encoding. The transport's own way would leave us
// without a word on where a cut stream of gzip ended.
func decoded(resp *http.Response, body io.Reader) (io.Reader, error) {
	switch strings.ToLower(resp.Header.Get("Content-Encoding")) {
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
	return nil, &syntaxError{what: "an encoding that was not asked for"}
}

// maxRefusal is how much of a bad answer is looked at.
const maxRefusal = 64 << 10

// refusal is the error of an answer whose HTTP status is not 200. A code in its
// body that says more than the status does counts instead.
func (c *Client) refusal(q request, resp *http.Response, body io.Reader) error {
	var head []byte
	if body != nil {
		head, _ = io.ReadAll(io.LimitReader(body, maxRefusal)) // a cut one will do
	}
	status := resp.StatusCode
	code, envelope := envelopeCode(head)
	if status < 400 || status >= 500 || !tells(code) || tells(status) {
		code = 0
	}
	e := codeError(q, status, code)
	e.refused = q.endpoint != authEndpoint && (status == http.StatusUnauthorized || code == http.StatusUnauthorized)
	e.weigh(q, status, isHTML(resp, head), envelope)
	return c.paused(resp, e)
}

// weigh asks whose word a refusal is. A proxy, or another server, has a say on the
// path, and none on the task or the key.
func (e *Error) weigh(q request, status int, html, envelope bool) {
	said := "HTTP " + strconv.Itoa(status)
	switch onPath := e.kind == KindNotFound || e.kind == KindClient || e.kind == KindAuth && q.endpoint == authEndpoint; {
	case html && onPath:
		e.kind, e.err = KindHTML, nil
		e.text = said + ": an HTML page instead of JSON; is the base URL right?"
	case html:
		e.text += " (an HTML page: a proxy's?)"
	case e.kind == KindNotFound && !envelope:
		e.kind, e.err = KindClient, nil
		e.text = said + ": not in the upstream's own words; is the base URL right?"
	}
}

// tells reports whether a code means something particular to us.
func tells(code int) bool {
	return code == http.StatusUnauthorized || code == http.StatusNotFound || code == http.StatusTooManyRequests
}

// paused obeys a Retry-After beside a 429 or 503, HTTP's or the envelope's.
func (c *Client) paused(resp *http.Response, err error) error {
	var e *Error
	if !errors.As(err, &e) || e.kind != KindRateLimited && e.kind != KindServer {
		return err
	}
	if d := retryAfter(resp.Header, time.Now()); d > 0 {
		e.retryAfter = d
		e.text += "; retry after " + max(time.Second, d.Round(time.Second)).String()
		c.budget.pause(d)
	}
	return err
}

func isHTML(resp *http.Response, head []byte) bool {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	head = bytes.TrimLeft(head, " \t\r\n")
	return kind == "text/html" || len(head) > 0 && head[0] == '<'
}

// envelopeCode finds the code in a whole body, 0 if there is none, and tells
// whether the body is an envelope at all.
func envelopeCode(body []byte) (code int, envelope bool) {
	var e map[string]json.RawMessage
	if json.Unmarshal(body, &e) != nil || memberOf(e, "data") == nil && memberOf(e, "code") == nil {
		return 0, false
	}
	code, _ = parseCode(memberOf(e, "code"))
	return code, true
}

// memberOf is the member of that name or, without one, of that name in another case.
func memberOf(object map[string]json.RawMessage, name string) json.RawMessage {
	if v, own := object[name]; own {
		return v
	}
	for key, v := range object {
		if strings.EqualFold(key, name) {
			return v
		}
	}
	return nil
}

// parseCode reads the envelope's code, which may be a number in a string.
func parseCode(raw []byte) (int, bool) {
	text := string(raw)
	if s, ok := textOf(raw); ok {
		text = string(s)
	}
	f, err := strconv.ParseFloat(text, 64) // 200.0 is a number, too
	code := int32(f)
	return int(code), err == nil && float64(code) == f
}

// good is the envelope's code of a good answer.
const good = 200

// checkCode is the error of a code in the envelope that is there and not good.
func checkCode(q request, raw []byte) error {
	if isNull(raw) {
		return nil
	}
	code, ok := parseCode(raw)
	switch {
	case !ok:
		return &Error{op: q.op, kind: KindGarbage, text: "the envelope's code is no number"}
	case code == good:
		return nil
	}
	e := codeError(q, good, code)
	if e.kind == KindClient {
		e.kind = KindEnvelope
	}
	e.refused = code == http.StatusUnauthorized && q.endpoint != authEndpoint
	return e
}

// readEnvelope reads a small answer whole, at most limit bytes, and returns its
// data; nil for null.
func readEnvelope(q request, body io.Reader, limit int64) (json.RawMessage, error) {
	raw, err := io.ReadAll(io.LimitReader(body, limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(raw)) > limit:
		return nil, &Error{op: q.op, kind: KindGarbage, text: "the answer is larger than " + strconv.FormatInt(limit, 10) + " bytes"}
	}
	var envelope map[string]json.RawMessage
	if err := json.Unmarshal(raw, &envelope); err != nil {
		return nil, notJSON(raw, err)
	}
	if err := checkCode(q, memberOf(envelope, "code")); err != nil {
		return nil, err
	}
	data := memberOf(envelope, "data")
	if isNull(data) {
		return nil, nil
	}
	return data, nil
}

// notJSON says why a whole body is not the JSON that it should be.
func notJSON(raw []byte, err error) error {
	head := bytes.TrimLeft(raw, " \t\r\n")
	var syntax *json.SyntaxError
	switch {
	case len(head) == 0:
		return io.ErrUnexpectedEOF
	case head[0] == '<':
		return &syntaxError{html: true}
	case errors.As(err, &syntax) && syntax.Offset >= int64(len(raw)):
		return io.ErrUnexpectedEOF
	case errors.As(err, &syntax):
		return &syntaxError{what: "not JSON", at: syntax.Offset}
	}
	return &syntaxError{what: "not an object"}
}
