package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/rig"
)

// withLogin is the usual set on a broker in process that wants a token.
func withLogin(t *testing.T, login *rig.Login, token func() (string, error)) *shop {
	t.Helper()
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.ListenFn(login.Listen))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	s := shopOn(&cluster{rig.DialKafka(t, false, fake.ListenAddrs()...), fake, ""}, 1, 2)
	s.config.SASL = access.SASL{
		Mechanism: access.OAuthBearer, TokenSource: "file", Token: func(context.Context) (string, error) { return token() },
	}
	return s
}

// A producer commits while the sessions of its connections end again and again: none is
// cut, and no transaction fails.
func TestSessionsAreRenewed(t *testing.T) {
	checkLeaks(t)
	login := &rig.Login{Accept: func(string, string) (time.Duration, string) { return 4 * time.Second, "" }}
	s := withLogin(t, login, func() (string, error) { return "token", nil })
	p, _ := s.start(t, s.dial(t), 0, "first")
	commits := 0
	rig.Eventually(t, "connections that log in again", rig.Patience, func() bool {
		if err := publish(p, s.units(fmt.Sprintf("%d-", commits), 2)); err != nil {
			t.Fatal(err)
		}
		commits++
		_, again, _ := login.Counts()
		return again > 1
	})
	if first, again, cut := login.Counts(); cut > 0 {
		t.Errorf("%d connections were cut (%d logins, %d again, %d transactions)", cut, first, again, commits)
	}
}

// Each trouble with a token is a sentence, and passes with it.
func TestTokenTroubles(t *testing.T) {
	checkLeaks(t)
	var token, trouble atomic.Value
	token.Store("wrong")
	trouble.Store("")
	login := &rig.Login{Accept: func(token, _ string) (time.Duration, string) {
		if token != "right" {
			return 0, "invalid_token"
		}
		return time.Minute, ""
	}}
	s := withLogin(t, login, func() (string, error) {
		if text := trouble.Load().(string); text != "" {
			return "", errors.New(text)
		}
		return token.Load().(string), nil
	})
	c := s.dial(t)
	ask := func(want string) {
		t.Helper()
		c.transport.CloseIdleConnections() // which remembers the first error
		err := c.refresh(t.Context())
		got := c.Explain(err)
		if (err == nil) != (want == "") || !strings.HasPrefix(got, want) || strings.Contains(got, "wrong") {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	ask("the broker refuses the token of SASL.Token.Source file (invalid_token): it has ended, or has another issuer")
	trouble.Store("the token file is empty")
	ask("the token file is empty")
	trouble.Store("")
	token.Store("right")
	ask("")
}
