package token

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"time"

	"airudder-exporter/internal/setting"
)

// fromFile reads the token that somebody else renews, as the kubelet does.
func (c Config) fromFile(context.Context) (Token, error) {
	wrong := func(text string) (Token, error) {
		return Token{}, fmt.Errorf("the token file %s %q %s", c.setting("File"), c.File, text)
	}
	info, err := os.Stat(c.File)
	if err == nil && !info.Mode().IsRegular() { // a pipe would be waited for
		return wrong("is no regular file")
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(c.File)
	}
	if err != nil {
		return wrong("cannot be read: " + setting.WithoutPath(err).Error())
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxToken+1))
	switch {
	case err != nil:
		return wrong("cannot be read: " + setting.WithoutPath(err).Error())
	case len(text) > maxToken:
		return wrong("holds more than a token: it has over 64 KiB")
	}
	t, want := parse(text, time.Now())
	if want != "" {
		return wrong(want)
	}
	return t, nil
}

// fromCommand has a program print the token. There is no shell. What it says on its
// standard error is thrown away: it may hold the secrets that it was called with.
func (c Config) fromCommand(ctx context.Context) (Token, error) {
	words := strings.Fields(c.Command)
	wrong := func(text string) (Token, error) {
		return Token{}, fmt.Errorf("the command of %s (%s) %s", c.setting("Command"), words[0], text)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := bounded{most: maxToken, full: cancel}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Stdout, cmd.WaitDelay = &out, time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case out.over:
		return wrong("prints more than a token: over 64 KiB")
	case ctx.Err() != nil, errors.Is(err, exec.ErrWaitDelay):
		return wrong(fmt.Sprintf("does not end within %s", patience))
	case errors.As(err, &exit):
		return wrong("fails (" + exit.ProcessState.String() + "): run it by hand as the exporter's user to see why")
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return wrong("is not there: give the program's whole path")
	case err != nil:
		return wrong("cannot be started: " + setting.WithoutPath(err).Error())
	}
	t, want := parse(out.kept.Bytes(), time.Now())
	if want != "" {
		return wrong("prints no token: its output " + want)
	}
	return t, nil
}

// bounded keeps what is written, up to a limit.
type bounded struct {
	kept bytes.Buffer // not embedded: it would be read into past Write
	most int
	full func() // called when there is more
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.kept.Len()+len(p) > b.most {
		b.over = true
		b.full()
		return 0, io.ErrShortWrite
	}
	return b.kept.Write(p)
}
