package record

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"airudder-exporter/schemas"
)

// Registry says how the schema registry is reached.
type Registry struct {
	URL          string
	Username     string // empty: none; may also stand in URL
	Password     string
	AutoRegister bool // false: schemas are looked up, and must be there
}

// IDs are the ids that the registry gave the schemas of the three topics.
type IDs struct {
	CallCompleted int
	TaskStatus    int
	DeadLetter    int
}

// ErrIncompatible says that the registry refuses a schema for good: it does not
// fit those that are registered under its subject, or is not valid to it. The
// error's text has the registry's reason.
var ErrIncompatible = errors.New("the schema registry refuses the schema")

// registryTimeout bounds one request to the registry.
const registryTimeout = 10 * time.Second

// subject is what one topic's values are registered as, by TopicNameStrategy.
type subject struct {
	name   string
	file   string // under schemas/
	schema sr.Schema
	id     *int
}

func subjects(topics Topics, ids *IDs) []subject {
	return []subject{
		{topics.CallCompleted + "-value", "call_completed.avsc", avroSchema(schemas.CallCompleted()), &ids.CallCompleted},
		{topics.TaskStatus + "-value", "task_status_changed.avsc", avroSchema(schemas.TaskStatusChanged()), &ids.TaskStatus},
		{topics.DeadLetter + "-value", "dead_letter.avsc", avroSchema(schemas.DeadLetter()), &ids.DeadLetter},
	}
}

func avroSchema(text string) sr.Schema {
	var compact bytes.Buffer
	if json.Compact(&compact, []byte(text)) == nil { // an embedded schema is JSON; tests see to it
		text = compact.String()
	}
	return sr.Schema{Schema: text, Type: sr.TypeAvro}
}

// Register registers the schemas under their topics' subjects, or looks them up
// where the configuration says so, and returns their ids. ErrIncompatible means
// that trying again is in vain; any other error may pass: the registry is not
// there, refuses the credentials, or still lacks a schema. No error tells the
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
			return IDs{}, fmt.Errorf("subject %s: the registry answered without an id", s.name)
		}
	}
	return ids, nil
}

// newClient reads the URL apart, so that credentials in it reach no error.
func newClient(cfg Registry) (*sr.Client, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the schema registry's URL must look like http://registry:8081 or https://…")
	}
	u.User = nil
	opts := []sr.ClientOpt{
		sr.URLs(u.String()), sr.UserAgent("airudder-exporter"),
		sr.HTTPClient(&http.Client{
			Timeout: registryTimeout,
			// Where an answer would send us, nobody may be who should have the credentials.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
	}
	if user, password := cfg.account(); user != "" {
		opts = append(opts, sr.BasicAuth(user, password))
	}
	return sr.NewClient(opts...)
}

// account is who the registry is asked as; an empty user is nobody.
func (r Registry) account() (user, password string) {
	u, err := url.Parse(r.URL)
	if r.Username != "" || err != nil || u.User == nil {
		return r.Username, r.Password
	}
	password, _ = u.User.Password()
	return u.User.Username(), password
}

// hide takes the credentials out of a text, which may be an answer that echoes
// its request.
func (r Registry) hide(text string) string {
	user, password := r.account()
	if password == "" {
		return text
	}
	basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	return strings.NewReplacer(basic, "***", password, "***").Replace(text)
}

// explain says what a registry's error means and what to do about it.
func explain(err error, cfg Registry, s subject) error {
	var answer *sr.ResponseError
	if !errors.As(err, &answer) {
		return fmt.Errorf("subject %s: %w", s.name, cfg.plain(err))
	}
	reason := cfg.oneLine(answer.Error())
	switch status := answer.StatusCode; {
	case answer.ErrorCode == sr.ErrOperationNotPermitted.Code:
		return fmt.Errorf("subject %s: the schema registry is read-only: %s. Set its mode to READWRITE, or register the schema and set SCHEMA_REGISTRY_AUTO_REGISTER=false", s.name, reason)
	case status == http.StatusConflict, status == http.StatusUnprocessableEntity:
		return fmt.Errorf("subject %s: %w: %s", s.name, ErrIncompatible, reason)
	case status == http.StatusUnauthorized:
		return fmt.Errorf("subject %s: the schema registry does not accept the credentials (401): set SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD", s.name)
	case status == http.StatusForbidden:
		return fmt.Errorf("subject %s: the schema registry does not allow it to these credentials (403)", s.name)
	case status == http.StatusNotFound && !cfg.AutoRegister && notThere(answer):
		return fmt.Errorf("subject %s: %w", s.name, missing(cfg, s))
	default:
		return fmt.Errorf("subject %s: %w", s.name, cfg.plain(err))
	}
}

// notThere tells a registry's "no such schema" from a proxy's "no such page".
func notThere(answer *sr.ResponseError) bool { return sr.IsNotFoundError(answer.ErrorCode) }

// missing is the cure where schemas are registered by others than the exporter.
func missing(cfg Registry, s subject) error {
	at := "<registry>"
	if u, err := url.Parse(cfg.URL); err == nil {
		u.User = nil
		at = strings.TrimRight(u.String(), "/")
	}
	return fmt.Errorf("the schema is not registered, and SCHEMA_REGISTRY_AUTO_REGISTER is false. "+
		"Set it to true, or: jq -Rs '{schema: .}' schemas/%s | curl -X POST -H 'Content-Type: application/vnd.schemaregistry.v1+json' --data-binary @- %s/subjects/%s/versions",
		s.file, at, url.PathEscape(s.name))
}

// plain says a registry's answer with its status, or why there is none, in one
// line.
func (r Registry) plain(err error) error {
	var answer *sr.ResponseError
	if errors.As(err, &answer) {
		return fmt.Errorf("the schema registry answered %d: %s", answer.StatusCode, r.oneLine(answer.Error()))
	}
	text := err.Error()
	var op *net.OpError
	if errors.As(err, &op) && op.Source != nil { // our own port: another one at each try
		text = strings.ReplaceAll(text, op.Source.String()+"->", "")
	}
	return errors.New("the schema registry cannot be reached or read: " + r.oneLine(text))
}

// oneLine keeps what a person needs of an answer, which may be a page of HTML.
func (r Registry) oneLine(s string) string {
	const most = 600
	s = strings.Join(strings.Fields(r.hide(s)), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + " …"
	}
	return s
}
