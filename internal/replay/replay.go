package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/progress"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/topics"
)

// Config says what is copied, and how.
type Config struct {
	Name   string // of the replay
	Target string // the topic that is written
	Select Selection

	// Where reports whether a value is one that is meant; nil: any is. Select.Where says
	// the same in words.
	Where func(ctx context.Context, value []byte) (bool, error)

	// SourceSetting and RegistrySetting are what the operator calls the settings that say
	// which topic is read and where its schemas are.
	SourceSetting, RegistrySetting string

	Schema      string // the full name of the record that the source's values are
	Compression string
	Create      bool // the target, where it is missing
	Rate        int  // records a second; 0: as fast as it goes
	Execute     bool // and do not only show the plan
	Progress    progress.Out
}

// Schemas looks up the schemas of a registry.
type Schemas interface {
	// SchemaName is the full name of the record type that a schema of the registry
	// describes. An error that wraps record.ErrNoSchema says that it has none of that id.
	SchemaName(ctx context.Context, id int) (string, error)
}

// Replay is one run. It is used once.
type Replay struct {
	cfg       Config
	selection Selection // with the ledger that is meant
	client    *kafka.Client
	schemas   Schemas
	log       *slog.Logger
	out       io.Writer
	codec     batch.Codec

	source   kafka.Topic
	settings map[string]string // the source's
	exists   bool              // the target
	target   *target
	plan     plan
	copied   int64
	work     *progress.Work
}

// New returns a Replay that has asked nothing yet. It shows its plan on out.
func New(cfg Config, client *kafka.Client, schemas Schemas, log *slog.Logger, out io.Writer) *Replay {
	return &Replay{cfg: cfg, selection: cfg.Select, client: client, schemas: schemas, log: log, out: out}
}

// errRefused marks what stays as it is however often it is tried.
var errRefused = errors.New("refused")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errRefused}, args...)...)
}

// Refused reports whether trying again cannot help: something else has to be done first.
func Refused(err error) bool {
	_, right := errors.AsType[*access.RightError](err)
	return right || errors.Is(err, errRefused) || errors.Is(err, topics.ErrUnfit)
}

// Run shows the plan, and copies where it is to.
func (r *Replay) Run(ctx context.Context) error {
	err := r.run(ctx)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("interrupted after %s records: run this again to continue after them", progress.Count(r.copied))
	}
	return err
}

func (r *Replay) run(ctx context.Context) (err error) {
	if r.codec, err = batch.ParseCodec(r.cfg.Compression); err != nil {
		return err
	}
	if err := r.look(ctx); err != nil {
		return err
	}
	if err := r.count(ctx); err != nil {
		return err
	}
	if err := r.judge(ctx); err != nil {
		return err
	}
	r.print()
	left := r.plan.total().records
	if !r.exists && left > 0 {
		if err := r.creatable(ctx); err != nil {
			return err
		}
	}
	switch {
	case left == 0:
	case !r.cfg.Execute:
		fmt.Fprintln(r.out, "\nnothing was written: run this again with --execute")
	default:
		if err := r.execute(ctx, left); err != nil {
			return err
		}
		fmt.Fprintf(r.out, "\n%s records were copied; %s holds %s\n",
			progress.Count(r.copied), r.cfg.Target, progress.Count(r.target.records()))
	}
	if gone := r.plan.gaps(r.selection.Topic); gone != nil {
		return refuse("retention deleted %s before they were copied: what was selected among them is not in %s",
			strings.Join(gone, ", "), r.cfg.Target)
	}
	return nil
}

// filter is a new one of what is selected.
func (r *Replay) filter() *filter { return newFilter(r.selection, r.cfg.Where) }

// attempts is how often a run begins at the fence: after another run of the same replay has
// fenced it, and again and again without any progress.
const attempts = 5

// execute copies what is left.
func (r *Replay) execute(ctx context.Context, left int64) error {
	if err := r.create(ctx); err != nil {
		return err
	}
	r.work = r.cfg.Progress.Start("replay", "records", left)
	defer r.work.Done()
	fenced, failed := 0, 0
	for {
		before := r.target.records()
		err := r.attempt(ctx)
		switch {
		case err == nil || ctx.Err() != nil || Refused(err):
			return err
		case errors.Is(err, kafka.ErrFenced):
			fenced++
		case r.target.records() > before:
			failed = 1
		default:
			failed++
		}
		if fenced == attempts || failed == attempts {
			return err
		}
		r.log.Warn("the replay begins again at its fence: a transaction is in doubt, or another run of it took over",
			"error", r.client.Explain(err))
		pause := time.Duration(failed+fenced) * (100*time.Millisecond + rand.N(200*time.Millisecond))
		if !sleep(ctx, pause) {
			return ctx.Err()
		}
	}
}

// attempt copies what is left, from the fence on.
func (r *Replay) attempt(ctx context.Context) error {
	w, err := r.client.Writer(ctx, TransactionalID(r.cfg.Target), r.cfg.Target)
	if err != nil {
		return err
	}
	// After the fence, so that nothing comes to it any more.
	decided, err := r.client.Decided(ctx, r.cfg.Target)
	if err != nil {
		return err
	}
	before := r.target.records()
	if err := r.target.catchUp(ctx, decided); err != nil {
		return err
	}
	if err := r.target.check(r.selection); err != nil {
		return err
	}
	if found := r.target.records() - before; found > 0 { // committed without an answer, or by another run
		r.copied += found
		r.work.Add(int(found))
	}
	ends := make([]int64, len(decided))
	for i, d := range decided {
		ends[i] = d.Log
	}
	w.Begins(ends)
	return r.copy(ctx, w, r.batchLimit(ctx))
}

// TransactionalID is that of the replays into a topic.
func TransactionalID(target string) string { return target + "-replay" }

// batchLimit is how many bytes a batch of the target may have.
func (r *Replay) batchLimit(ctx context.Context) int {
	all, err := r.client.Describe(ctx, []string{r.cfg.Target})
	if err == nil && all[r.cfg.Target].Err == nil {
		if n, err := strconv.Atoi(all[r.cfg.Target].Values[batchSetting]); err == nil {
			return n
		}
	}
	return batch.MaxMessageBytes
}

// known checks that the registry describes what the records say that they are.
func (r *Replay) known(ctx context.Context) error {
	checked := map[int]bool{}
	for _, part := range r.plan.parts {
		if part.unframed >= 0 && part.records > 0 {
			return refuse("%s[%d]@%d has a value that does not begin with a schema id: no exporter published it",
				r.selection.Topic, part.of.Partition, part.unframed)
		}
		for id, offset := range part.schemas {
			if checked[id] {
				continue
			}
			checked[id] = true
			name, err := r.schemas.SchemaName(ctx, id)
			switch {
			case errors.Is(err, record.ErrNoSchema), err == nil && name != r.cfg.Schema:
				what := "the schema registry has no such schema"
				if err == nil {
					what = "the schema registry has a " + name + " there"
				}
				return refuse("%s[%d]@%d is of schema %d, and %s: set %s to the registry that the exporter uses",
					r.selection.Topic, part.of.Partition, offset, id, what, r.cfg.RegistrySetting)
			case err != nil:
				return fmt.Errorf("look up the schema of %s[%d]@%d: %w", r.selection.Topic, part.of.Partition, offset, err)
			}
		}
	}
	return nil
}
