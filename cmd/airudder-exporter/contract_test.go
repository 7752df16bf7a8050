package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// contractOf is what the command prints with nothing set but the given variables.
func contractOf(t *testing.T, environ []string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := program{environ: environ, stdout: &stdout, stderr: &stderr}
	if code := p.run(t.Context(), append([]string{"contract"}, args...)); code != 0 || stderr.Len() > 0 {
		t.Fatalf("ended with %d: %s", code, &stderr)
	}
	return stdout.String()
}

// The documents beside the schemas are those of the default configuration.
// `go test -run TestContract -update` writes them again.
func TestContract(t *testing.T) {
	for file, args := range map[string][]string{"asyncapi.yaml": nil, "CONTRACT.md": {"--markdown"}} {
		path, got := filepath.Join("../../schemas", file), contractOf(t, nil, args...)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got != read(t, path) {
			t.Errorf("%s is not the contract of the default configuration: run go test -run TestContract -update", path)
		}
	}
}

// The documents follow the configuration, and show no secret.
func TestContractFollowsConfiguration(t *testing.T) {
	const secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	environ := []string{
		"PRIVACY=lender", "PRIVACY_KEY=k1:" + secret, "PRIVACY_FIELDS=comments:mask,additional_fields.Campaign:keep",
		"AIRUDDER_ACCOUNT=id-1", "AIRUDDER_BASE_URL=https://api.example.com", "AIRUDDER_POLL_AFTER_END=2h",
		"KAFKA_TOPIC_CALL_COMPLETED=calls", "KAFKA_PARTITIONS=12", "KAFKA_EVENT_KEY=callee_number", "KAFKA_COMPRESSION=zstd",
		"KAFKA_BROKERS=not an address", "SCHEMA_REGISTRY_URL=nowhere", "KAFKA_SASL_MECHANISM=NONE",
	}
	for _, args := range [][]string{nil, {"--markdown"}} {
		got := contractOf(t, environ, args...)
		for _, want := range []string{
			"calls", "12", "airudder.call-private", "token of callee_number", "zstd", "https://api.example.com/accounts/id-1/tasks/", "k1",
			"sealed 2 h after its end", "lender/", `additional_fields."Campaign"`, "pseudonym+private",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%q does not say %s", args, want)
			}
		}
		for _, not := range []string{secret, "airudder.call-completed", "a new ledger's"} {
			if strings.Contains(got, not) {
				t.Errorf("%q says %s", args, not)
			}
		}
	}
}

// A wrong configuration has no contract.
func TestContractOfWrongConfiguration(t *testing.T) {
	var stdout, stderr bytes.Buffer
	p := program{environ: []string{"PRIVACY=lender"}, stdout: &stdout, stderr: &stderr}
	if code := p.run(t.Context(), []string{"contract"}); code != 1 || stdout.Len() > 0 || !strings.Contains(stderr.String(), "PRIVACY_KEY: ") {
		t.Errorf("ended with %d: %s", code, &stderr)
	}
}
