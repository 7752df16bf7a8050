package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// inspect needs the variables of AIRudder alone, and minds no other's.
func TestInspect(t *testing.T) {
	saved := filepath.Join(t.TempDir(), "shapes.json")
	var stdout, stderr bytes.Buffer
	p := program{
		environ: []string{
			"AIRUDDER_APP_KEY=key", "AIRUDDER_APP_SECRET=secret", "AIRUDDER_BASE_URL=http://127.0.0.1:1",
			"KAFKA_PARTITIONS=many", "HTTP_ADDR=nonsense", "LEDGER_RETENTION=long",
		},
		stdout: &stdout, stderr: &stderr,
	}
	if code := p.run(context.Background(), []string{"inspect", "--save", saved}); code != 1 {
		t.Errorf("exit code %d without an upstream, want 1", code)
	}
	if out := stdout.String(); !strings.HasPrefix(out, "AIRudder at http://127.0.0.1:1, ") || !strings.Contains(out, "connection refused") {
		t.Errorf("stdout:\n%s", out)
	}
	if said := stderr.String(); !strings.HasPrefix(said, "waiting for a token …\nairudder-exporter: auth: no answer") {
		t.Errorf("stderr:\n%s", said)
	}
	if _, err := os.Stat(saved); err != nil {
		t.Error(err)
	}
}
