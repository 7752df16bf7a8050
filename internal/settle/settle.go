// Package settle settles by an operator's word what an exporter refuses to guess: that
// a new ledger is meant beside events of others (Create), and that a ledger goes on
// with another configuration than it was made with (Adopt).
//
// Both show their plan, and act only where they are told to. What they write is the
// meta entry alone, as an exporter does: behind the fence of its transactional id,
// after another look, in every partition at once. So whatever one that was killed has
// left is a whole meta or none, and it is simply run again.
package settle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/hold"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/topics"
)

// Config says what is settled, and how.
type Config struct {
	Exporter exporter.Config // of the exporters that use the ledger
	Specs    []topics.Spec   // of all topics
	Process  ledger.Writer   // this process
	Execute  bool            // else only the plan is shown
}

// Tool settles one ledger, once. It reports to out.
type Tool struct {
	cfg    Config
	client *kafka.Client
	log    *slog.Logger
	out    io.Writer
}

// New returns a Tool that has asked nothing yet.
func New(cfg Config, client *kafka.Client, log *slog.Logger, out io.Writer) *Tool {
	return &Tool{cfg: cfg, client: client, log: log, out: out}
}

var errRefused = errors.New("refused")

// Refused reports whether an error says that something else has to be done first, and
// not merely that this could not be found out.
func Refused(err error) bool {
	return errors.Is(err, errRefused) || errors.Is(err, ledger.ErrRefused) || errors.Is(err, topics.ErrUnfit)
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errRefused}, args...)...)
}

func (t *Tool) setting(field string) string { return t.cfg.Exporter.Setting(field) }

// write writes what decide returns, until it finds nothing more to write.
func (t *Tool) write(ctx context.Context, decide func(context.Context) (ledger.Meta, bool, error)) error {
	return exporter.WriteMetaSurely(ctx, t.client, t.cfg.Exporter.LedgerTopic, Refused, t.log, decide)
}

// unexecuted ends a plan that is only shown.
func (t *Tool) unexecuted() {
	fmt.Fprintln(t.out, "\nnothing was written: run this again with --execute")
}

// line is one of a plan's.
type line struct{ name, value string }

func (t *Tool) print(title string, lines []line) {
	fmt.Fprintln(t.out, title)
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	for _, l := range lines {
		fmt.Fprintf(w, "  %s\t%s\n", l.name, l.value)
	}
	_ = w.Flush() // out's errors are those of the next line
}

// newestOffsets is how far from each partition's end the newest records are looked at.
const newestOffsets = 1000

// stranger is the ledger whose records are the newest of an account, where that is
// another one than own; empty: there is none.
func (t *Tool) stranger(ctx context.Context, account, own string) (ledgerID string, err error) {
	topic := t.cfg.Exporter.EventTopic
	ranges, err := t.client.Ends(ctx, topic)
	if err != nil {
		return "", err
	}
	var one sync.Mutex
	var newest time.Time
	group, scanning := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for _, part := range ranges {
		from := max(part.Start, part.End-newestOffsets)
		group.Go(func() error {
			return t.client.Scan(scanning, topic, part.Partition, from, part.End, func(m kafka.Message) error {
				by := record.OriginOf(m.Headers)
				one.Lock()
				defer one.Unlock()
				if by.Account == account && by.LedgerID != own && !m.Time.Before(newest) {
					ledgerID, newest = by.LedgerID, m.Time
				}
				return nil
			})
		})
	}
	return ledgerID, group.Wait()
}

// fenceAll fences every producer of the ledger, so that each exporter looks at the meta
// again before it commits anything more.
func (t *Tool) fenceAll(ctx context.Context, partitions int) error {
	tool := hold.Tool{Client: t.client, Ledger: t.cfg.Exporter.LedgerTopic, Process: t.cfg.Process, Log: t.log}
	err := tool.Run(ctx, hold.All(partitions), func() {}, func(int, []byte, []byte) error { return nil },
		func(context.Context, *hold.Held) error { return nil })
	if err != nil {
		return fmt.Errorf("fence the exporters: %w", err)
	}
	return nil
}
