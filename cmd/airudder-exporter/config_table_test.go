package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"airudder-exporter/internal/env"
)

var update = flag.Bool("update", false, "rewrite golden files and the table in deploy/CONFIGURATION.md")

const (
	readme     = "../../README.md"
	wholeTable = "../../deploy/CONFIGURATION.md"
	tableBegin = "<!-- configuration -->\n"
	tableEnd   = "<!-- /configuration -->\n"
)

// deploy/CONFIGURATION.md names every variable with its default, and no other.
// `go test -run TestConfigurationTable -update` writes the table again.
func TestConfigurationTable(t *testing.T) {
	text := read(t, wholeTable)
	before, rest, ok := strings.Cut(text, tableBegin)
	table, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no section from %sto %s", wholeTable, tableBegin, tableEnd)
	}
	want := configurationTable()
	if *update {
		if err := os.WriteFile(wholeTable, []byte(before+tableBegin+want+tableEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != want {
		t.Errorf("%s differs from Config: run go test -run TestConfigurationTable -update", wholeTable)
	}
}

// README shows some of the variables, the required ones among them, with the
// defaults that they have.
func TestReadmeConfiguration(t *testing.T) {
	shown := map[string]string{}
	row := regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| ([^|]*) \\|")
	for _, m := range row.FindAllStringSubmatch(read(t, readme), -1) {
		shown[m[1]] = strings.Trim(strings.TrimSpace(m[2]), "`")
	}
	table := env.Table(Config{})
	for _, s := range table {
		standard, there := shown[s.Name]
		if there && standard != s.Default || !there && s.Default == "required" {
			t.Errorf("README shows %s with the default %q, want %q", s.Name, standard, s.Default)
		}
	}
	for name := range shown {
		if !slices.ContainsFunc(table, func(v env.Variable) bool { return v.Name == name }) {
			t.Errorf("README shows %s, which is no variable of Config", name)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// configurationTable is a heading and a table for each group.
func configurationTable() string {
	var b strings.Builder
	group := ""
	for _, s := range env.Table(Config{}) {
		if s.Group != group {
			group = s.Group
			fmt.Fprintf(&b, "\n## %s\n\n| variable | default | meaning |\n| --- | --- | --- |\n", group)
		}
		standard := s.Default
		if standard != "" && standard != "required" {
			standard = "`" + standard + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.Name, standard, s.Doc)
	}
	return b.String() + "\n"
}
