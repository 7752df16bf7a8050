package kafka

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/kafka/access"
)

// secureSite is the secured broker of TEST_KAFKA_SECURE_BROKERS, and a user of
// it as Config.
func secureSite(t *testing.T, userVariable, mechanism string) (site, Config) {
	t.Helper()
	list := os.Getenv("TEST_KAFKA_SECURE_BROKERS")
	if list == "" {
		t.Skip("TEST_KAFKA_SECURE_BROKERS is not set")
	}
	verifyGoroutines(t)
	user, password, _ := strings.Cut(os.Getenv(userVariable), ":")
	return site{brokers: strings.Split(list, ",")}, Config{
		LedgerTopic: "ledger",
		Config: access.Config{
			TLS:  access.TLS{Enabled: true, CAFile: os.Getenv("TEST_KAFKA_SECURE_CA")},
			SASL: access.SASL{Mechanism: mechanism, Username: user, Password: password},
		},
	}
}

const (
	secureAdmin = "TEST_KAFKA_SECURE_ADMIN" // has every right
	secureUser  = "TEST_KAFKA_SECURE_USER"  // has none
)

func TestSecureBrokerExplained(t *testing.T) {
	otherCA := write(t, "other.pem", newAuthority(t).pem)
	for _, mechanism := range []string{access.Plain, access.ScramSHA256, access.ScramSHA512} {
		for _, test := range []struct {
			name   string
			change func(*Config)
			want   string // empty: it connects
		}{
			{"right", func(*Config) {}, ""},
			{"wrong password", func(c *Config) { c.SASL.Password += "?" }, `the broker refuses SASL.Username "admin" with SASL.Password by ` + mechanism},
			{"unknown user", func(c *Config) { c.SASL.Username = "nobody" }, `the broker refuses SASL.Username "nobody"`},
			{"unknown CA", func(c *Config) { c.TLS.CAFile = otherCA }, `the broker's certificate (issued by "CN=CA of the tests") is signed by a CA that is not known here`},
			{"no TLS", func(c *Config) { c.TLS.Enabled, c.TLS.CAFile = false, "" }, "the broker"},
			{"no SASL", func(c *Config) { c.SASL.Mechanism, c.SASL.Username, c.SASL.Password = "", "", "" }, "the broker ends the connection without a word"},
		} {
			t.Run(mechanism+" "+test.name, func(t *testing.T) {
				s, cfg := secureSite(t, secureAdmin, mechanism)
				test.change(&cfg)
				c := s.client(t, cfg)
				err := c.refresh(t.Context())
				got := c.Explain(err)
				if (err == nil) != (test.want == "") || !strings.HasPrefix(got, test.want) {
					t.Errorf("got %q, want %q", got, test.want)
				}
				if cfg.SASL.Password != "" && strings.Contains(got, cfg.SASL.Password) {
					t.Errorf("the password is in %q", got)
				}
			})
		}
	}
}

// unsigned is a token as the secured broker of the tests takes it, who checks no signature.
func unsigned(user string, life time.Duration) string {
	now := time.Now()
	claims := fmt.Sprintf(`{"sub":%q,"iat":%d,"exp":%d}`, user, now.Add(min(life, 0)).Unix()-1, now.Add(life).Unix())
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(claims)) + "."
}

// A real broker takes tokens, and refuses them with a status.
func TestSecureBrokerTokens(t *testing.T) {
	for _, test := range []struct{ name, token, want string }{
		{"right", unsigned("admin", time.Minute), ""},
		{"ended", unsigned("admin", -time.Minute), "the broker refuses the token of SASL.Token.Source file"},
		{"wrong", "a.b.c", "the broker refuses the token of SASL.Token.Source file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, cfg := secureSite(t, secureAdmin, access.OAuthBearer)
			s.brokers = []string{os.Getenv("TEST_KAFKA_SECURE_BEARER")}
			cfg.SASL = access.SASL{Mechanism: access.OAuthBearer, TokenSource: "file", Extensions: []string{"logicalCluster=lkc-1"},
				Token: func(context.Context) (string, error) { return test.token, nil }}
			c := s.client(t, cfg)
			err := c.refresh(t.Context())
			got := c.Explain(err)
			if (err == nil) != (test.want == "") || !strings.HasPrefix(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			t.Log(got)
		})
	}
}
