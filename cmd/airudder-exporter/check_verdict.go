package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"airudder-exporter/internal/airudder"
	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/record"
)

// verdict is what check's lines come to.
type verdict struct {
	failed int
	mute   int    // of those that failed, for want of an answer
	untold int    // tries that could not be made
	notes  int    // of what works, and could be better
	needs  []need // of the promise, in the order in which they were found lacking
}

// need is what the promise rests on, and is not so here.
type need struct {
	what   string
	topics int // that lack it; 0: it is not about topics
}

func (c *checker) heading(text string) { fmt.Fprintf(c.out, "\n%s\n", text) }

func (c *checker) ok(format string, args ...any) { fmt.Fprintf(c.out, "  ok    "+format+"\n", args...) }

// info is a line that calls for nothing.
func (c *checker) info(format string, args ...any) {
	fmt.Fprintf(c.out, "  info  "+format+"\n", args...)
}

// note is a line about what works, and could be better.
func (c *checker) note(format string, args ...any) {
	c.verdict.notes++
	fmt.Fprintf(c.out, "  note  "+format+"\n", args...)
}

// needs is a note about what the promise rests on, and lacks; topic may be empty.
func (c *checker) needs(what, topic, format string, args ...any) {
	c.note(format, args...)
	v := &c.verdict
	i := slices.IndexFunc(v.needs, func(n need) bool { return n.what == what })
	if i < 0 {
		i = len(v.needs)
		v.needs = append(v.needs, need{what: what})
	}
	if topic != "" {
		v.needs[i].topics++
	}
}

func (c *checker) fail(format string, args ...any) {
	c.verdict.failed++
	fmt.Fprintf(c.out, "  FAIL  "+format+"\n", args...)
}

// failOf is fail for an error, which may be that nobody answered. text is the error in
// words.
func (c *checker) failOf(err error, text string) {
	if unanswered(err) {
		c.verdict.mute++
	}
	c.fail("%s", text)
}

// unanswered reports whether an error says no more than that there was no answer.
func unanswered(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	if of, ok := errors.AsType[exporter.UpstreamError](err); ok {
		return slices.Contains([]string{airudder.KindNetwork, airudder.KindTimeout, airudder.KindServer, airudder.KindRateLimited}, of.Kind())
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, record.ErrNoAnswer) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// end says what it comes to. Where all that failed is that somebody did not answer,
// nothing is known to be wrong.
func (v verdict) end(out io.Writer) error {
	fmt.Fprintf(out, "\n%s\n", v)
	switch v.failed {
	case 0:
		if v.untold == 0 {
			return nil
		}
		return fmt.Errorf("%w: %w", errShown, errUntold)
	case v.mute:
		return fmt.Errorf("%w: %w", errShown, errUntold)
	}
	return errShown
}

func (v verdict) String() string {
	begin := "passed"
	switch {
	case v.failed == 0 && v.untold > 0:
		begin = count(v.untold, "check") + " could not be tried"
	case v.failed == 0 && v.notes == 0:
		return "all checks passed"
	case v.failed > 0 && v.failed == v.mute:
		begin = fmt.Sprintf("%d of the checks had no answer", v.failed)
	case v.failed > 0:
		begin = fmt.Sprintf("%d of the checks failed", v.failed)
	}
	if v.failed > 0 && v.untold > 0 {
		begin += fmt.Sprintf(", and %d could not be tried", v.untold)
	}
	var needs []string
	for _, n := range v.needs {
		text := n.what
		if n.topics > 0 {
			text += " on " + count(n.topics, "topic")
		}
		needs = append(needs, text)
	}
	switch {
	case v.notes == 0:
		return begin
	case len(needs) == 0:
		return fmt.Sprintf("%s, %s that the promise does not need", begin, count(v.notes, "note"))
	}
	return fmt.Sprintf("%s, %s: the promise needs %s", begin, count(v.notes, "note"), strings.Join(needs, ", "))
}

// count is a number of things in words.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
