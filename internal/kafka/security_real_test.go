package kafka

import (
	"os"
	"strings"
	"testing"

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
