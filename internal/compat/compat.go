package compat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	kafkago "github.com/segmentio/kafka-go"

	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/topics"
)

// Config is what is tried, which is what a run would use.
type Config struct {
	Kafka      kafka.Config
	Layout     topics.Layout
	Assignment string // of shards
	Registry   record.Registry

	Timeout time.Duration // of one try
}

// Outcome is what a try came to.
type Outcome int

// The outcomes.
const (
	Fits    Outcome = iota
	Fails           // and the promise, or what Breaks says, with it
	Untried         // nothing is known
	Unasked         // the configuration does not need it
	Told            // no try: a sentence
)

// Verdict is a line about one try.
type Verdict struct {
	Outcome Outcome
	Name    string
	Text    string // what was seen, or why it was not tried
	Follows bool   // it was not tried for what a verdict before says
	Breaks  string // what does not work without it
	Cure    string
	Err     error    // why, where there is an error
	Grants  []string // commands that grant the rights that are missing
}

// try is one thing that is tried.
type try struct {
	name   string
	breaks string
	cure   string
	needs  string // a try that has to fit first; empty: none
	run    func(context.Context) (seen string, err error)
}

// unasked is an error of a try that the configuration makes needless.
type unasked string

func (u unasked) Error() string { return string(u) }

// unlike says how a Kafka or a registry behaved otherwise than it must.
func unlike(format string, args ...any) error { return fmt.Errorf(format, args...) }

// tries runs them and says each verdict.
type tries struct {
	timeout time.Duration
	say     func(Verdict)
	explain func(error) string
	lacks   func(*access.RightError) string
	grants  func(...*access.RightError) []string
	came    map[string]Outcome // of those before, by name
	mute    bool               // nobody answered: nothing more is tried
}

// all runs tries in order.
func (t *tries) all(ctx context.Context, all []try) {
	for _, one := range all {
		t.one(ctx, one)
	}
}

func (t *tries) one(ctx context.Context, of try) {
	v := Verdict{Name: of.name, Breaks: of.breaks, Cure: of.cure}
	switch {
	case ctx.Err() != nil:
		v.Outcome, v.Follows, v.Text = Untried, true, "the check was interrupted"
	case t.mute:
		v.Outcome, v.Follows, v.Text = Untried, true, "there was no answer before"
	case t.came[of.needs] == Unasked: // nor is this, and it has been said why
		t.came[of.name] = Unasked
		return
	case t.came[of.needs] != Fits:
		v.Outcome, v.Follows, v.Text = Untried, true, "it needs "+of.needs
	default:
		t.try(ctx, of, &v)
	}
	t.came[of.name] = v.Outcome
	t.say(v)
}

func (t *tries) try(ctx context.Context, of try, v *Verdict) {
	limited, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	v.Text, v.Err = of.run(limited)
	missing := access.Missing(v.Err)
	var needless unasked
	switch {
	case v.Err == nil:
		return
	case errors.As(v.Err, &needless):
		v.Outcome, v.Text, v.Err = Unasked, needless.Error(), nil
		return
	case ctx.Err() != nil:
		v.Outcome, v.Text, v.Err = Untried, "the check was interrupted", nil
		return
	case len(missing) > 0:
		v.Outcome, v.Text, v.Grants = Untried, t.without(missing), t.grants(missing...)
	case silent(v.Err):
		v.Outcome, v.Text = Untried, t.words(v.Err)
		t.mute = true
	default:
		v.Outcome, v.Text = Fails, t.words(v.Err)
	}
}

// words is an error on one line.
func (t *tries) words(err error) string {
	if unfit, ok := errors.AsType[*kafka.UnfitError](err); ok { // the rest of the chain says nothing more
		return unfit.Error()
	}
	return strings.ReplaceAll(t.explain(err), "\n", "; ")
}

// silent reports whether an error is no more than the want of an answer, which says
// nothing about what was tried.
func silent(err error) bool {
	if _, answered := errors.AsType[kafkago.Error](err); answered || err == nil {
		return false
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, record.ErrNoAnswer)
}

// without says which rights are missing, a sentence for each resource.
func (t *tries) without(missing []*access.RightError) string {
	var all []*access.RightError
	for _, m := range missing {
		i := slices.IndexFunc(all, func(o *access.RightError) bool { return o.Resource == m.Resource && o.Name == m.Name })
		if i < 0 {
			one := *m
			all = append(all, &one)
		} else if o := all[i]; !slices.Contains(strings.Split(o.Operation, ", "), m.Operation) {
			o.Operation += ", " + m.Operation
		}
	}
	var text []string
	for _, m := range all {
		text = append(text, t.lacks(m))
	}
	return strings.Join(text, "; ")
}

// Run tries Kafka and then the registry, and says a verdict on each try, and first what
// it is about to make. heading is told what follows.
func Run(ctx context.Context, cfg Config, heading func(string), say func(Verdict)) {
	names := newNames(cfg, time.Now())
	heading("Kafka, on throw-away topics")
	tryKafka(ctx, cfg, names, say)
	heading("Schema registry, with a throw-away subject")
	tryRegistry(ctx, cfg, names, say)
}

func tryKafka(ctx context.Context, cfg Config, names names, say func(Verdict)) {
	client, err := kafka.Dial(names.on(cfg.Kafka), slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		say(Verdict{Outcome: Fails, Name: "configuration", Text: err.Error(), Err: err})
		return
	}
	defer client.Close()
	say(Verdict{Outcome: Told, Text: fmt.Sprintf("makes, uses and deletes the topics %s and %s, with transactional ids that begin with %s-",
		names.event, names.ledger, names.ledger)})
	t := &tries{timeout: cfg.Timeout, say: say, explain: client.Explain, lacks: client.Lacks, grants: client.Grants, came: map[string]Outcome{"": Fits}}
	p := &place{cfg: cfg, names: names, client: client}
	defer p.leave(ctx, t) // also what was made before an error
	t.all(ctx, p.making(t))
	l := &logs{place: p}
	t.all(ctx, l.tries())
	t.all(ctx, (&shard{place: p}).tries())
}
