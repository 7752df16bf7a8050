package airudder

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"airudder-exporter/internal/airudder/template"
	"airudder-exporter/internal/jsonrows"
)

const (
	authEndpoint = "auth"
	authPath     = "/service/cloud/auth"
)

// credentials are shown for a token.
type credentials struct{ APPKey, APPSecret string }

func (c *Client) credentials() credentials {
	if c.cfg.Credentials == nil {
		return credentials{c.cfg.AppKey, c.cfg.AppSecret}
	}
	key, secret := c.cfg.Credentials()
	return credentials{key, secret}
}

// replaced reports whether the credentials are others than those shown last.
func (c *Client) replaced() bool { return c.credentials() != c.shown }

// authenticate asks the upstream for a token.
func (c *Client) authenticate(ctx context.Context) (string, error) {
	c.shown = c.credentials()
	body, err := json.Marshal(c.shown)
	if err != nil {
		return "", err
	}
	q := request{op: "auth", endpoint: authEndpoint, Request: template.Request{Method: http.MethodPost, Path: authPath, Body: body}}
	if err := c.budget.wait(ctx, urgent); err != nil {
		return "", cancelled(ctx, q.op)
	}
	resp, err := c.exchange(ctx, q, "")
	if err != nil {
		return "", err
	}
	token, err := readToken(resp.body)
	return token, resp.finish(err)
}

func readToken(body io.Reader) (string, error) {
	envelope, err := readEnvelope(authEndpoint, body, jsonrows.MaxValue)
	if err != nil {
		return "", err
	}
	var answer map[string]json.RawMessage
	var token string
	_ = json.Unmarshal(dataOf(envelope), &answer) // what is no object has no token
	_ = json.Unmarshal(memberOf(answer, "token"), &token)
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", &Error{kind: KindGarbage, text: "the answer holds no token"}
	}
	return token, nil
}
