package env

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

type secretConfig struct {
	Password Secret `env:"BROKER_PASSWORD" secret:"true"`
	Key      string `env:"PRIVACY_KEY" secret:"true"`
}

func readSecrets(t *testing.T, set ...string) (secretConfig, *Reader) {
	t.Helper()
	var c secretConfig
	r := Read(t.Context(), &c, Environment{Set: set})
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return c, r
}

// A secret's file is read again at each use. What cannot be read leaves the value as it
// was, which is said once.
func TestSecretNow(t *testing.T) {
	path := secretFile(t, "first\n")
	c, r := readSecrets(t, "BROKER_PASSWORD_FILE="+path, "PRIVACY_KEY_FILE="+path)
	var log bytes.Buffer
	const changed, broken = "has another value", "cannot be read"
	for i, step := range []struct {
		text    string // "-": there is no file
		want    string
		changes int // that have been told
		losses  int
	}{
		{"first\n", "first", 0, 0},
		{"second\r\n", "second", 0, 0}, // nobody hears it: there is no log yet
		{"third", "third", 1, 0},
		{"-", "third", 1, 1},
		{"\n", "third", 1, 1},
		{"\xff\xfes\x00", "third", 1, 1},
		{"third", "third", 1, 1},
		{strings.Repeat("x", maxSecret+1), "third", 1, 2},
		{"fourth", "fourth", 2, 2},
	} {
		_ = os.Remove(path)
		if step.text != "-" {
			if err := os.WriteFile(path, []byte(step.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := c.Password.Now(); got != step.want || c.Password.First() != "first" {
			t.Errorf("got %q, at first %q; want %q and first", got, c.Password.First(), step.want)
		}
		if got := strings.Count(log.String(), changed); got != step.changes {
			t.Errorf("%d changes are told, want %d:\n%s", got, step.changes, &log)
		}
		if got := strings.Count(log.String(), broken); got != step.losses {
			t.Errorf("%d losses are told, want %d:\n%s", got, step.losses, &log)
		}
		if i == 1 {
			r.Log(slog.New(slog.NewTextHandler(&log, nil)))
		}
	}
	for _, value := range []string{"first", "second", "third", "fourth"} {
		if strings.Contains(log.String()+fmt.Sprintf("%v %+v %#v %s", c.Password, c.Password, c.Password, c.Password), value) {
			t.Errorf("%s is shown:\n%s", value, &log)
		}
	}
	if c.Key != "first" {
		t.Errorf("a secret that is a string is %q", c.Key)
	}
}

// As Kubernetes replaces a mounted secret: the path leads through a link to a directory,
// and the link is replaced.
func TestSecretBehindALink(t *testing.T) {
	dir := t.TempDir()
	put := func(version, text string) {
		t.Helper()
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		must(os.Mkdir(filepath.Join(dir, version), 0o700))
		must(os.WriteFile(filepath.Join(dir, version, "password"), []byte(text), 0o600))
		must(os.Symlink(version, filepath.Join(dir, "..data_tmp")))
		must(os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	}
	put("..1", "one")
	path := filepath.Join(dir, "password")
	if err := os.Symlink(filepath.Join("..data", "password"), path); err != nil {
		t.Fatal(err)
	}
	c, _ := readSecrets(t, "BROKER_PASSWORD_FILE="+path)
	put("..2", "two")
	if got := c.Password.Now(); got != "two" {
		t.Errorf("got %q, want two", got)
	}
}

// A variable and a pipe are read once.
func TestSecretsThatStay(t *testing.T) {
	c, _ := readSecrets(t, "BROKER_PASSWORD=s3cret")
	if got := c.Password.Now(); got != "s3cret" {
		t.Errorf("from a variable: got %q", got)
	}
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	wrote := make(chan error, 1)
	go func() { wrote <- os.WriteFile(path, []byte("s3cret"), 0o600) }()
	c, _ = readSecrets(t, "BROKER_PASSWORD_FILE="+path)
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	if got := c.Password.Now(); got != "s3cret" {
		t.Errorf("from a pipe: got %q", got)
	}
}
