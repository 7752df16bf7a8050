package token

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fetchOnce has a Source fetch one token.
func fetchOnce(t *testing.T, cfg Config) (Token, error) {
	t.Helper()
	got, err := New(cfg).Token(t.Context())
	if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "s3cret")) {
		t.Errorf("a secret is in %q", err)
	}
	return got, err
}

// said holds an error to how it begins.
func said(t *testing.T, name string, err error, want string) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: got %v, want %q", name, err, want)
	}
}

func endpoint(t *testing.T, answer http.HandlerFunc) Config {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return Config{Source: OIDC, URL: server.URL + "/token", ClientID: "me", Scope: "kafka all", ClientSecret: func() string { return "hunter2" }}
}

func TestProvider(t *testing.T) {
	got, err := fetchOnce(t, endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if id != "me" || secret != "hunter2" || r.FormValue("grant_type") != "client_credentials" || r.FormValue("scope") != "kafka all" {
			t.Errorf("asked %v as %s", r.Form, id)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"access_token":"abc","token_type":"Bearer","expires_in":60}`))
	}))
	if life := time.Until(got.Ends); err != nil || got.Text != "abc" || life > time.Minute || life < 50*time.Second {
		t.Errorf("got %v, %v", got, err)
	}
}

// Each trouble of an identity provider is a sentence, and nothing that it says is repeated.
func TestProviderTroubles(t *testing.T) {
	for _, test := range []struct {
		status     int
		body, want string // after the address
	}{
		{401, `{"error":"invalid_client","error_description":"not hunter2"}`, `refuses ClientID "me" with ClientSecret (401, invalid_client): the client or its secret differs there`},
		{400, `{"error":"invalid_scope"}`, `knows no scope "kafka all" (400, invalid_scope): check Scope`},
		{400, `{"error":"unauthorized_client"}`, `does not let ClientID "me" use client credentials (400, unauthorized_client)`},
		{400, `{"error":"hunter2 is wrong"}`, `refuses to give a token to ClientID "me" with ClientSecret (400)`},
		{404, `<html>hunter2</html>`, "has no token endpoint there (404): is the path right?"},
		{503, `hunter2`, "is out of order (503)"},
		{307, ``, "redirects (307), which is not followed: set URL to where it leads"},
		{200, `{"hunter2":1}`, "answers without a token: is this its token endpoint?"},
		{200, `hunter2`, "answers without a token: is this its token endpoint?"},
	} {
		cfg := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Location", "/hunter2")
			w.WriteHeader(test.status)
			w.Write([]byte(test.body))
		})
		_, err := fetchOnce(t, cfg)
		said(t, test.body, err, "the identity provider at URL "+cfg.URL+" "+test.want)
	}
}

func TestProviderUnreachable(t *testing.T) {
	cfg := endpoint(t, func(http.ResponseWriter, *http.Request) {})
	at := "the identity provider at URL "
	plain := cfg.URL
	cfg.URL = strings.Replace(plain, "http:", "https:", 1)
	_, err := fetchOnce(t, cfg)
	said(t, "TLS", err, at+cfg.URL+" does not speak TLS")
	secure := httptest.NewTLSServer(nil)
	t.Cleanup(secure.Close)
	cfg.URL = secure.URL
	_, err = fetchOnce(t, cfg)
	said(t, "unknown CA", err, at+cfg.URL+" has a certificate of a CA that is not known here")
	cfg.URL = "http://127.0.0.1:1/token"
	_, err = fetchOnce(t, cfg)
	said(t, "nobody", err, at+cfg.URL+" cannot be reached: nothing listens there")
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	cfg := Config{Source: File, File: path}
	at := `the token file File "` + path + `" `
	for _, test := range []struct{ text, want string }{
		{"-", "cannot be read: no such file or directory"},
		{"", "is empty"},
		{"s3cret hunter2", "holds blanks, lines or other characters"},
		{strings.Repeat("s3cret", maxToken), "holds more than a token"},
		{jwt(`{"exp":1000000000}`), "-"},
	} {
		if test.text != "-" {
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := fetchOnce(t, cfg)
		if test.want == "-" {
			said(t, "ended", err, "the token that Source file gives has ended at 2001-09-09T01:46:40Z")
			continue
		}
		said(t, test.want, err, at+test.want)
	}
	if err := os.WriteFile(path, []byte("abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := fetchOnce(t, cfg); err != nil || got.Text != "abc" {
		t.Errorf("got %v, %v", got, err)
	}
	_, err := fetchOnce(t, Config{Source: File, File: filepath.Dir(path)})
	if err == nil || !strings.HasSuffix(err.Error(), "is no regular file") {
		t.Errorf("of a directory: %v", err)
	}
}

func TestCommand(t *testing.T) {
	script := filepath.Join(t.TempDir(), "get-token")
	if err := os.WriteFile(script, []byte(`#!/bin/sh
echo "s3cret on stderr" >&2
case $1 in
  json) echo '{"access_token":"abc","expires_in":60}' ;;
  fails) echo hunter2; exit 3 ;;
  nothing) ;;
  floods) yes s3cret ;;
  *) echo abc ;;
esac
`), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"plain", "json"} {
		if got, err := fetchOnce(t, Config{Source: Command, Command: script + "  " + words}); err != nil || got.Text != "abc" {
			t.Errorf("%s: got %v, %v", words, got, err)
		}
	}
	at := "the command of Command (" + script + ") "
	for words, want := range map[string]string{
		"fails hunter2": "fails (exit status 3): run it by hand as the exporter's user to see why",
		"nothing":       "prints no token: its output is empty",
		"floods":        "prints more than a token: over 64 KiB",
	} {
		_, err := fetchOnce(t, Config{Source: Command, Command: script + " " + words})
		said(t, words, err, at+want)
	}
	_, err := fetchOnce(t, Config{Source: Command, Command: "/nowhere/get-token hunter2"})
	said(t, "absent", err, "the command of Command (/nowhere/get-token) is not there")
}

// AWS signs without asking anybody where the credentials are in variables.
func TestAWS(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	got, err := fetchOnce(t, Config{Source: MSKIAM, Region: "eu-west-1"})
	if life := time.Until(got.Ends); err != nil || got.Text == "" || life < 10*time.Minute || life > 20*time.Minute {
		t.Errorf("got a token of %s, %v", life, err)
	}
	_, err = fetchOnce(t, Config{Source: MSKIAM})
	said(t, "no region", err, "the region of MSK is not known")
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	_, err = fetchOnce(t, Config{Source: MSKIAM, Region: "eu-west-1"})
	said(t, "no credentials", err, "AWS gives no credentials to sign a token with")
}
