package env

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"airudder-exporter/internal/setting"
)

// What a secret's file may be: a secret is short, and whoever writes it into a pipe
// does so at once.
const (
	maxSecret   = 64 << 10
	secretWait  = 5 * time.Second
	secretRetry = 10 * time.Millisecond // between two looks at a pipe that nobody writes to yet
)

const byteOrderMark = "\ufeff"

// fromFile is the secret in the file that a field's _FILE names.
func (r *Reader) fromFile(ctx context.Context, f field, path string) (string, error) {
	text, err := readSecret(ctx, path, secretWait)
	if err != nil {
		return "", fmt.Errorf("cannot be read from %s: %w", f.file(), err)
	}
	value, newlines, err := secretIn(path, text)
	if err != nil {
		return "", fmt.Errorf("cannot be read from %s: %w", f.file(), err)
	}
	if newlines > 1 {
		r.Warn(f.file(), "the file ends with several newlines, which are cut off: leave one or none")
	}
	r.warnOfBlanks(f.file(), value)
	return value, nil
}

// secretIn is the secret that a file holds, and how many newlines end it.
func secretIn(path string, text []byte) (value string, newlines int, err error) {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return "", 0, fmt.Errorf("the file %q is UTF-16: write it as UTF-8", path)
	}
	lines := strings.TrimLeft(string(text), byteOrderMark)
	value = strings.TrimRight(lines, "\r\n")
	if strings.TrimSpace(value) == "" {
		return "", 0, fmt.Errorf("the file %q is empty: write the value into it", path)
	}
	end := lines[len(value):]
	return value, len(strings.ReplaceAll(end, "\r\n", "\n")), nil
}

// warnOfBlanks speaks of a secret that has blanks around it. They are kept: it may
// be a password.
func (r *Reader) warnOfBlanks(name, value string) {
	if strings.TrimSpace(value) != value {
		r.Warn(name, "the value begins or ends with blanks, which are taken as part of it: remove them if they are not")
	}
}

// readSecret reads a small file, which may be a pipe, and gives up once ctx ends or
// wait has passed. Its errors show the path only once there is a file of that
// name: the operator may have put the secret itself there.
func readSecret(ctx context.Context, path string, wait time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, wait,
		fmt.Errorf("the file %q has no end within %s: if it is a pipe, write the value into it and close it", path, wait))
	defer cancel()
	type result struct {
		text []byte
		err  error
	}
	read := make(chan result, 1)
	go func() { // a file on a dead network drive hangs in a system call
		text, err := readSmall(ctx, path)
		read <- result{text, err}
	}()
	select {
	case r := <-read:
		return r.text, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// readSmall opens without waiting for somebody who writes, as the open of a pipe
// would, in a system call that no context ends.
func readSmall(ctx context.Context, path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("no right to read the file %q: let the exporter's user read it", path)
	case err != nil:
		return nil, fmt.Errorf("%w: give the path of a file that holds the value", setting.WithoutPath(err))
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, setting.WithoutPath(err)
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%q is a directory: give the path of a file that holds the value", path)
	}
	stop := context.AfterFunc(ctx, func() { _ = file.SetReadDeadline(time.Now()) }) // fails for what cannot wait
	defer stop()
	pipe := info.Mode()&fs.ModeNamedPipe != 0
	for {
		text, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			return nil, fmt.Errorf("the file %q: %w", path, setting.WithoutPath(err))
		case len(text) > maxSecret:
			return nil, fmt.Errorf("the file %q is larger than %d bytes: give one that holds the value alone", path, maxSecret)
		case len(text) > 0 || !pipe:
			return text, nil
		}
		select { // nobody has written to the pipe yet, which looks like its end
		case <-time.After(secretRetry):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
