//go:build unix

package prooftest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// tokenLife is how long a token lasts; a session on the broker ends after 30 s at most.
const tokenLife = 40 * time.Second

// provider is an identity provider that is out of order for five of each twenty seconds.
type provider struct {
	*httptest.Server
	secret string

	mu              sync.Mutex
	began           time.Time
	given, withheld int
}

func newProvider(t *testing.T, secret string) *provider {
	p := &provider{secret: secret, began: time.Now()}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// ServeHTTP gives whoever knows the secret a token in the client's name. It is not signed:
// the broker of the tests takes it for what it says.
func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	client, secret, _ := r.BasicAuth()
	now := time.Now()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case secret != p.secret:
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error":"invalid_client"}`))
		return
	case now.Sub(p.began)%(20*time.Second) >= 15*time.Second:
		p.withheld++
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	p.given++
	encode := base64.RawURLEncoding.EncodeToString
	claims := fmt.Sprintf(`{"sub":%q,"iat":%d,"exp":%d}`, client, now.Unix(), now.Add(tokenLife).Unix())
	_ = json.NewEncoder(w).Encode(map[string]any{ // the exporter hears of a write that fails
		"access_token": encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(claims)) + ".", "token_type": "Bearer",
		"expires_in": int(tokenLife / time.Second),
	})
}

// gaps are the longest time between two events of one life of an exporter.
type gaps struct {
	mu      sync.Mutex
	born    time.Time // when the life began
	last    time.Time // when its last event was written
	longest time.Duration
}

func (g *gaps) event(r *kgo.Record) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last.After(g.born) {
		g.longest = max(g.longest, r.Timestamp.Sub(g.last))
	}
	g.last = r.Timestamp
}

func (g *gaps) begin() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.born = time.Now()
}

// bearer is an exporter of a guarded world that logs in with tokens.
func (g *guarded) bearer(name string, settings ...string) *child {
	return g.exporter(name, append([]string{
		"KAFKA_BROKERS=" + os.Getenv("TEST_KAFKA_SECURE_BEARER"), "KAFKA_SASL_MECHANISM=OAUTHBEARER",
		"KAFKA_SASL_USERNAME=", "KAFKA_SASL_PASSWORD=",
	}, settings...)...)
}

// TestTokensEnd has exporters log in with tokens that end after 40 s, to a broker whose
// sessions do after 30 s, and kills them. Between kills no request fails, and no session's
// end shows among the events. PROOF_SCALE says how long it lasts, and PROOF_GAP, on a
// machine with nothing else to do, how long no event may come.
func TestTokensEnd(t *testing.T) {
	t.Parallel()
	cfg := campaigns(91, 5, 400, 5)
	cfg.Renew = true
	g := newGuarded(t, cfg)
	g.grant(rightsOn(g.Topics, "group", true)...)
	p := newProvider(t, g.password)
	one := g.bearer("one", "KAFKA_ASSIGNMENT=group", "KAFKA_SASL_TOKEN_SOURCE=oidc",
		"KAFKA_SASL_TOKEN_URL="+p.URL, "KAFKA_SASL_CLIENT_ID="+g.user, "KAFKA_SASL_CLIENT_SECRET="+g.password)
	var seen gaps
	g.seen.onEvent(seen.event)
	g.play(5)
	one.Start()
	g.awaitMore(10)
	kills := 0
	for end := time.Now().Add(scaleTime(t, true) - 10*time.Second); time.Now().Before(end); kills++ {
		one.Kill()
		seen.begin()
		one.Start()
		g.awaitMore(10)
		for next := time.Now().Add(50 * time.Second); time.Now().Before(next) && time.Now().Before(end); {
			g.awaitMore(10)
		}
		g.mustNotHaveFailed(one)
	}
	g.settle()
	e := g.check(nil)
	seen.mu.Lock()
	defer seen.mu.Unlock()
	t.Logf("finished %d · events %d · duplicates %d · losses %d; %d kills, %d tokens, %d withheld; between kills no event was longer in coming than %s",
		e.Proof.Finished, e.Proof.Events, len(e.Proof.Duplicates), len(e.Proof.Missing), kills, p.given, p.withheld, seen.longest)
	if most, err := time.ParseDuration(os.Getenv("PROOF_GAP")); err == nil && seen.longest > most {
		t.Errorf("no event came for %s", seen.longest)
	}
}

// mustNotHaveFailed looks for a transaction of an exporter's that failed, and for a
// connection that was cut.
func (g *guarded) mustNotHaveFailed(c *child) {
	g.T.Helper()
	_, metrics := c.Page("/metrics")
	if failed := `airudder_kafka_transactions_total{outcome="failed"} 0`; !hasLine(metrics, failed) {
		g.T.Errorf("the metrics lack %q", failed)
	}
	for line := range bytes.Lines(c.Logged()) {
		if bytes.Contains(line, []byte("ended the connection")) || bytes.Contains(line, []byte("SASL Authentication Failed")) {
			g.T.Errorf("the log says %s", line)
		}
	}
}

// TestTokenTroubles: what is wrong with a token is said in a sentence, by check and by a
// run, which continues once it is right.
func TestTokenTroubles(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, renewed(92))
	g.grant(rightsOn(g.Topics, "all", true)...)
	p := newProvider(t, g.password)
	file := t.TempDir() + "/token"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	source := []string{"KAFKA_SASL_TOKEN_SOURCE=oidc", "KAFKA_SASL_TOKEN_URL=" + p.URL, "KAFKA_SASL_CLIENT_ID=" + g.user, "KAFKA_SASL_CLIENT_SECRET=" + g.password}
	for _, row := range []struct {
		settings []string
		want     string
	}{
		{append(source[:3:3], "KAFKA_SASL_CLIENT_SECRET=wrong"), "refuses KAFKA_SASL_CLIENT_ID \"" + g.user + "\" with KAFKA_SASL_CLIENT_SECRET (401, invalid_client): the client or its secret differs there"},
		{append([]string{"KAFKA_SASL_TOKEN_URL=http://127.0.0.1:1/token"}, source[0], source[2], source[3]), "the identity provider at KAFKA_SASL_TOKEN_URL http://127.0.0.1:1/token cannot be reached: nothing listens there"},
		{[]string{"KAFKA_SASL_TOKEN_SOURCE=file", "KAFKA_SASL_TOKEN_FILE=" + file}, "the token file KAFKA_SASL_TOKEN_FILE \"" + file + "\" is empty"},
		{[]string{"KAFKA_SASL_TOKEN_SOURCE=command", "KAFKA_SASL_TOKEN_COMMAND=/bin/false"}, "the command of KAFKA_SASL_TOKEN_COMMAND (/bin/false) fails (exit status 1)"},
		{[]string{"KAFKA_SASL_TOKEN_SOURCE=command", "KAFKA_SASL_TOKEN_COMMAND=/bin/echo a.b.c"}, "the broker refuses the token of KAFKA_SASL_TOKEN_SOURCE command (invalid_token)"},
	} {
		out, code := g.bearer("checked", row.settings...).Run([]string{"check"})
		if code == 0 || !strings.Contains(out, row.want) || strings.Contains(out, g.password) {
			t.Errorf("check ended with %d and without %q:\n%s", code, row.want, out)
		}
	}
}
