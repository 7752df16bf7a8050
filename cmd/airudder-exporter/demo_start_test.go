package main

import (
	"os"
	"path/filepath"
	"testing"

	"airudder-exporter/internal/embedded"
)

// A folder that the demo cannot use ends it with one sentence that names it.
func TestDemoWithABadDataDir(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, dir string) string // the --data-dir to try
		want  string
	}{
		{"no folder can be made", func(t *testing.T, dir string) string { return writeFile(t, dir, "file", "") + "/below" }, "not a directory"},
		{"a file", func(t *testing.T, dir string) string { return writeFile(t, dir, "file", "") }, "not a directory"},
		{"in use", lockData, "in use by another broker"},
		{"campaigns cut off", spoiling("airudder.json", `{"Version":1,"Seed":`), "airudder.json: load the simulation: unexpected EOF"},
		{"campaigns empty", spoiling("airudder.json", ""), "airudder.json: load the simulation: EOF"},
		{"campaigns of another version", spoiling("airudder.json", `{"Version":99}`), "its state has version 99"},
		{"schemas damaged", spoiling("registry.json", "["), "start registry: read "},
		{"no folder for the broker", spoiling("kafka", ""), "start broker: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := tt.spoil(t, t.TempDir())
			p := (&surroundings{t: t}).run("demo", "--data-dir", dir)
			p.wantEnd(1, "airudder-exporter: --data-dir "+dir+": ", tt.want)
			if lines := p.stderr.lines(); len(lines) != 2 { // the demo's first, and the sentence
				t.Errorf("%d lines:\n%s", len(lines), &p.stderr)
			}
		})
	}
}

func spoiling(name, text string) func(t *testing.T, dir string) string {
	return func(t *testing.T, dir string) string {
		writeFile(t, dir, name, text)
		return dir
	}
}

// lockData lets a broker use the folder, as another demo's would.
func lockData(t *testing.T, dir string) string {
	t.Helper()
	broker, err := embedded.StartBroker(embedded.BrokerConfig{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	return dir
}

// writeFile writes a file below dir and returns its path.
func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
