package token

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// provider asks an identity provider for tokens by client credentials (RFC 6749, 4.4).
type provider struct {
	Config
	asked *clientcredentials.Config // which remembers how the client's secret is sent
}

func newProvider(c Config) *provider {
	return &provider{c, &clientcredentials.Config{ClientID: c.ClientID, TokenURL: c.URL, Scopes: strings.Fields(c.Scope)}}
}

// client follows no redirect, which may lead to a host that must not see the secret. A
// token is asked for once in many minutes: no connection is worth keeping.
var client = &http.Client{
	Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (p *provider) fetch(ctx context.Context) (Token, error) {
	p.asked.ClientSecret = p.secret() // of now; one attempt at a time
	got, err := p.asked.Token(context.WithValue(ctx, oauth2.HTTPClient, client))
	if err != nil {
		return Token{}, errors.New(p.explain(err))
	}
	t := Token{got.AccessToken, got.Expiry}
	if own := endOf(t.Text); !own.IsZero() && (t.Ends.IsZero() || own.Before(t.Ends)) { // what the broker goes by
		t.Ends = own
	}
	return t, nil
}

// explain is the sentence for what went wrong, without what the provider answered: its
// words may repeat the secret.
func (p *provider) explain(err error) string {
	at := fmt.Sprintf("the identity provider at %s %s ", p.setting("URL"), p.URL)
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return at + p.refusal(refused)
	}
	if sent, ok := errors.AsType[*url.Error](err); ok {
		return at + p.silence(sent.Err)
	}
	return at + "answers without a token: is this its token endpoint?"
}

// errorCode is how RFC 6749 writes one.
var errorCode = regexp.MustCompile(`^[a-z_]{1,40}$`)

func (p *provider) refusal(r *oauth2.RetrieveError) string {
	status, said := r.Response.StatusCode, fmt.Sprint(r.Response.StatusCode)
	if errorCode.MatchString(r.ErrorCode) {
		said += ", " + r.ErrorCode
	}
	client := fmt.Sprintf("%s %q with %s", p.setting("ClientID"), p.ClientID, p.setting("ClientSecret"))
	switch {
	case r.ErrorCode == "invalid_scope":
		return fmt.Sprintf("knows no scope %q (%s): check %s", p.Scope, said, p.setting("Scope"))
	case r.ErrorCode == "unauthorized_client", r.ErrorCode == "unsupported_grant_type":
		return fmt.Sprintf("does not let %s %q use client credentials (%s): allow that grant there", p.setting("ClientID"), p.ClientID, said)
	case r.ErrorCode == "invalid_client", status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fmt.Sprintf("refuses %s (%s): the client or its secret differs there", client, said)
	case status >= 500:
		return fmt.Sprintf("is out of order (%s)", said)
	case status >= 300 && status < 400:
		return fmt.Sprintf("redirects (%s), which is not followed: set %s to where it leads", said, p.setting("URL"))
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return fmt.Sprintf("has no token endpoint there (%s): is the path right?", said)
	}
	return fmt.Sprintf("refuses to give a token to %s (%s)", client, said)
}

// silence is why there is no answer.
func (p *provider) silence(err error) string {
	var timeout net.Error
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, name := errors.AsType[x509.HostnameError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, dns := errors.AsType[*net.DNSError](err)
	switch {
	case unknown:
		return "has a certificate of a CA that is not known here: add that CA's to the system's, or to a file that SSL_CERT_FILE names"
	case name:
		return "has a certificate that is not for its name"
	case record, strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "does not speak TLS: give http:// there"
	case dns:
		return "cannot be reached: its name is not known here"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "cannot be reached: nothing listens there"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("does not answer within %s: is the address right, and is no firewall in between?", patience)
	}
	return "cannot be reached: is the address right?"
}
