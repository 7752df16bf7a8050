package record

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

// explain says what a registry's error means and what to do about it.
func explain(err error, cfg Registry, s subject) error {
	var answer *sr.ResponseError
	if !errors.As(err, &answer) {
		return cfg.plain(err)
	}
	reason := cfg.oneLine(answer.Error())
	switch status := answer.StatusCode; {
	case answer.ErrorCode == sr.ErrOperationNotPermitted.Code:
		return fmt.Errorf("subject %s: the schema registry is read-only. Set its mode to READWRITE, "+
			"or register the schema yourself and set %s to false (it answered: %s)", s.name, cfg.setting("AutoRegister"), reason)
	case status == http.StatusConflict, status == http.StatusUnprocessableEntity:
		return fmt.Errorf("subject %s: %w: %s", s.name, ErrIncompatible, reason)
	case status == http.StatusForbidden && !isPage(answer):
		return fmt.Errorf("subject %s: the schema registry does not allow these credentials to do this (403): "+
			"give them the rights on this subject", s.name)
	case !cfg.AutoRegister && isNotThere(err):
		return fmt.Errorf("subject %s: %w", s.name, missing(cfg, s))
	default:
		return cfg.plain(err)
	}
}

// isNotThere tells a registry's "no such schema" from a proxy's "no such page".
func isNotThere(err error) bool {
	var answer *sr.ResponseError
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound && sr.IsNotFoundError(answer.ErrorCode)
}

// missing says how a schema comes into a registry where the exporter does not
// register it.
func missing(cfg Registry, s subject) error {
	at := "<registry>"
	if u, err := url.Parse(cfg.URL); err == nil {
		u.User = nil
		at = strings.TrimRight(u.String(), "/")
	}
	return fmt.Errorf("the schema is not registered, and %s is false. Set it to true, or register the schema: "+
		"jq -Rs '{schema: .}' schemas/%s | "+
		"curl -X POST -H 'Content-Type: application/vnd.schemaregistry.v1+json' --data-binary @- %s/subjects/%s/versions",
		cfg.setting("AutoRegister"), s.file, at, url.PathEscape(s.name))
}

// plain says in one line what is wrong with an answer of the registry, or why there is
// none, what to do about it, and then what was said.
func (r Registry) plain(err error) error {
	if none, ok := errors.AsType[noToken](err); ok {
		return silence{none}
	}
	var answer *sr.ResponseError
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	text := err.Error()
	if sent, ok := errors.AsType[*url.Error](err); ok { // the client's own words repeat it
		text = sent.Error()
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Source != nil { // our own port, which differs at each try
		text = strings.ReplaceAll(text, op.Source.String()+"->", "")
	}
	text = r.oneLine(text)
	switch {
	case errors.As(err, &answer):
		return r.answered(answer)
	case errors.As(err, &syntax), errors.As(err, &kind):
		return fmt.Errorf("%s (%s)", r.stranger(), text)
	}
	return silence{fmt.Errorf("%s (%s)", r.unanswered(err), text)}
}

// silence is ErrNoAnswer, in words.
type silence struct{ error }

func (silence) Is(target error) bool { return target == ErrNoAnswer }

// unknown is what is said where the registry does not know a schema's id.
func (r Registry) unknown(err error) error {
	return fmt.Errorf("the schema registry does not have it: is %s that of whoever wrote the record? (it answered: %s)", r.place(), r.oneLine(err.Error()))
}

// place is where the registry is looked for, with the setting that says so.
func (r Registry) place() string {
	u, err := url.Parse(r.URL)
	if err != nil {
		return r.setting("URL")
	}
	u.User = nil
	return r.setting("URL") + " " + u.String()
}

// stranger says that something else answers than a schema registry.
func (r Registry) stranger() string {
	return "what answers at " + r.place() + " is no schema registry, or not under this path: are host, port and path right?"
}

// answered is what an answer means that is none for the subject.
func (r Registry) answered(answer *sr.ResponseError) error {
	status := answer.StatusCode
	said := fmt.Sprintf("it answered %d: %s", status, r.oneLine(answer.Error()))
	page := isPage(answer)
	switch {
	case strings.Contains(said, "HTTP request to an HTTPS server"):
		return fmt.Errorf("the schema registry speaks TLS: give https:// in %s (%s)", r.place(), said)
	case status == http.StatusUnauthorized && r.Token != nil:
		return fmt.Errorf("the schema registry does not accept the token (401): has it the issuer and the audience that the registry wants? "+
			"(it is looked for at %s)", r.place())
	case status == http.StatusUnauthorized && r.Username == "" && r.Password == "" && !strings.Contains(r.URL, "@"):
		return fmt.Errorf("the schema registry wants credentials (401): set %s and %s (it is looked for at %s)",
			r.setting("Username"), r.setting("Password"), r.place())
	case status == http.StatusUnauthorized:
		return fmt.Errorf("the schema registry does not accept the credentials (401): check %s and %s (it is looked for at %s)",
			r.setting("Username"), r.setting("Password"), r.place())
	case status >= http.StatusInternalServerError && page:
		return fmt.Errorf("a proxy before the schema registry does not reach it: see whether it is up, and whether %s is right (%s)", r.place(), said)
	case status >= http.StatusInternalServerError:
		return fmt.Errorf("the schema registry is out of order: look at its log (%s)", said)
	case status < http.StatusBadRequest:
		return fmt.Errorf("the schema registry redirects, which is not followed: set %s to where it leads (%s)", r.place(), said)
	case page || answer.ErrorCode == 0:
		return fmt.Errorf("%s (%s)", r.stranger(), said)
	}
	return fmt.Errorf("the schema registry does not accept the request: is %s right? (%s)", r.place(), said)
}

// isPage reports whether an answer is HTML, as a proxy or another server gives it.
func isPage(answer *sr.ResponseError) bool {
	return answer.ErrorCode == 0 && strings.HasPrefix(strings.TrimSpace(string(answer.Raw)), "<")
}

// unanswered is why there is no answer.
func (r Registry) unanswered(err error) string {
	at, text := r.place(), err.Error()
	var timeout net.Error
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Sprintf("the host %q of %s is not known here: is it spelled right?", dns.Name, at)
	}
	if unknown, ok := errors.AsType[x509.UnknownAuthorityError](err); ok && unknown.Cert != nil {
		return fmt.Sprintf("the schema registry's certificate (issued by %q) is signed by a CA that is not known here: "+
			"put that CA's certificate into %s (now %s)", unknown.Cert.Issuer.String(), r.setting("TLS.CAFile"), cmp.Or(r.TLS.CAFile, "empty: the system's CAs"))
	}
	if name, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Sprintf("the schema registry's certificate is not for the name %q: use a name of the certificate in %s", name.Host, at)
	}
	if sentence := r.alert(text); sentence != "" {
		return sentence
	}
	record, plain := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case plain && record.Conn != nil, strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return "the schema registry does not speak TLS: give http:// in " + at
	case strings.Contains(text, "malformed HTTP"):
		return "what answers at " + at + " does not speak HTTP: is the port right, or is https:// needed?"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens at " + at + ": is the schema registry up, and are host and port right?"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "nobody answers in time at " + at + ": are host and port right, and is no firewall in between?"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		or := "https:// needed"
		if strings.HasPrefix(r.URL, "https:") { // where TLS 1.3 refuses a client after the handshake, its alert may come too late
			or = "a client certificate wanted"
			if r.TLS.CertFile == "" {
				or += " (" + r.setting("TLS.CertFile") + " and " + r.setting("TLS.KeyFile") + ")"
			}
		}
		return "the connection to " + at + " was closed without an answer: is the schema registry starting, and is the port right, or " + or + "?"
	}
	return "the schema registry cannot be reached: is " + at + " right?"
}

// alert knows how a registry refuses a client certificate.
func (r Registry) alert(text string) string {
	_, said, ok := strings.Cut(text, "remote error: tls: ")
	switch {
	case !ok || !strings.Contains(said, "certificate") && !strings.Contains(said, "unknown authority"):
		return ""
	case r.TLS.CertFile == "":
		return "the schema registry wants a client certificate: set " + r.setting("TLS.CertFile") + " and " + r.setting("TLS.KeyFile")
	}
	return fmt.Sprintf("the schema registry refuses the client certificate in %s %q%s",
		r.setting("TLS.CertFile"), r.TLS.CertFile, r.files().Lapsed(time.Now()))
}

// oneLine shortens an answer, which may be a page of HTML, and hides credentials
// in it.
func (r Registry) oneLine(s string) string {
	const most = 600
	s = strings.Join(strings.Fields(r.hide(s)), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + " …"
	}
	return s
}
