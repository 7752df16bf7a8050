package compat

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/rig"
)

// Without a right nothing is made, and one round names all that are missing.
func TestWithoutRights(t *testing.T) {
	k := inProcess(t)
	cfg := config(k.Twisted(answers(func(_ kmsg.Request, res kmsg.Response) {
		switch res := res.(type) {
		case *kmsg.CreateTopicsResponse:
			res.Topics[0].ErrorCode = 29
		case *kmsg.DeleteTopicsResponse:
			res.Topics[0].ErrorCode = 29
		}
	})), rig.EmbeddedRegistry(t))
	cfg.Kafka.EventTopic, cfg.Kafka.LedgerTopic = "e", "l"
	all := verdicts(t, cfg)
	i := slices.IndexFunc(all, func(v Verdict) bool { return v.Name == "topics" })
	want := `the exporter lacks the right Create, Delete on the topics that begin with "e-check-"`
	if v := all[i]; v.Outcome != Untried || v.Text != want || len(v.Grants) != 1 ||
		!strings.HasSuffix(v.Grants[0], "--operation Create --operation Delete --topic e-check- --resource-pattern-type prefixed") {
		t.Errorf("got %v", v)
	}
	if fits := with(Fits, all); fits[0] != "requests" || fits[1] != "registration" {
		t.Errorf("fits: %q", fits)
	}
	if names := leftBehind(k, cfg); len(names) > 0 {
		t.Errorf("topics were made: %q", names)
	}
}

// What a registry does wrong is found as well.
func TestUnfitRegistry(t *testing.T) {
	k := inProcess(t)
	for name, tt := range map[string]struct {
		refuse func(*http.Request) bool
		code   int
		body   string
		fails  []string
	}{
		"no registration": {func(r *http.Request) bool {
			return r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/versions") && strings.HasPrefix(r.URL.Path, "/subjects/")
		},
			403, `{"error_code":40301,"message":"no"}`, []string{"registration"}},
		"another id": {func(r *http.Request) bool { return r.Method == "POST" && !strings.HasSuffix(r.URL.Path, "/versions") },
			200, `{"subject":"s","version":1,"id":77,"schema":"\"string\""}`, []string{"registration"}},
		"no ids": {func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/schemas/ids/") },
			404, `{"error_code":40403,"message":"no"}`, []string{"schema by id"}},
		"all is compatible": {func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/compatibility/") },
			200, `{"is_compatible":true}`, []string{"compatibility check"}},
		"no deletion": {func(r *http.Request) bool { return r.Method == "DELETE" },
			403, `{"error_code":40301,"message":"no"}`, []string{"deletion"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to, err := url.Parse(rig.EmbeddedRegistry(t))
			if err != nil {
				t.Fatal(err)
			}
			proxy := httputil.NewSingleHostReverseProxy(to)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tt.refuse(r) {
					w.WriteHeader(tt.code)
					_, _ = w.Write([]byte(tt.body))
					return
				}
				proxy.ServeHTTP(w, r)
			}))
			t.Cleanup(server.Close)
			all := verdicts(t, config(k.Brokers[0], server.URL))
			if fails := with(Fails, all); !slices.Equal(fails, tt.fails) {
				t.Errorf("fails: %q, want %q", fails, tt.fails)
			}
		})
	}
}

// What a killed check has left is deleted by a later one, once it cannot belong to one
// that runs; nothing else is.
func TestLeftBehind(t *testing.T) {
	k := inProcess(t)
	cfg := config(k.Brokers[0], rig.EmbeddedRegistry(t))
	now := time.Now().UTC()
	old := cfg.Kafka.EventTopic + "-check-" + now.Add(-2*time.Hour).Format(stamp) + "-0123abcd"
	young := cfg.Kafka.LedgerTopic + "-check-" + now.Add(-time.Minute).Format(stamp) + "-0123abcd"
	others := []string{cfg.Kafka.EventTopic, cfg.Kafka.EventTopic + "-check-mine", old + "-dlq"}
	for _, name := range append(slices.Clone(others), old, young) {
		k.Create(name, 1)
	}
	all := verdicts(t, cfg)
	var told []string
	for _, v := range all {
		told = append(told, v.Text)
	}
	for _, want := range []string{"an earlier check left the topic " + old + ": deleted", "less than an hour old, of a check that runs, was killed or could not delete them; a later one deletes them: " + young} {
		if !slices.Contains(told, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	want := append(others, young)
	slices.Sort(want)
	rig.Eventually(t, "the topics to go", rig.Patience, func() bool {
		got := leftBehind(k, cfg)
		slices.Sort(got)
		return slices.Equal(got, want)
	})
}

// A check that is interrupted deletes what it has made.
func TestInterrupted(t *testing.T) {
	k := inProcess(t)
	ctx, interrupt := context.WithCancel(t.Context())
	cfg := config(k.Twisted(asks(func(req kmsg.Request) {
		if _, ok := req.(*kmsg.AddPartitionsToTxnRequest); ok {
			interrupt()
		}
	})), rig.EmbeddedRegistry(t))
	var all []Verdict
	Run(ctx, cfg, func(string) {}, func(v Verdict) { all = append(all, v) })
	if fits, want := with(Fits, all), []string{"requests", "topics", "compaction", "deletion"}; !slices.Equal(fits, want) {
		t.Errorf("fit: %q, want %q: %v", fits, want, all)
	}
	if fails := with(Fails, all); len(fails) > 0 {
		t.Errorf("fails: %q", fails)
	}
	rig.Eventually(t, "the topics to go", rig.Patience, func() bool { return len(leftBehind(k, cfg)) == 0 })
}

// A real broker tells all the rights in one round, and nothing is made.
func TestSecureBrokerWithoutRights(t *testing.T) {
	broker := os.Getenv("TEST_KAFKA_SECURE_BROKERS")
	if broker == "" {
		t.Skip("TEST_KAFKA_SECURE_BROKERS is not set")
	}
	cfg := config(broker, rig.EmbeddedRegistry(t))
	user, password, _ := strings.Cut(os.Getenv("TEST_KAFKA_SECURE_USER"), ":")
	cfg.Kafka.TLS = access.TLS{Enabled: true, CAFile: os.Getenv("TEST_KAFKA_SECURE_CA")}
	cfg.Kafka.SASL = access.SASL{Mechanism: access.ScramSHA512, Username: user, Password: password}
	var grants []string
	for _, v := range verdicts(t, cfg) {
		grants = append(grants, v.Grants...)
	}
	event, ledger := cfg.Kafka.EventTopic, cfg.Kafka.LedgerTopic
	all := " --operation Create --operation Delete --operation Read --operation Write --operation DescribeConfigs"
	for i, want := range []string{
		all + " --topic " + event + "-check-", all + " --topic " + ledger + "-check-",
		" --operation Write --transactional-id " + ledger + "-", " --operation Read --group " + ledger + "-check-",
	} {
		if want += " --resource-pattern-type prefixed"; i >= len(grants) || !strings.HasSuffix(grants[i], want) {
			t.Errorf("it does not print a command that ends with %q: %q", want, grants)
		}
	}
}
