// Package token gets bearer tokens for Kafka and the schema registry, and has the next
// one before the last has ended: from an identity provider (OAuth's client credentials),
// from a file, from a command, or as AWS signs them for MSK.
//
// Neither a token nor a secret is in any error. What an endpoint or a command says is
// left out for that reason, but for the error code that OAuth defines.
package token

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"airudder-exporter/internal/setting"
)

// Config says where tokens come from. A Source is safe for concurrent use.
type Config struct {
	Source       string        // one of the sources
	URL          string        // of the identity provider's token endpoint; for oidc
	ClientID     string        // for oidc
	ClientSecret func() string // as it is now; for oidc; a secret
	Scope        string        // words with blanks between them; for oidc; may be empty
	File         string        // for file
	Command      string        // a program and its arguments, with blanks between them; for command
	Region       string        // for msk-iam; empty: as AWS's own configuration has it

	// SettingName is what the operator calls a setting; nil: the field's name.
	SettingName func(field string) string
}

// The sources.
const (
	OIDC    = "oidc"
	File    = "file"
	Command = "command"
	MSKIAM  = "msk-iam"
)

// Sources are all of them, in a sentence.
const Sources = OIDC + ", " + File + ", " + Command + " or " + MSKIAM

func (c Config) setting(field string) string { return setting.Name(c.SettingName, field) }

// Check says what is wrong with the settings by themselves. One that the source does not
// use is refused: whoever sets it believes that it counts.
func (c Config) Check() []*setting.Error {
	var rules setting.Check
	source := c.setting("Source")
	known := false
	for _, s := range []struct {
		field, value string
		of           string // the source that uses it
		required     bool
	}{
		{"URL", c.URL, OIDC, true}, {"ClientID", c.ClientID, OIDC, true}, {"ClientSecret", c.secret(), OIDC, true},
		{"Scope", c.Scope, OIDC, false}, {"File", c.File, File, true}, {"Command", strings.TrimSpace(c.Command), Command, true},
	} {
		known = known || s.of == c.Source
		shown := s.value
		if s.field == "ClientSecret" || s.field == "Command" || s.field == "URL" { // which may hold a secret
			shown = ""
		}
		switch {
		case s.of == c.Source && s.required && s.value == "":
			rules.Problems = append(rules.Problems, &setting.Error{Setting: c.setting(s.field), Text: "is required with " + source + "=" + s.of})
		case s.of != c.Source && s.value != "":
			rules.Problems = append(rules.Problems, &setting.Error{Setting: c.setting(s.field), Value: shown,
				Text: "has no effect without " + source + "=" + s.of})
		}
	}
	switch {
	case c.Source == "":
	case c.Source == OIDC && c.URL != "":
		rules.URL(c.setting("URL"), c.URL, "https://login.example/oauth2/token", ", and the account as "+c.setting("ClientID")+" and "+c.setting("ClientSecret"))
	case !known && c.Source != MSKIAM:
		rules.Bad(source, c.Source, "is not one of them: give "+Sources)
	}
	return rules.Problems
}

func (c Config) secret() string {
	if c.ClientSecret == nil {
		return ""
	}
	return c.ClientSecret()
}

// Token is a bearer token.
type Token struct {
	Text string
	Ends time.Time // zero: nobody says
}

// maxToken bounds a token, in bytes: brokers and registries take less.
const maxToken = 64 << 10

// parse takes what a file or a command gives for a token: the token alone, or JSON as
// token endpoints and identity tools write it. want says what is missing where it is none.
func parse(text []byte, now time.Time) (t Token, want string) {
	text = []byte(strings.TrimSpace(strings.TrimPrefix(string(text), "\ufeff")))
	switch {
	case len(text) == 0:
		return t, "is empty"
	case text[0] == '{':
		t, want = parseJSON(text, now)
	default:
		t.Text = string(text)
	}
	if want != "" {
		return Token{}, want
	}
	if strings.ContainsFunc(t.Text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return Token{}, "holds blanks, lines or other characters that no token has"
	}
	if t.Ends.IsZero() {
		t.Ends = endOf(t.Text)
	}
	return t, ""
}

func parseJSON(text []byte, now time.Time) (t Token, want string) {
	var answer struct {
		Token       string          `json:"token"`
		AccessToken string          `json:"access_token"`
		ExpiresIn   json.Number     `json:"expires_in"` // seconds
		Expiry      json.RawMessage `json:"expiry"`     // RFC 3339, or seconds since 1970
	}
	if json.Unmarshal(text, &answer) != nil { // whose error may quote the text
		return t, "holds JSON that cannot be read"
	}
	t.Text = answer.AccessToken
	if t.Text == "" {
		t.Text = answer.Token
	}
	if t.Text == "" {
		return t, "holds JSON without token or access_token"
	}
	if seconds, err := answer.ExpiresIn.Float64(); err == nil && seconds > 0 {
		t.Ends = now.Add(time.Duration(seconds * float64(time.Second)))
	}
	var at time.Time
	var unix float64
	switch {
	case len(answer.Expiry) == 0:
	case json.Unmarshal(answer.Expiry, &at) == nil:
		t.Ends = at
	case json.Unmarshal(answer.Expiry, &unix) == nil && unix > 0:
		t.Ends = time.Unix(int64(unix), 0)
	default:
		return Token{}, "holds JSON whose expiry is neither RFC 3339 nor seconds since 1970"
	}
	return t, ""
}

// endOf is when a JWT says that it ends. Nothing is verified: the broker does that.
func endOf(token string) time.Time {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	var claims struct {
		Exp float64 `json:"exp"`
	}
	if err != nil || json.Unmarshal(text, &claims) != nil || claims.Exp <= 0 {
		return time.Time{}
	}
	return time.Unix(int64(claims.Exp), 0)
}
