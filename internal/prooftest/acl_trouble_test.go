package prooftest

import (
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"airudder-exporter/internal/rig"
)

// TestRefusedBySecurity starts exporters that the secured broker refuses. Each
// says why, once, in its log and in /readyz; those that somebody cures
// elsewhere go on by themselves. None shows its password.
func TestRefusedBySecurity(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		settings func(g *guarded) []string
		want     string
		cure     func(g *guarded) // nil: only another configuration helps
	}{
		{"wrong password", func(g *guarded) []string { g.password = "another-" + g.password; return nil },
			"the broker refuses KAFKA_SASL_USERNAME", (*guarded).createUser},
		{"unknown user", func(g *guarded) []string { g.revoke(g.rights...); g.user = "unknown-" + g.user; return nil },
			"the broker refuses KAFKA_SASL_USERNAME", func(g *guarded) { g.createUser(); g.grant(rightsOn(g.Topics, "all", true)...) }},
		{"another mechanism", func(*guarded) []string { return []string{"KAFKA_SASL_MECHANISM=SCRAM-SHA-256"} },
			"the broker refuses KAFKA_SASL_USERNAME", nil},
		{"another CA", func(g *guarded) []string { return []string{"KAFKA_TLS_CA_FILE=" + anotherCA(g.T)} },
			"not known here", nil},
		{"plain text where TLS is asked for", func(*guarded) []string {
			return []string{"KAFKA_TLS_ENABLED=false", "KAFKA_TLS_CA_FILE="}
		}, "TLS", nil},
		{"TLS where plain text is asked for", func(*guarded) []string {
			return []string{"KAFKA_BROKERS=" + os.Getenv("TEST_KAFKA_SECURE_INTERNAL")}
		}, "does not speak TLS", nil},
		{"no certificate where one is asked for", func(*guarded) []string {
			return []string{"KAFKA_BROKERS=" + os.Getenv("TEST_KAFKA_SECURE_MUTUAL")}
		}, "client certificate", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGuarded(t, renewed(13))
			g.grant(rightsOn(g.Topics, "all", true)...)
			settings := tt.settings(g)
			one := g.exporter("one", settings...)
			g.play(10)
			said := watchHealth(one)
			one.Start()
			red := ""
			rig.Eventually(t, "red readiness", rig.Patience, func() bool {
				red += strings.Join(said.takeRed(), "\n")
				return strings.Contains(red, tt.want)
			})
			named := func() (n int) {
				for _, line := range warnings(one, 0) {
					if strings.Contains(line, tt.want) {
						n++
					}
				}
				return n
			}
			rig.Eventually(t, "the log to say it", rig.Patience, func() bool { return named() > 0 })
			if tt.cure != nil {
				tt.cure(g)
				g.awaitMore(4)
			}
			g.stop()
			if tt.cure != nil {
				g.awaitEvents()
			}
			one.Terminate()
			if n := named(); n > 3 {
				t.Errorf("the log says %q %d times, want a few times at most", tt.want, n)
			}
			out, _ := one.Run([]string{"check"})
			for where, text := range map[string]string{"the log": string(one.Logged()), "/readyz": red, "check": out} {
				if strings.Contains(text, g.password) {
					t.Errorf("%s shows the password:\n%s", where, text)
				}
			}
			if cured := tt.cure != nil; !cured && !strings.Contains(out, tt.want) {
				t.Errorf("check does not say %q:\n%s", tt.want, out)
			}
		})
	}
}

// anotherCA is the file of a CA that signed nothing here.
func anotherCA(t testing.TB) string {
	t.Helper()
	other := httptest.NewTLSServer(nil)
	defer other.Close()
	path := filepath.Join(t.TempDir(), "another.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Certificate().Raw})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
