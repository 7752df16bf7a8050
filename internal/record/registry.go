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
	return rules.Problems
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
	opts := []sr.ClientOpt{
		sr.URLs(u.String()), sr.UserAgent("airudder-exporter"),
		sr.HTTPClient(&http.Client{
			Timeout: registryTimeout,
			// A redirect may lead to a host that must not see the credentials.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
	}
	opts = append(opts, sr.PreReq(func(req *http.Request) error {
		if user, password := cfg.account(); user != "" {
			req.SetBasicAuth(user, password)
		}
		return nil
	}))
	return sr.NewClient(opts...)
}

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
	for _, password := range []string{now, r.Password} { // it may have changed since the request
		if password != "" {
			basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
			text = strings.NewReplacer(basic, "***", password, "***").Replace(text)
		}
	}
	return text
}
