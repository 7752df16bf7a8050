package kafka

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
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
		TLS:         TLS{Enabled: true, CAFile: os.Getenv("TEST_KAFKA_SECURE_CA")},
		SASL:        SASL{Mechanism: mechanism, Username: user, Password: password},
	}
}

const (
	secureAdmin = "TEST_KAFKA_SECURE_ADMIN" // has every right
	secureUser  = "TEST_KAFKA_SECURE_USER"  // has none
)

func TestSecureBrokerExplained(t *testing.T) {
	otherCA := write(t, "other.pem", newAuthority(t).pem)
	for _, mechanism := range []string{Plain, ScramSHA256, ScramSHA512} {
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

func TestSecureBrokerAssigns(t *testing.T) {
	for _, mechanism := range []string{Plain, ScramSHA256, ScramSHA512} {
		t.Run(mechanism, func(t *testing.T) {
			s, cfg := secureSite(t, secureAdmin, mechanism)
			cfg = withTopics(cfg)
			c := s.client(t, cfg)
			layout := testLayout
			findings, err := c.EnsureTopics(t.Context(), c.TopicSpecs(layout), true)
			if err != nil || Refused(findings) != nil {
				t.Fatal(err, findings)
			}
			m := newMember(t)
			m.run(func(ctx context.Context) error {
				return c.Assign(ctx, AssignGroup, layout.LedgerPartitions, m.own, m.changed)
			})
			m.await(layout.LedgerPartitions)
			if err := m.shards[0].AfterFence(t.Context()); err != nil {
				t.Errorf("AfterFence: got %v, want nil", err)
			}
		})
	}
}

func TestSecureBrokerWithoutRights(t *testing.T) {
	s, cfg := secureSite(t, secureUser, ScramSHA512)
	c := s.client(t, withTopics(cfg))
	for _, create := range []bool{false, true} {
		_, err := c.EnsureTopics(t.Context(), c.TopicSpecs(testLayout), create)
		wantRight(t, err, "Write", "topic")
	}
}

// A group that refuses us is no reason to end, and the log says which right is
// missing, once.
func TestSecureBrokerWithoutTheGroup(t *testing.T) {
	s, cfg := secureSite(t, secureUser, ScramSHA256)
	var log lockedBuffer
	ledger := fmt.Sprintf("assign-%x", rand.Uint64())
	cfg.Brokers, cfg.LedgerTopic = s.brokers, ledger
	c, err := Dial(cfg, slog.New(slog.NewTextHandler(&log, nil)), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	told := false
	err = c.Assign(ctx, AssignGroup, 1, func(ctx context.Context, _ *Shard) error { <-ctx.Done(); return nil }, func([]int) { told = true })
	if err != nil || told {
		t.Errorf("got %v, told of shards: %v; want nil and false", err, told)
	}
	if got, want := strings.Count(log.String(), `lacks the right Read on the group \"`+ledger+`-exporters\"`), 1; got != want {
		t.Errorf("got %d sentences about the right, want %d, in:\n%s", got, want, log.String())
	}
}

// lockedBuffer is a log that can be read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
