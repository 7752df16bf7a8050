// Package inspect looks at an account that nobody has seen yet: how its list and its
// details answer, and which settings follow. It prints shapes, counts and plain words,
// and no value that could be personal: see [words] and [Shape].
//
// It asks at most once in five seconds, whatever the budget is, since an exporter may
// run beside it.
package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/airudder"
)

const (
	every   = 5 * time.Second // at most one request in
	maxBody = 256 << 20       // bytes of an answer that are looked at
)

// Config is what to look at.
type Config struct {
	Account airudder.Config // but for its budget
	TaskID  string          // whose detail; empty: one that the list shows
	Since   time.Time       // for {since}
	Pages   bool            // look for a second page even where the list looks whole
	Watch   time.Duration   // how long to read the task again and again; 0: not at all

	Out      io.Writer // for people
	Progress io.Writer // what is being waited for
	Save     io.Writer // shapes without values, as JSON; nil: none
}

// Run looks at the account. An error says that it could not, and why.
func Run(ctx context.Context, cfg Config) error {
	cfg.Account.RequestsPerSecond = 1 / every.Seconds()
	if cfg.Account.Zone == nil {
		cfg.Account.Zone = time.FixedZone("", 8*60*60) // as the client's own
	}
	metrics := prometheus.NewRegistry()
	client, err := airudder.New(cfg.Account, nil, metrics)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	i := &inspection{Config: cfg, client: client, metrics: metrics, paper: paper{to: cfg.Out}, saved: map[string]any{}}
	i.printf("AIRudder at %s, asked at most once in %s.\n"+
		"No value that could be personal is shown: \"string 3–20\" is a text of 3 to 20 bytes, a line with ! is for you to act on.\n",
		cfg.Account.BaseURL, every)
	if err := i.all(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// inspection is one run.
type inspection struct {
	Config
	paper
	client    *airudder.Client
	metrics   *prometheus.Registry
	scheme    string // that the token needs, where it is not the configured one
	proposals []proposal
	saved     map[string]any // shapes, by what they are of
}

func (i *inspection) all(ctx context.Context) error {
	if err := i.token(ctx); err != nil {
		return err
	}
	taskID, listErr := i.list(ctx)
	if i.TaskID != "" {
		taskID = i.TaskID
	}
	var detailErr error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case taskID != "":
		detailErr = i.detail(ctx, taskID)
	default:
		i.section("Detail")
		i.note("not asked for, since no task is listed: name one, as in airudder-exporter inspect TaskID")
	}
	i.settings()
	if err := i.save(); err != nil {
		return err
	}
	if i.Watch > 0 && taskID != "" && detailErr == nil {
		i.watch(ctx, taskID)
	}
	return errors.Join(listErr, detailErr)
}

func (i *inspection) token(ctx context.Context) error {
	i.section("Token")
	i.waiting("a token")
	shape, err := i.client.TokenShape(ctx)
	if err != nil {
		i.note("%v", err)
		return err
	}
	i.line("token", "%d characters of %s", shape.Length, strings.Join(shape.Kinds, " "))
	return nil
}

// waiting tells whoever waits what for.
func (i *inspection) waiting(format string, args ...any) {
	fmt.Fprintf(i.Progress, "waiting for "+format+" …\n", args...)
}

// raw asks a question.
func (i *inspection) raw(ctx context.Context, asked airudder.Question) (airudder.Raw, error) {
	asked.Since, asked.AuthScheme = i.Since, i.scheme
	return i.client.Raw(ctx, asked, maxBody)
}

func (i *inspection) save() error {
	if i.Save == nil {
		return nil
	}
	out := json.NewEncoder(i.Save)
	out.SetIndent("", " ")
	if err := out.Encode(i.saved); err != nil {
		return fmt.Errorf("save: %w", err)
	}
	return nil
}

// setting is what the operator calls one.
func (i *inspection) setting(field string) string {
	if i.Account.SettingName == nil {
		return field
	}
	return i.Account.SettingName(field)
}

// paper is what people read: sections of lines, each with a label.
type paper struct {
	to    io.Writer
	label string // of the last line
	notes int
}

func (p *paper) printf(format string, args ...any) { fmt.Fprintf(p.to, format, args...) }

func (p *paper) section(title string) {
	p.label = ""
	p.printf("\n%s\n", title)
}

// line prints a line; of lines with the same label, the first alone shows it.
func (p *paper) line(label, format string, args ...any) {
	shown := label
	if label == p.label {
		shown = ""
	}
	p.label = label
	p.printf("  %-13s %s\n", shown, fmt.Sprintf(format, args...))
}

// note is a line that somebody should act on.
func (p *paper) note(format string, args ...any) {
	p.label = ""
	p.notes++
	p.line("!", format, args...)
}
