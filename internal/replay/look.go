package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/progress"
	"airudder-exporter/internal/topics"
)

// look finds the two topics, fixes the ends, and reads what the target holds.
func (r *Replay) look(ctx context.Context) error {
	source, target := r.selection.Topic, r.cfg.Target
	found, err := r.client.LookUp(ctx, source, target)
	if err != nil {
		return err
	}
	r.source, r.exists = found[source], !found[target].Missing()
	right, refused := errors.AsType[*access.RightError](r.source.Err)
	switch {
	case r.source.Missing():
		return refuse("there is no topic %s, or none that this user may read: set %s to the topic's name", source, r.cfg.SourceSetting)
	case refused:
		right.Operation = "Read" // which includes Describe
		return right
	case r.source.Err != nil:
		return r.source.Err
	case r.exists && found[target].Err != nil:
		return found[target].Err
	}
	if err := r.rights(ctx); err != nil {
		return err
	}
	described, err := r.client.Describe(ctx, []string{source})
	if err != nil {
		return err
	}
	r.settings = described[source].Values // without the right to see them, those of a new topic
	for _, p := range r.selection.Partitions {
		if p < 0 || p >= len(r.source.Leaders) {
			return refuse("--partition %d: %s has the partitions 0 to %d", p, source, len(r.source.Leaders)-1)
		}
	}
	r.target = newTarget(r.client, target, source, r.cfg.Name, len(r.source.Leaders))
	ends, err := r.client.Decided(ctx, source)
	if err != nil {
		return err
	}
	for _, of := range ends {
		r.plan.parts = append(r.plan.parts, part{of: of})
	}
	if !r.exists {
		return nil
	}
	// No fence yet: what is open is looked at after it, if it comes to that.
	stable, err := r.client.Stable(ctx, target)
	if err != nil {
		return err
	}
	return r.target.catchUp(ctx, stable)
}

// rights refuses early what would be refused in the middle.
func (r *Replay) rights(ctx context.Context) error {
	needed := map[string][]string{r.selection.Topic: {"Read"}}
	if r.exists {
		needed[r.cfg.Target] = []string{"Read", "Write", "DescribeConfigs"}
	}
	missing, err := r.client.MissingToWrite(ctx, TransactionalID(r.cfg.Target), needed)
	if err == nil && len(missing) > 0 {
		err = missing[0]
	}
	return err
}

// spec is the target as it is created.
func (r *Replay) spec() topics.Spec { return spec(r.cfg.Target, r.source, r.settings) }

// creatable says whether the target, which is missing, can be created.
func (r *Replay) creatable(ctx context.Context) error {
	if !r.cfg.Create {
		_, err := topics.Ensure(ctx, r.client, []topics.Spec{r.spec()}, false)
		return err
	}
	return topics.TryCreate(ctx, r.client, []topics.Spec{r.spec()})
}

// create creates the target where it is missing, and looks at its settings.
func (r *Replay) create(ctx context.Context) error {
	findings, err := topics.Ensure(ctx, r.client, []topics.Spec{r.spec()}, r.cfg.Create)
	if err == nil {
		err = topics.Refused(findings)
	}
	if err != nil {
		return err
	}
	return r.fit(ctx)
}

// fit refuses a target that would lose records, or change them.
func (r *Replay) fit(ctx context.Context) error {
	all := r.plan.total()
	described, err := r.client.Describe(ctx, []string{r.cfg.Target})
	if err == nil {
		err = described[r.cfg.Target].Err
	}
	if err != nil {
		return err
	}
	return unfit(r.cfg.Target, described[r.cfg.Target].Values, time.UnixMilli(all.oldest), time.UnixMilli(all.newest), all.largest, time.Now())
}

// count counts what is selected and not copied yet.
func (r *Replay) count(ctx context.Context) error {
	first, err := r.begins(ctx)
	if err != nil {
		return err
	}
	for i := range r.plan.parts {
		part, last := &r.plan.parts[i], r.target.parts[i].last
		part.from = max(part.of.Start, first[i], last+1)
		if !r.selection.holdsPartition(i) {
			part.from = part.of.End
		}
		if last >= 0 {
			part.lose(last+1, part.of.Start)
		}
		if last >= part.of.End {
			if err := r.beyond(ctx, i, last); err != nil {
				return err
			}
		}
	}
	work := r.cfg.Progress.Start("plan", "offsets", r.plan.offsets())
	defer work.Done()
	return r.plan.count(ctx, r.client, r.filter, work)
}

// beyond refuses a source that ends before what was copied from it. Another run that is at
// work has later ends.
func (r *Replay) beyond(ctx context.Context, partition int, last int64) error {
	now, err := r.client.Ends(ctx, r.selection.Topic)
	if err != nil {
		return err
	}
	if partition < len(now) && now[partition].End > last {
		return nil
	}
	return refuse("%s was copied up to offset %d of %s[%d], which ends before that: it was deleted and created again; give a topic that does not exist yet",
		r.cfg.Target, last, r.selection.Topic, partition)
}

// begins is the first offset of each partition that can be selected.
func (r *Replay) begins(ctx context.Context) ([]int64, error) {
	n := len(r.plan.parts)
	if r.selection.By != Published || r.selection.Since.IsZero() {
		return make([]int64, n), nil
	}
	first, err := r.client.FirstAt(ctx, r.selection.Topic, r.selection.Since, n)
	for i, offset := range first {
		if offset < 0 {
			first[i] = r.plan.parts[i].of.End // none below it: it was asked after the ends
		}
	}
	return first, err
}

// judge refuses what was counted where it cannot be copied.
func (r *Replay) judge(ctx context.Context) error {
	if err := r.oneLedger(); err != nil {
		return err
	}
	if err := r.target.check(r.selection); err != nil {
		return err
	}
	if err := r.known(ctx); err != nil {
		return err
	}
	if !r.exists || r.plan.total().records == 0 {
		return nil
	}
	return r.create(ctx) // which is there
}

// oneLedger refuses records of several ledgers, unless it was said which one is meant.
func (r *Replay) oneLedger() error {
	all := r.plan.total()
	if r.selection.LedgerID != "" {
		return nil
	}
	if _, unnamed := all.ledgers[""]; unnamed {
		return refuse("%s holds records that do not say of which ledger they are: no exporter published them", r.selection.Topic)
	}
	if id := r.target.ledgerID; id != "" {
		all.ledgers[id] += 0
		if len(all.ledgers) == 0 {
			all.ledgers = map[string]int{id: 0}
		}
	}
	if len(all.ledgers) > 1 {
		return refuse("%s holds records of several ledgers: say by --ledger-id which one is meant: %s", r.selection.Topic, all.list())
	}
	for id := range all.ledgers {
		r.selection.LedgerID = id
	}
	return nil
}

// print shows what would be done.
func (r *Replay) print() {
	fmt.Fprintf(r.out, "replay %s/%s of %s\n", r.cfg.Name, r.selection.Digest(), r.selection.Topic)
	fmt.Fprintf(r.out, "selected: %s\n", r.selection)
	switch {
	case r.exists && r.target.records() > 0:
		fmt.Fprintf(r.out, "into:     %s, which holds %s of its records\n", r.cfg.Target, progress.Count(r.target.records()))
	case r.exists:
		fmt.Fprintf(r.out, "into:     %s, which is empty\n", r.cfg.Target)
	default:
		s := r.spec()
		var configs []string
		for name, value := range s.Configs {
			configs = append(configs, name+"="+value)
		}
		slices.Sort(configs)
		fmt.Fprintf(r.out, "into:     %s, which is missing, and made with %d partitions, replication factor %d, %s\n",
			s.Name, s.Partitions, s.ReplicationFactor, strings.Join(configs, ", "))
	}
	fmt.Fprintln(r.out)
	r.plan.print(r.out, r.cfg.Rate)
	for _, gone := range r.plan.gaps(r.selection.Topic) {
		fmt.Fprintf(r.out, "deleted before they were copied: %s\n", gone)
	}
	if r.plan.total().records == 0 {
		what := "nothing is selected"
		if r.target.records() > 0 {
			what = "everything that is selected was copied"
		}
		fmt.Fprintln(r.out, "\n"+what+": there is nothing to do")
	}
}
