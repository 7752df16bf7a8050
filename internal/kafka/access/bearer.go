package access

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"

	"airudder-exporter/internal/setting"
)

// OAuthBearer logs in with a token (RFC 7628).
const OAuthBearer = "OAUTHBEARER"

// TokenError says why there is no token to log in with. It is a sentence already.
type TokenError struct{ Err error }

func (e *TokenError) Error() string { return e.Err.Error() }
func (e *TokenError) Unwrap() error { return e.Err }

// bearer is the client's side of OAUTHBEARER.
type bearer struct {
	token      func(ctx context.Context) (string, error)
	refused    func() // may be nil
	extensions []string
}

func (b bearer) Name() string { return OAuthBearer }

// Start sends the token and the extensions, each after a byte of 1 (RFC 7628, 3.1).
func (b bearer) Start(ctx context.Context) (sasl.StateMachine, []byte, error) {
	token, err := b.token(ctx)
	if err != nil {
		return nil, nil, &TokenError{err}
	}
	text := "n,,\x01auth=Bearer " + token + "\x01"
	for _, extension := range b.extensions {
		text += extension + "\x01"
	}
	return &bearerState{refused: b.refused}, []byte(text + "\x01"), nil
}

type bearerState struct{ refused func() }

// Next takes the broker's answer. An empty one lets us in; any other is JSON that says why
// not, which the client has to acknowledge before the broker ends the login with its code
// (RFC 7628, 3.2.3).
func (s *bearerState) Next(_ context.Context, challenge []byte) (done bool, response []byte, err error) {
	if len(challenge) == 0 {
		return true, nil, nil
	}
	if s.refused != nil {
		s.refused()
	}
	return false, []byte{1}, nil
}

// status is what a broker says of a token that it refuses; empty: nothing.
var status = regexp.MustCompile(`"status" *: *"([A-Za-z_]{1,40})"`)

// explainToken knows what goes wrong with tokens.
func (c Config) explainToken(err error) string {
	if c.SASL.Mechanism != OAuthBearer || code(err) != kafkago.SASLAuthenticationFailed {
		return ""
	}
	said := ""
	if found := status.FindStringSubmatch(err.Error()); found != nil {
		said = " (" + found[1] + ")"
	}
	return fmt.Sprintf("the broker refuses %s%s: it has ended, or has another issuer, audience or user than the broker wants, or other extensions",
		c.credentials(), said)
}

// extension is one of RFC 7628 as Kafka takes it.
var extension = regexp.MustCompile(`^[A-Za-z]+=[\x21-\x7e \t]+$`)

// checkBearer holds the settings of OAUTHBEARER together. What the source of the tokens
// needs is known there.
func (c Config) checkBearer() (problems []*setting.Error) {
	s, mechanism := c.SASL, c.Setting("SASL.Mechanism")
	unused := func(field, value, text string) {
		if value != "" {
			problems = append(problems, &setting.Error{Setting: c.Setting(field), Value: value, Text: text})
		}
	}
	if s.Mechanism != OAuthBearer {
		text := "has no effect without " + mechanism + "=" + OAuthBearer
		unused("SASL.Token.Source", s.TokenSource, text)
		unused("SASL.Extensions", strings.Join(s.Extensions, ","), text)
		return problems
	}
	text := "has no effect with " + mechanism + "=" + OAuthBearer
	unused("SASL.Username", s.Username, text)
	if s.Password != "" {
		problems = append(problems, &setting.Error{Setting: c.Setting("SASL.Password"), Text: text})
	}
	if s.TokenSource == "" {
		problems = append(problems, &setting.Error{Setting: c.Setting("SASL.Token.Source"), Text: "is required with " + mechanism + "=" + OAuthBearer})
	}
	for _, e := range s.Extensions {
		if !extension.MatchString(e) || strings.HasPrefix(e, "auth=") {
			problems = append(problems, &setting.Error{Setting: c.Setting("SASL.Extensions"), Value: e,
				Text: "is no extension: give name=value such as logicalCluster=lkc-1, the name in letters"})
		}
	}
	return problems
}
