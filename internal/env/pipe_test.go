//go:build unix

package env

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func pipe(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A secret may come through a pipe, in pieces, from somebody who writes it later.
func TestSecretFromAPipe(t *testing.T) {
	path := pipe(t)
	wrote := make(chan error, 1)
	go func() {
		file, err := os.OpenFile(path, os.O_WRONLY, 0) // waits for the reader
		if err == nil {
			_, err = file.WriteString("from a ")
			_, errRest := file.WriteString("pipe\n")
			err = errors.Join(err, errRest, file.Close())
		}
		wrote <- err
	}()
	var c config
	r := Read(t.Context(), &c, Environment{Set: []string{"APP_NAME=n", "BROKER_PASSWORD_FILE=" + path}})
	if err := errors.Join(r.Err(), <-wrote); err != nil || c.Broker.Password != "from a pipe" {
		t.Errorf("got %q: %v", c.Broker.Password, err)
	}
}

// A pipe that nobody writes to, and one that its writer keeps open, end with the wait
// or with the program.
func TestPipeWithoutAnEnd(t *testing.T) {
	for _, written := range []string{"nobody", "somebody"} {
		path := pipe(t)
		if written == "somebody" {
			file, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if _, err := file.WriteString("half a sec"); err != nil {
				t.Fatal(err)
			}
		}
		_, err := readSecret(t.Context(), path, 20*time.Millisecond)
		if err == nil || !strings.HasSuffix(err.Error(), "has no end within 20ms: if it is a pipe, write the value into it and close it") {
			t.Errorf("%s writes: got %v", written, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		var c config
		r := Read(ctx, &c, Environment{Set: []string{"APP_NAME=n", "BROKER_PASSWORD_FILE=" + path}})
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
			t.Errorf("%s writes, and the program is told to end: got %v", written, err)
		}
	}
}

// An endless pipe is not read to its end.
func TestPipeThatGoesOn(t *testing.T) {
	path := pipe(t)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		for err == nil {
			_, err = file.WriteString(strings.Repeat("x", 4096)) // until the reader has gone
		}
		_ = file.Close()
	}()
	if _, err := readSecret(t.Context(), path, time.Minute); err == nil || !strings.Contains(err.Error(), "is larger than") {
		t.Errorf("got %v", err)
	}
	<-ended
}
