package internal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A test that the documents name is there.
func TestNamedTestsExist(t *testing.T) {
	declared := map[string]bool{}
	for _, root := range []string{".", "../cmd"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			for _, match := range matches(t, path, `(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`) {
				declared[match] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range files(t, "../README.md", "*/doc.go", "*/*.tla", "../.ci/mutations/*.patch") {
		for _, name := range matches(t, path, `\b((?:Test|Fuzz|Benchmark)[A-Z]\w+)`) {
			if !declared[name] {
				t.Errorf("%s names %s, which is no test", path, name)
			}
		}
	}
}

// What the documents link to is there, and so are the log lines, sentences and
// metrics that an operator looks for.
func TestDocuments(t *testing.T) {
	code := source(t)
	for _, path := range files(t, "../README.md", "../deploy/*.md", "../schemas/*.md") {
		for _, target := range matches(t, path, `\]\(([^)#:]+)(?:#[^)]*)?\)`) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), target)); err != nil {
				t.Errorf("%s links to %s: %v", path, target, err)
			}
		}
	}
	_, night, _ := strings.Cut(text(t, "../deploy/OPERATING.md"), "\n## At three in the morning\n")
	night, _, _ = strings.Cut(night, "\n## ")
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]*) \|`).FindAllStringSubmatch(night, -1) {
		for _, quoted := range regexp.MustCompile("`([^`/]+)`").FindAllStringSubmatch(row[1], -1) {
			for part := range strings.SplitSeq(quoted[1], "…") {
				if part = strings.Trim(part, " :()"); len(part) > 5 && !strings.Contains(code, part) {
					t.Errorf("OPERATING.md quotes %q, which the code does not say", part)
				}
			}
		}
	}
}

// README's table of rooms has each package of internal, and no other.
func TestReadmeRooms(t *testing.T) {
	var shown, rooms []string
	for _, row := range matches(t, "../README.md", "(?m)^\\| (`internal/[^|]*) \\|") {
		for _, room := range regexp.MustCompile("`internal/(\\w+)`").FindAllStringSubmatch(row, -1) {
			shown = append(shown, room[1])
		}
	}
	for _, path := range files(t, "*/*.go") {
		rooms = append(rooms, filepath.Dir(path))
	}
	slices.Sort(shown)
	if rooms = slices.Compact(rooms); !slices.Equal(shown, rooms) {
		t.Errorf("README's table of rooms has\n%v, internal has\n%v", shown, rooms)
	}
}

// source is the program's own code, its tests left out.
func source(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, path := range files(t, "*/*.go", "*/*/*.go", "../cmd/*/*.go") {
		if !strings.HasSuffix(path, "_test.go") {
			all.WriteString(text(t, path))
		}
	}
	return all.String()
}

func files(t *testing.T, patterns ...string) (all []string) {
	t.Helper()
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
		}
		all = append(all, paths...)
	}
	return all
}

func matches(t *testing.T, path, pattern string) (all []string) {
	t.Helper()
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text(t, path), -1) {
		all = append(all, match[1])
	}
	return all
}

func text(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
