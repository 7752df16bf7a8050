package compat

import (
	"context"
	"fmt"
	"time"

	"airudder-exporter/internal/record"
)

func tryRegistry(ctx context.Context, cfg Config, names names, say func(Verdict)) {
	subject, err := record.NewThrowaway(cfg.Registry, names.subject)
	if err != nil {
		say(Verdict{Outcome: Fails, Name: "configuration", Text: err.Error(), Err: err})
		return
	}
	t := &tries{timeout: cfg.Timeout, say: say, came: map[string]Outcome{"": Fits}, explain: error.Error}
	r := &registry{cfg: cfg, name: names.subject, subject: subject}
	if cfg.Registry.AutoRegister {
		say(Verdict{Outcome: Told, Text: "makes, uses and deletes the subject " + names.subject})
	}
	defer r.leave(ctx, t)
	t.all(ctx, r.tries(t))
}

// registry is where the schema registry is tried.
type registry struct {
	cfg     Config
	name    string // of the subject
	subject *record.Throwaway
}

func (r *registry) tries(t *tries) []try {
	return []try{
		{name: "registration", breaks: "run does not start", cure: "see the registry's reason", run: func(ctx context.Context) (string, error) {
			if !r.cfg.Registry.AutoRegister {
				return "", unasked("a run only looks schemas up, which check does (" + r.auto() + " is false)")
			}
			r.tidy(ctx, t)
			id, err := r.subject.Register(ctx)
			return fmt.Sprintf("the schema has the id %d, and keeps it when it is registered again", id), err
		}},
		{name: "schema by id", needs: "registration", breaks: "no consumer can read the records", cure: "have consumers and exporter use one registry",
			run: func(ctx context.Context) (string, error) {
				return "the schema is read back by its id", r.subject.ReadBack(ctx)
			}},
		{name: "compatibility check", needs: "registration", breaks: "check cannot tell whether a new version's schemas would be taken",
			cure: "none is needed: run registers the schemas all the same", run: func(ctx context.Context) (string, error) {
				level, err := r.subject.Compatible(ctx)
				if level == "" {
					return "it is answered", err
				}
				return "it is answered, by the level " + level, err
			}},
	}
}

func (r *registry) auto() string {
	if name := r.cfg.Registry.SettingName; name != nil {
		return name("AutoRegister")
	}
	return "AutoRegister"
}

// tidy deletes what a check that was killed has left.
func (r *registry) tidy(ctx context.Context, t *tries) {
	all, err := r.subject.Subjects(ctx)
	if err != nil {
		return // whatever it is, the next request says so
	}
	old, _ := left(all, time.Now(), "-value", r.cfg.Kafka.EventTopic)
	for _, name := range old {
		text := "an earlier check left the subject " + name + ": deleted"
		if err := r.subject.DeleteSubject(ctx, name); err != nil {
			text = "an earlier check left the subject " + name + ", which cannot be deleted: " + err.Error()
		}
		t.say(Verdict{Outcome: Told, Text: text})
	}
}

// leave deletes the subject, whatever became of ctx.
func (r *registry) leave(ctx context.Context, t *tries) {
	if !r.subject.Made() || t.mute {
		return
	}
	t.one(context.WithoutCancel(ctx), try{name: "deletion", breaks: "the throw-away subject stays",
		cure: "delete the subject " + r.name + " by hand, softly and then for good",
		run: func(ctx context.Context) (string, error) {
			return "the throw-away subject is deleted, for good", r.subject.Delete(ctx)
		}})
}
