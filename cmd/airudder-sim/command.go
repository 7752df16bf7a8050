package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"airudder-exporter/internal/airuddersim"
)

// options are what the flags say.
type options struct {
	addr      string
	speed     float64
	stateFile string
	listShape string
	faults    []string
	oddities  []string
	hints     airuddersim.Hinter
	sim       airuddersim.Config
}

// newCommand is the program: it serves, and has a health check for images
// without a shell.
func newCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:           "airudder-sim",
		Short:         "Serve a simulated AIRudder",
		Long:          about + oddities(),
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(); err != nil {
				return err
			}
			return serve(cmd.Context(), &o, cmd.ErrOrStderr())
		},
	}
	o.bind(cmd)
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.AddCommand(newHealthcheck())
	return cmd
}

const about = `Serve a simulated AIRudder: invented campaigns that play by themselves, faults on demand
(--fault, POST /faults), and what really happened (GET /truth).

Accounts differ where the documentation is silent. --oddity name or --oddity name=value, as
often as needed, makes this one an account of that kind; POST /faults with
{"oddities":{"name":"value"}} does so while it runs, and {"oddities":{}} ends all of them.

Oddities:
`

// oddities are all oddities, one a line.
func oddities() string {
	var b strings.Builder
	for _, r := range airuddersim.OddityRules() {
		name := string(r.Oddity)
		if value, optional := strings.CutPrefix(r.Value, "["); optional {
			name += "[=" + value
		} else if value != "" {
			name += "=" + value
		}
		fmt.Fprintf(&b, "  %-22s %s\n", name, r.Means)
	}
	return b.String()
}

// bind declares the flags.
func (o *options) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.addr, "addr", "127.0.0.1:8090", "address to listen on")
	f.Float64Var(&o.speed, "speed", 1, "seconds of the simulation in one of the wall clock; above 1 calls end in the future")
	f.StringVar(&o.stateFile, "state-file", "", "keep the campaigns and the truth in this file and continue from it")

	f.Uint64Var(&o.sim.Seed, "seed", 1, "what every campaign, call and talk follows from")
	f.IntVar(&o.sim.Tasks, "tasks", 3, "campaigns at a time")
	f.IntVar(&o.sim.RowsPerTask, "rows", 0, "rows of a campaign, roughly; 0: as the rate suggests")
	f.Float64Var(&o.sim.Rate, "rate", 5, "calls that finish in a second, roughly")
	f.Float64Var(&o.sim.Overtake, "overtake", 0, "share of failed attempts that show as finished until their redial")
	f.DurationVar(&o.sim.WarmUp, "warm-up", time.Minute, "campaigns have been running for so long at the start")
	f.DurationVar(&o.sim.DriftAfter, "drift-after", 0, "the fields drift after this long; 0: never")

	f.StringVar(&o.hints.URL, "hints", "", "tell this URL of calls that end, as webhooks may: a POST each")
	f.DurationVar(&o.hints.Delay, "hints-delay", time.Second, "how late a hint may be")
	f.Float64Var(&o.hints.Lost, "hints-lost", .05, "share of hints that are lost")
	f.Float64Var(&o.hints.Double, "hints-double", .05, "share of hints that are sent twice")

	f.StringVar(&o.sim.AppKey, "app-key", "", "the key that is right; empty: any")
	f.StringVar(&o.sim.AppSecret, "app-secret", "", "the secret that is right; empty: any")
	f.DurationVar(&o.sim.TokenTTL, "token-ttl", 24*time.Hour, "a token's life")

	f.StringVar(&o.listShape, "list-shape", string(airuddersim.ListArray), "shape of the task list: "+shapes())
	f.StringVar(&o.sim.ListName, "list-name", "list", "name of the array in the list shape nested")
	f.IntVar(&o.sim.ListPageSize, "list-page-size", 0, "tasks on a page of the list; 0: no paging")
	f.DurationVar(&o.sim.ListLag, "list-lag", 0, "by how much the list lags the detail")
	f.BoolVar(&o.sim.ListIgnoresFilters, "list-ignores-filters", false, "answer every list query with the same tasks")
	f.BoolVar(&o.sim.ListWithoutID, "list-without-id", false, "list entries without a TaskID, too")

	f.StringArrayVar(&o.oddities, "oddity", nil, "how the account differs, as name or name=value; repeatable. See above")
	f.BoolVar(&o.sim.Gzip, "gzip", true, "compress responses where it is accepted")
	f.StringArrayVar(&o.faults, "fault", nil, "share of responses that a fault happens to, as kind=share; repeatable. Kinds: "+kinds())
}

// complete checks what the flags say and fills in the configuration.
func (o *options) complete() error {
	o.sim.Renew = o.sim.Tasks > 0
	if o.hints.URL != "" {
		o.sim.Ended = o.hints.Ended
	}
	o.sim.ListShape = airuddersim.ListShape(o.listShape)
	if !slices.Contains(airuddersim.ListShapes(), o.sim.ListShape) {
		return fmt.Errorf("--list-shape %q: want one of %s", o.listShape, shapes())
	}
	if err := errors.Join(
		above0("--speed", o.speed), above0("--rate", o.sim.Rate), above0("--token-ttl", o.sim.TokenTTL),
		atLeast0("--tasks", o.sim.Tasks), atLeast0("--rows", o.sim.RowsPerTask), atLeast0("--list-page-size", o.sim.ListPageSize),
	); err != nil {
		return err
	}
	o.sim.FaultRates = map[airuddersim.FaultKind]float64{}
	for _, text := range o.faults {
		kind, share, err := parseFault(text)
		if err != nil {
			return err
		}
		o.sim.FaultRates[kind] = share
		o.sim.Cache = o.sim.Cache || kind == airuddersim.Stale
	}
	o.sim.Oddities = map[airuddersim.Oddity]string{}
	for _, text := range o.oddities {
		name, value, err := airuddersim.ParseOddity(text)
		if err != nil {
			return fmt.Errorf("--oddity %s: %w", text, err)
		}
		o.sim.Oddities[name] = value
	}
	return nil
}

func above0[T float64 | time.Duration](flag string, value T) error {
	if value > 0 && !math.IsInf(float64(value), 0) { // NaN is not above 0
		return nil
	}
	return fmt.Errorf("%s %v: want more than 0", flag, value)
}

func atLeast0(flag string, value int) error {
	if value >= 0 {
		return nil
	}
	return fmt.Errorf("%s %d: want 0 or more", flag, value)
}

// parseFault reads kind=share.
func parseFault(text string) (airuddersim.FaultKind, float64, error) {
	name, number, _ := strings.Cut(text, "=")
	kind := airuddersim.FaultKind(name)
	if !slices.Contains(allKinds(), kind) {
		return "", 0, fmt.Errorf("--fault %q: want kind=share with one of the kinds %s", text, kinds())
	}
	share, err := strconv.ParseFloat(number, 64)
	if err != nil || !(share >= 0 && share <= 1) {
		return "", 0, fmt.Errorf("--fault %q: want a share from 0 to 1 after the kind", text)
	}
	return kind, share, nil
}

func shapes() string { return joined(airuddersim.ListShapes()) }

func kinds() string { return joined(allKinds()) }

func allKinds() []airuddersim.FaultKind {
	return append(airuddersim.FaultKinds(), airuddersim.Lies()...)
}

func joined[T ~string](words []T) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	return strings.Join(texts, ", ")
}
