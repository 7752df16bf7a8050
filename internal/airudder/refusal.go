package airudder

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"strconv"

	"airudder-exporter/internal/call"
)

// maxRefusal is how much of a bad answer is looked at.
const maxRefusal = 64 << 10

// refusal is the error of an answer whose HTTP status is not 200. A code in its
// body that says more than the status does counts instead. body may be nil.
func refusal(endpoint string, resp *http.Response, body io.Reader) *Error {
	var head []byte
	if body != nil {
		head, _ = io.ReadAll(io.LimitReader(body, maxRefusal)) // a cut one will do
	}
	status := resp.StatusCode
	code, envelope := envelopeCode(head)
	if status < 400 || status >= 500 || !tells(code) || tells(status) {
		code = 0
	}
	e := codeError(endpoint, status, code, code != 0)
	e.refused = endpoint != authEndpoint && (status == http.StatusUnauthorized || code == http.StatusUnauthorized)
	e.weigh(endpoint, status, isHTML(resp, head), envelope)
	return e
}

// tells reports whether a code means something particular to us.
func tells(code int) bool {
	return code == http.StatusUnauthorized || code == http.StatusNotFound || code == http.StatusTooManyRequests
}

// weigh asks whose word a refusal is. A proxy, or another server, has a say on the
// path, and none on the task or the key.
func (e *Error) weigh(endpoint string, status int, html, envelope bool) {
	said := "HTTP " + strconv.Itoa(status)
	onPath := e.kind == KindNotFound || e.kind == KindClient || e.kind == KindAuth && endpoint == authEndpoint
	switch {
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

func isHTML(resp *http.Response, head []byte) bool {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	head = bytes.TrimLeft(head, " \t\r\n")
	return kind == "text/html" || len(head) > 0 && head[0] == '<'
}

// codeError says what a code means: the envelope's, where there is one that counts,
// else HTTP's status.
func codeError(endpoint string, status, code int, counts bool) *Error {
	e := &Error{}
	said := "HTTP " + strconv.Itoa(status)
	if counts {
		said += " with code " + strconv.Itoa(code)
	} else {
		code = status
	}
	e.kind, e.text = meaning(endpoint, code)
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
