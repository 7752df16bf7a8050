package token

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fake gives tokens of a life, or an error.
type fake struct {
	mu    sync.Mutex
	asked int
	life  time.Duration
	takes time.Duration // until it answers
	err   error
}

func (f *fake) fetch(ctx context.Context) (Token, error) {
	f.mu.Lock()
	f.asked++
	t, err, takes := Token{fmt.Sprint("token ", f.asked), time.Now().Add(f.life)}, f.err, f.takes
	f.mu.Unlock()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return Token{}, err
	}
	return t, nil
}

func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fake) source() *Source { return &Source{fetch: f.fetch, what: "Source fake"} }

func want(t *testing.T, s *Source, text, problem string) {
	t.Helper()
	got, err := s.Text(t.Context())
	switch {
	case problem == "" && (err != nil || got != text):
		t.Errorf("got %q, %v; want %q", got, err, text)
	case problem != "" && (err == nil || !strings.Contains(err.Error(), problem)):
		t.Errorf("got %q, %v; want an error with %q", got, err, problem)
	}
}

// However many connections ask, one request is made, and the next one while the last token
// is still good.
func TestOneForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{life: 100 * time.Second, takes: 2 * time.Second}
		s := f.source()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { want(t, s, "token 1", "") })
		}
		all.Wait()
		time.Sleep(70 * time.Second)
		want(t, s, "token 1", "")
		time.Sleep(9 * time.Second) // the next one is asked for, and has not come
		before := time.Now()
		want(t, s, "token 1", "") // which nobody waits for
		if took := time.Since(before); took != 0 {
			t.Errorf("it took %s", took)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		want(t, s, "token 2", "")
		if f.asked != 2 {
			t.Errorf("asked %d times, want 2", f.asked)
		}
	})
}

// While the endpoint is down the last token is used until its end, and from then on there
// is the sentence; the endpoint is not asked more than once a second.
func TestEndpointDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{life: 100 * time.Second}
		s := f.source()
		var log bytes.Buffer
		s.Log(slog.New(slog.NewTextHandler(&log, nil)))
		want(t, s, "token 1", "")
		f.set(func() { f.err = errors.New("it is down") })
		for range 98 {
			time.Sleep(time.Second)
			want(t, s, "token 1", "")
			synctest.Wait()
		}
		time.Sleep(time.Second + pause)
		for range 50 {
			want(t, s, "", "it is down")
		}
		if got := strings.Count(log.String(), "the next token cannot be fetched"); got != 1 {
			t.Errorf("it is told %d times:\n%s", got, &log)
		}
		if f.asked > 23 {
			t.Errorf("asked %d times", f.asked)
		}
		f.set(func() { f.err = nil })
		time.Sleep(time.Second)
		synctest.Wait()
		asked := f.asked
		want(t, s, fmt.Sprint("token ", asked+1), "")
	})
}

// An endpoint that hangs is given up, and nobody waits longer than the own context says.
func TestEndpointHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{life: time.Minute, takes: time.Hour}
		s := f.source()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if _, err := s.Token(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		want(t, s, "", context.DeadlineExceeded.Error())
	})
}

// A token that had ended when it came is none; one that the broker refuses is fetched
// again, but not for every connection.
func TestEndedAndRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{life: -time.Minute}
		s := f.source()
		want(t, s, "", "the token that Source fake gives has ended at")
		f.set(func() { f.life = time.Hour })
		time.Sleep(pause)
		want(t, s, "token 2", "")
		s.Refused()
		want(t, s, "token 2", "")
		time.Sleep(pause)
		s.Refused()
		want(t, s, "token 2", "")
		synctest.Wait()
		want(t, s, "token 3", "")
		if got := time.Until(s.Ends()); got != time.Hour {
			t.Errorf("it ends in %s", got)
		}
	})
}

func jwt(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

func TestParse(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	in := now.Add(time.Minute)
	for _, test := range []struct {
		text string
		want Token
		err  string
	}{
		{"abc\n", Token{"abc", time.Time{}}, ""},
		{"\ufeff" + jwt(`{"exp":1800000060}`) + "\r\n", Token{jwt(`{"exp":1800000060}`), in}, ""},
		{jwt(`{"exp":"soon"}`), Token{jwt(`{"exp":"soon"}`), time.Time{}}, ""},
		{`{"access_token":"abc","expires_in":60}`, Token{"abc", in}, ""},
		{`{"access_token":"abc","expires_in":"60"}`, Token{"abc", in}, ""},
		{`{"token":"abc","expiry":"` + in.UTC().Format(time.RFC3339) + `"}`, Token{"abc", in.UTC()}, ""},
		{`{"token":"abc","expiry":1800000060}`, Token{"abc", in}, ""},
		{" \n", Token{}, "is empty"},
		{"two words", Token{}, "holds blanks, lines or other characters that no token has"},
		{"one\ntwo", Token{}, "holds blanks, lines"},
		{`{"token":`, Token{}, "holds JSON that cannot be read"},
		{`{"secret":"abc"}`, Token{}, "holds JSON without token or access_token"},
		{`{"token":"abc","expiry":"soon"}`, Token{}, "holds JSON whose expiry"},
	} {
		got, err := parse([]byte(test.text), now)
		if got.Text != test.want.Text || !got.Ends.Equal(test.want.Ends) || (test.err == "") != (err == "") || !strings.HasPrefix(err, test.err) {
			t.Errorf("%q: got %v, %q; want %v, %q", test.text, got, err, test.want, test.err)
		}
	}
}

func TestCheck(t *testing.T) {
	secret := func() string { return "hunter2" }
	for _, test := range []struct {
		cfg  Config
		want string // lines
	}{
		{Config{}, ""},
		{Config{Source: OIDC, URL: "https://login.example/token", ClientID: "me", ClientSecret: secret, Scope: "kafka"}, ""},
		{Config{Source: File, File: "/token"}, ""},
		{Config{Source: Command, Command: "get-token --now"}, ""},
		{Config{Source: MSKIAM}, ""},
		{Config{Source: "vault"}, `Source: "vault" is not one of them: give oidc, file, command or msk-iam`},
		{Config{Source: OIDC}, "URL: is required with Source=oidc\nClientID: is required with Source=oidc\nClientSecret: is required with Source=oidc"},
		{Config{Source: OIDC, URL: "login.example", ClientID: "me", ClientSecret: secret}, `URL: "login.example" is not an absolute http or https URL: give one such as https://login.example/oauth2/token`},
		{Config{Source: File}, "File: is required with Source=file"},
		{Config{Source: Command, Command: " "}, "Command: is required with Source=command"},
		{Config{Source: MSKIAM, File: "/token", ClientSecret: secret, Command: "get --password hunter2"},
			"ClientSecret: has no effect without Source=oidc\nFile: \"/token\" has no effect without Source=file\nCommand: has no effect without Source=command"},
	} {
		var lines []string
		for _, p := range test.cfg.Check() {
			lines = append(lines, p.Error())
		}
		if got := strings.Join(lines, "\n"); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestRegion(t *testing.T) {
	for broker, want := range map[string]string{
		"b-1.one.abc.c2.kafka.eu-west-1.amazonaws.com:9098":              "eu-west-1",
		"boot-abc.c3.kafka-serverless.ap-southeast-3.amazonaws.com:9098": "ap-southeast-3",
		"b-1.one.abc.c2.kafka.cn-north-1.amazonaws.com.cn:9098":          "cn-north-1",
		"kafka-1:9092": "",
	} {
		if got := Region([]string{"elsewhere:9092", broker}); got != want {
			t.Errorf("%s: got %q, want %q", broker, got, want)
		}
	}
}
