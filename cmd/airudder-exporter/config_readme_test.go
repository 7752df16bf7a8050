package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files and the README's configuration table")

const (
	readme     = "../../README.md"
	tableBegin = "<!-- configuration -->\n"
	tableEnd   = "<!-- /configuration -->\n"
)

// The README's configuration table names every variable with its default, and
// no other. `go test -run TestReadme -update` writes it anew.
func TestReadmeConfiguration(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), tableBegin)
	table, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no section from %sto %s", readme, tableBegin, tableEnd)
	}
	if *update {
		table = readmeTable()
		if err := os.WriteFile(readme, []byte(before+tableBegin+table+tableEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got := parseTable(table)
	var want []tableRow
	for _, s := range (Config{}).settings() {
		want = append(want, tableRow{s.Name, s.Default})
	}
	for _, row := range want {
		if !slices.Contains(got, row) {
			t.Errorf("README has no row for %s with the default %q", row.name, row.standard)
		}
	}
	for _, row := range got {
		if !slices.Contains(want, row) {
			t.Errorf("README's row for %s with the default %q is not in Config", row.name, row.standard)
		}
	}
	if len(got) != len(want) {
		t.Errorf("rows: got %d, want %d", len(got), len(want))
	}
}

type tableRow struct{ name, standard string }

var rowPattern = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]*) \\| (.+) \\|$")

func parseTable(table string) []tableRow {
	var rows []tableRow
	for _, m := range rowPattern.FindAllStringSubmatch(table, -1) {
		rows = append(rows, tableRow{m[1], strings.Trim(strings.TrimSpace(m[2]), "`")})
	}
	return rows
}

func readmeTable() string {
	var b strings.Builder
	b.WriteString("| variable | default | meaning |\n| --- | --- | --- |\n")
	for _, s := range (Config{}).settings() {
		standard := s.Default
		if standard != "" && standard != "required" {
			standard = "`" + standard + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.Name, standard, s.Doc)
	}
	return b.String()
}
