package airudder

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"airudder-exporter/internal/jsonrows"
)

// This file reads the envelope {"data", "status", "code"} that answers come in.
// Those of auth and the list, whose shapes are not documented, are read whole, and
// the case of their names does not matter.

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

// memberAt is the value at a path of names, separated by dots; nil: there is none.
func memberAt(object map[string]json.RawMessage, path string) json.RawMessage {
	name, rest, deeper := strings.Cut(path, ".")
	value := memberOf(object, name)
	if !deeper {
		return value
	}
	var inner map[string]json.RawMessage
	if json.Unmarshal(value, &inner) != nil {
		return nil
	}
	return memberAt(inner, rest)
}

// parseCode reads the envelope's code, which may be a number in a string.
func parseCode(raw []byte) (int, bool) {
	text := string(raw)
	if s, ok := jsonrows.Text(raw); ok {
		text = string(s)
	}
	f, err := strconv.ParseFloat(text, 64) // 200.0 is a number, too
	code := int32(f)
	return int(code), err == nil && float64(code) == f
}

// checkCode is the error of a code in the envelope that is there and not good.
func checkCode(endpoint string, raw []byte) error {
	if jsonrows.IsNull(raw) {
		return nil
	}
	code, ok := parseCode(raw)
	switch {
	case !ok:
		return &Error{kind: KindGarbage, text: "the envelope's code is no whole number" + shownCode(raw)}
	case code == http.StatusOK:
		return nil
	}
	e := codeError(endpoint, http.StatusOK, code, true)
	if e.kind == KindClient {
		e.kind = KindEnvelope
	}
	e.refused = code == http.StatusUnauthorized && endpoint != authEndpoint
	return e
}

// maxShownCode is how long a code that is a word may be to be shown: a bad server may
// echo a token or a key here.
const maxShownCode = 8

// shownCode is a code that is no number, as far as it can be shown.
func shownCode(raw []byte) string {
	text, ok := jsonrows.Text(raw)
	if ok && len(text) <= maxShownCode && IsPlain(string(text)) {
		return ", but " + string(text)
	}
	return ""
}

// readEnvelope reads a small answer whole, at most limit bytes, and returns its
// members.
func readEnvelope(endpoint string, body io.Reader, limit int64) (map[string]json.RawMessage, error) {
	raw, err := io.ReadAll(io.LimitReader(body, limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(raw)) > limit:
		return nil, &Error{kind: KindGarbage, text: fmt.Sprintf("the answer is larger than %d bytes", limit)}
	}
	var envelope map[string]json.RawMessage
	if err := json.Unmarshal(raw, &envelope); err != nil {
		return nil, notJSON(raw, err)
	}
	if err := checkCode(endpoint, memberOf(envelope, "code")); err != nil {
		return nil, err
	}
	return envelope, nil
}

// dataOf is what the envelope holds; nil for null.
func dataOf(envelope map[string]json.RawMessage) json.RawMessage {
	data := memberOf(envelope, "data")
	if jsonrows.IsNull(data) {
		return nil
	}
	return data
}

// notJSON says why a whole body is not the JSON that it should be.
func notJSON(raw []byte, err error) error {
	head := bytes.TrimLeft(raw, " \t\r\n")
	var syntax *json.SyntaxError
	switch {
	case len(head) == 0:
		return io.ErrUnexpectedEOF
	case head[0] == '<':
		return htmlPage()
	case errors.As(err, &syntax) && syntax.Offset >= int64(len(raw)):
		return io.ErrUnexpectedEOF
	case errors.As(err, &syntax):
		return &jsonrows.SyntaxError{What: "not JSON", Offset: syntax.Offset}
	}
	return &Error{kind: KindGarbage, text: "the answer is no object"}
}

func htmlPage() error {
	return &Error{kind: KindHTML, text: "an HTML page instead of JSON: a proxy's?"}
}
