package internal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
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
	for _, pattern := range []string{"../README.md", "*/doc.go", "*/*.tla", "../.ci/mutations/*.patch"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
		}
		for _, path := range paths {
			for _, name := range matches(t, path, `\b((?:Test|Fuzz|Benchmark)[A-Z]\w+)`) {
				if !declared[name] {
					t.Errorf("%s names %s, which is no test", path, name)
				}
			}
		}
	}
}

func matches(t *testing.T, path, pattern string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
		all = append(all, match[1])
	}
	return all
}
