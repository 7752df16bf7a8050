package test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

const dockerfile = "deploy/Dockerfile"

// instructions are those of the Dockerfile as BuildKit reads them: each with its words.
func instructions(t *testing.T) (all [][]string) {
	t.Helper()
	of, err := parser.Parse(strings.NewReader(text(t, dockerfile)))
	if err != nil {
		t.Fatal(err)
	}
	for _, warning := range of.Warnings {
		t.Errorf("%s: %s", dockerfile, warning.Short)
	}
	for _, node := range of.AST.Children {
		words := append([]string{strings.ToUpper(node.Value)}, node.Flags...)
		for word := node.Next; word != nil; word = word.Next {
			words = append(words, word.Value)
		}
		all = append(all, words)
	}
	return all
}

// The image holds two static programs and certificates, and is run by nobody in particular.
func TestDockerfile(t *testing.T) {
	all := instructions(t)
	find := func(words ...string) bool {
		return slices.ContainsFunc(all, func(of []string) bool {
			return len(of) >= len(words) && slices.Equal(of[:len(words)], words)
		})
	}
	for _, want := range [][]string{
		{"FROM", "--platform=$BUILDPLATFORM"}, {"FROM", "scratch"}, {"USER", "65532:65532"},
		{"ENTRYPOINT", "/airudder-exporter"}, {"CMD", "run"}, {"COPY", "--from=build", "/out/airudder-exporter", "/out/airudder-sim", "/"},
	} {
		if !find(want...) {
			t.Errorf("%s has no %v", dockerfile, want)
		}
	}
	labels := ""
	for _, of := range all {
		if of[0] == "LABEL" {
			labels = strings.Join(of, " ")
		}
	}
	for _, name := range []string{"title", "licenses", "source", "version", "revision"} {
		if !strings.Contains(labels, "org.opencontainers.image."+name) {
			t.Errorf("the image has no label %s", name)
		}
	}
}

// What docker gets to see is what the programs are compiled from: no test, no document, no
// secret that lies about, no history.
func TestContext(t *testing.T) {
	for _, path := range dockerContext(t) {
		top, _, _ := strings.Cut(path, "/")
		if ext := filepath.Ext(path); !slices.Contains([]string{"cmd", "internal", "schemas", "go.mod", "go.sum"}, top) ||
			strings.HasSuffix(path, "_test.go") || ext == ".env" || ext == ".pem" || ext == ".key" {
			t.Errorf("docker sees %s", path)
		}
	}
}

// dockerContext names the files that .dockerignore leaves.
func dockerContext(t *testing.T) (paths []string) {
	t.Helper()
	patterns, err := ignorefile.ReadAll(strings.NewReader(text(t, ".dockerignore")))
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(repository, func(path string, of fs.DirEntry, err error) error {
		name, _ := filepath.Rel(repository, path)
		switch {
		case err != nil:
			return err
		case of.IsDir() && (name == ".git" || of.Name() == "node_modules"):
			return filepath.SkipDir
		case of.IsDir():
			return nil
		}
		if out, err := ignored.MatchesOrParentMatches(filepath.ToSlash(name)); err != nil || !out {
			paths = append(paths, filepath.ToSlash(name))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// built is a directory with the programs as the image's build makes them, out of what docker
// sees alone.
var built = sync.OnceValues(func() (dir string, err error) { return os.MkdirTemp("", "airudder-image-") })

// program builds as the image does, once, and returns the exporter's path.
func program(t *testing.T) string {
	t.Helper()
	dir, err := built()
	if err != nil {
		t.Fatal(err)
	}
	exporter := filepath.Join(dir, "out", "airudder-exporter")
	if _, err := os.Stat(exporter); err == nil {
		return exporter
	}
	source := filepath.Join(dir, "src")
	for _, path := range dockerContext(t) {
		content, err := os.ReadFile(filepath.Join(repository, path))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(source, path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(source, path), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, of := range instructions(t) {
		if of[0] != "RUN" || !strings.Contains(of[1], "go build") {
			continue
		}
		build := exec.Command("sh", "-c", strings.ReplaceAll(of[1], "/out/", dir+"/out/"))
		build.Dir = source
		build.Env = append(os.Environ(), "TARGETOS="+runtime.GOOS, "TARGETARCH="+runtime.GOARCH, "VERSION=v1.2.3", "REVISION=0123abc")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return exporter
}

// The programs say of which version and commit they are, as the build was told.
func TestVersion(t *testing.T) {
	out, err := exec.Command(program(t), "version").CombinedOutput()
	if want := "airudder-exporter v1.2.3 0123abc " + runtime.Version() + "\n"; err != nil || string(out) != want {
		t.Errorf("got %v %q, want %q", err, out, want)
	}
}

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := built(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}
