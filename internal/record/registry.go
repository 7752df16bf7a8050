package record

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"golang.org/x/net/http/httpguts"

	"airudder-exporter/internal/certs"
	"airudder-exporter/internal/setting"
	"airudder-exporter/schemas"
)

// Registry says how the schema registry is reached.
type Registry struct {
	URL          string
	Username     string // empty: none; may also stand in URL
	Password     string
	PasswordNow  func() string // for each request, where it can change; nil: Password
	AutoRegister bool          // false: schemas are looked up, and must be there

	TLS     certs.Files                               // where URL is https
	Token   func(ctx context.Context) (string, error) // a bearer token in place of user and password; nil: none
	Headers func() string                             // of each request: name=value, separated by commas; a secret; nil: none

	// SettingName is what the operator calls a setting. Where an error names one
	// it passes the field's name; nil: that name.
	SettingName func(field string) string
}

// setting is how errors name a setting.
func (r Registry) setting(field string) string {
	return setting.Name(r.SettingName, field)
}

// Check says what is wrong with the settings by themselves.
func (r Registry) Check() []*setting.Error {
	user, password := r.setting("Username"), r.setting("Password")
	var rules setting.Check
	rules.URL(r.setting("URL"), r.URL, "http://registry:8081", ", and the account as "+user+" and "+password)
	rules.Together(user, r.Username, password, r.Password)
	rules.Problems = append(rules.Problems, r.files().Check()...)
	for _, f := range []struct{ field, path string }{
		{"TLS.CAFile", r.TLS.CAFile}, {"TLS.CertFile", r.TLS.CertFile}, {"TLS.KeyFile", r.TLS.KeyFile},
	} {
		if f.path != "" && !strings.HasPrefix(r.URL, "https:") {
			rules.Problems = append(rules.Problems, &setting.Error{Setting: r.setting(f.field), Value: f.path, Needs: r.setting("URL"),
				Text: "has no effect without TLS: give https:// in " + r.setting("URL") + ", or leave it out"})
		}
	}
	if _, wrong := r.headers(); wrong != "" {
		rules.Problems = append(rules.Problems, &setting.Error{Setting: r.setting("Headers"), Text: wrong})
	}
	return rules.Problems
}

// files reads the certificates.
func (r Registry) files() certs.Reader {
	return certs.Reader{Files: r.TLS, Of: "the schema registry", Setting: func(field string) string { return r.setting("TLS." + field) }}
}

// CheckFiles says what is wrong with the files that the settings name, a line for each.
func (r Registry) CheckFiles() error {
	_, err := r.files().Config()
	return err
}

// headers are those of each request. The other result says what is wrong with them, and
// none of their values.
func (r Registry) headers() (all [][2]string, wrong string) {
	if r.Headers == nil {
		return nil, ""
	}
	for i, pair := range strings.Split(r.Headers(), ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		switch {
		case pair == "":
		case !ok || !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value):
			return nil, fmt.Sprintf("has a header (the one at %d) that is none: give name=value, separated by commas", i+1)
		case http.CanonicalHeaderKey(name) == "Authorization" && (r.Username != "" || r.Token != nil):
			return nil, "has the header Authorization, which the user or the token is sent in: leave one out"
		default:
			all = append(all, [2]string{name, value})
		}
	}
	return all, ""
}

// IDs are the ids that the registry gave the schemas of the topics.
type IDs struct {
	CallCompleted int
	TaskStatus    int
	DeadLetter    int
	CallPrivate   int // 0: there is no such topic
	CallRevised   int // 0: there is no such topic
}

// ErrIncompatible says that the registry refuses a schema for good: the schema is
// not compatible with those of its subject, or the registry finds it invalid. The
// error's text has the registry's reason.
var ErrIncompatible = errors.New("the schema registry refuses the schema")

// ErrNoAnswer says that the registry did not answer, or not as one does.
var ErrNoAnswer = errors.New("the schema registry does not answer")

// registryTimeout bounds one request to the registry.
const registryTimeout = 10 * time.Second

// subject is where one topic's schema is registered, by TopicNameStrategy.
type subject struct {
	name   string
	file   string // under schemas/
	schema sr.Schema
	id     *int
}

func subjects(topics Topics, ids *IDs) []subject {
	of := func(topic, file, schema string, id *int) subject {
		return subject{name: topic + "-value", file: file, schema: avroSchema(schema), id: id}
	}
	all := []subject{
		of(topics.CallCompleted, "call_completed.avsc", schemas.CallCompleted(), &ids.CallCompleted),
		of(topics.TaskStatus, "task_status_changed.avsc", schemas.TaskStatusChanged(), &ids.TaskStatus),
		of(topics.DeadLetter, "dead_letter.avsc", schemas.DeadLetter(), &ids.DeadLetter),
	}
	if topics.CallPrivate != "" {
		all = append(all, of(topics.CallPrivate, "call_private.avsc", schemas.CallPrivate(), &ids.CallPrivate))
	}
	if topics.CallRevised != "" {
		all = append(all, of(topics.CallRevised, "call_revised.avsc", schemas.CallRevised(), &ids.CallRevised))
	}
	return all
}

func avroSchema(text string) sr.Schema {
	var compact bytes.Buffer
	if json.Compact(&compact, []byte(text)) == nil { // tests hold the embedded schemas to JSON
		text = compact.String()
	}
	return sr.Schema{Schema: text, Type: sr.TypeAvro}
}

// Register registers the schemas under their topics' subjects, or only looks them
// up where AutoRegister is false, and returns their ids. ErrIncompatible means
// that trying again cannot help; any other error may pass: the registry is not
// there, refuses the credentials, or still lacks a schema. No error shows the
// password.
func Register(ctx context.Context, cfg Registry, topics Topics) (IDs, error) {
	client, err := newClient(cfg)
	if err != nil {
		return IDs{}, err
	}
	var ids IDs
	for _, s := range subjects(topics, &ids) {
		if cfg.AutoRegister {
			*s.id, err = client.RegisterSchema(ctx, s.name, s.schema, -1, -1)
		} else {
			var found sr.SubjectSchema
			found, err = client.LookupSchema(ctx, s.name, s.schema)
			*s.id = found.ID
		}
		if err != nil {
			return IDs{}, explain(err, cfg, s)
		}
		if *s.id <= 0 {
			return IDs{}, fmt.Errorf("%s (it answered without an id for the subject %s)", cfg.stranger(), s.name)
		}
	}
	return ids, nil
}

// newClient takes the credentials out of the URL, so that no error shows them.
func newClient(cfg Registry) (*sr.Client, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%s: is not a schema registry's URL: give one such as http://registry:8081",
			cfg.setting("URL"))
	}
	u.User = nil
	transport, err := cfg.transport()
	if err != nil {
		return nil, err
	}
	return sr.NewClient(
		sr.URLs(u.String()), sr.UserAgent("airudder-exporter"), sr.PreReq(cfg.sign),
		sr.HTTPClient(&http.Client{
			Timeout:   registryTimeout,
			Transport: transport,
			// A redirect may lead to a host that must not see the credentials.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
	)
}

// transport is the process's, but where the registry has certificates of its own.
func (r Registry) transport() (http.RoundTripper, error) {
	if r.TLS == (certs.Files{}) {
		return http.DefaultTransport, nil
	}
	own := http.DefaultTransport.(*http.Transport).Clone()
	own.IdleConnTimeout = registryTimeout // nobody closes it
	var err error
	own.TLSClientConfig, err = r.files().Config()
	return own, err
}

// sign puts into a request who we are.
func (r Registry) sign(req *http.Request) error {
	if r.Token != nil {
		token, err := r.Token(req.Context())
		if err != nil {
			return noToken{err}
		}
		req.Header.Set("Authorization", "Bearer "+token)
	} else if user, password := r.account(); user != "" {
		req.SetBasicAuth(user, password)
	}
	headers, _ := r.headers() // a file that has become wrong since the start gives none
	for _, h := range headers {
		req.Header.Set(h[0], h[1])
	}
	return nil
}

// noToken says why there is no token to show. It is a sentence already.
type noToken struct{ error }

// account is who we are to the registry; an empty user means no authentication.
func (r Registry) account() (user, password string) {
	u, err := url.Parse(r.URL)
	switch {
	case r.Username != "" && r.PasswordNow != nil:
		return r.Username, r.PasswordNow()
	case r.Username != "" || err != nil || u.User == nil:
		return r.Username, r.Password
	}
	password, _ = u.User.Password()
	return u.User.Username(), password
}

// hide takes the credentials out of a text: an answer may echo its request.
func (r Registry) hide(text string) string {
	user, now := r.account()
	var secrets []string
	for _, password := range []string{now, r.Password} { // it may have changed since the request
		if password != "" {
			secrets = append(secrets, base64.StdEncoding.EncodeToString([]byte(user+":"+password)), password)
		}
	}
	if r.Token != nil {
		ended, cancel := context.WithCancel(context.Background())
		cancel() // the token of now, and no wait for another
		token, _ := r.Token(ended)
		secrets = append(secrets, token)
	}
	headers, _ := r.headers()
	for _, h := range headers {
		secrets = append(secrets, h[1])
	}
	for _, secret := range secrets {
		if len(secret) >= shortSecret {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

// shortSecret is what would be found in every text.
const shortSecret = 3
