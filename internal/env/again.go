package env

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// Secret is a value that is never shown, and that may change while the program runs: one
// that came from a file is read from there again. A field that is a plain string is read
// at the start alone.
type Secret struct {
	text string
	file *rereadFile // nil: it stays what it is
}

// EnvDecode implements envconfig's Decoder.
func (s *Secret) EnvDecode(value string) error {
	s.text = value
	return nil
}

// First is the value at the start.
func (s Secret) First() string { return s.text }

// Now is the value as it is now: the file's, or the last that could be read there.
func (s Secret) Now() string {
	if s.file == nil {
		return s.text
	}
	return s.file.now()
}

// String tells nothing but how long the secret is.
func (s Secret) String() string { return described(s.text) }

// GoString keeps it out of %#v, and of %+v of what holds it.
func (s Secret) GoString() string { return s.String() }

// longSecret is from how many characters on the length of a secret helps nobody to guess
// it. It shows one that was cut off, or is another one than it should be.
const longSecret = 16

// described says of a secret that it is set.
func described(secret string) string {
	n := utf8.RuneCountInString(secret)
	switch {
	case n == 0:
		return ""
	case n < longSecret:
		return "set"
	}
	return fmt.Sprintf("set (%d characters)", n)
}

// rereadFile is the file that a secret came from. Orchestrators replace it as a whole,
// often by way of a symbolic link, so it is found by its name each time.
type rereadFile struct {
	variable string // that names it
	path     string
	log      *atomic.Pointer[slog.Logger] // the Reader's; holds nil until there is one

	mu     sync.Mutex
	last   string
	broken bool // the last reading went wrong, which has been said
}

// rereadWait is how long another reading may take: a new connection waits for it.
const rereadWait = time.Second

func (f *rereadFile) now() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	value := ""
	text, err := readSecret(context.Background(), f.path, rereadWait)
	if err == nil {
		value, _, err = secretIn(f.path, text)
	}
	log := f.log.Load()
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	switch {
	case err != nil:
		if !f.broken {
			log.Warn("a secret's file cannot be read; the value that it had before is used", "variable", f.variable, "file", f.path, "error", err)
		}
	case value != f.last:
		log.Info("a secret's file has another value, which is used from now on", "variable", f.variable, "file", f.path)
		f.last = value
	}
	f.broken = err != nil
	return f.last
}

// Log has what happens to secrets' files from now on told there.
func (r *Reader) Log(log *slog.Logger) { r.log.Store(log) }

// again makes a Secret that came from a file be read again. A pipe's value is gone once
// it was read.
func (r *Reader) again(f field, path string) {
	secret, ok := f.value.Addr().Interface().(*Secret)
	if info, err := os.Stat(path); ok && err == nil && info.Mode().IsRegular() {
		secret.file = &rereadFile{variable: f.file(), path: path, log: &r.log, last: secret.text}
	}
}
