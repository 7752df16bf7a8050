package settle

import (
	"cmp"
	"context"
	"fmt"

	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/topics"
)

// Adopt has a ledger go on with what is configured, where that differs from what it was
// made with. Then it fences all exporters, each of which looks at the ledger again: one
// with another configuration ends. That comes last, so that one that was killed before
// it only needs to be run again.
func (t *Tool) Adopt(ctx context.Context) error {
	own, _ := topics.Divide(t.cfg.Specs)
	if _, err := topics.Ensure(ctx, t.client, own, false); err != nil {
		return err
	}
	meta, err := t.held(ctx)
	if err != nil {
		return err
	}
	differ := t.differences(meta)
	if len(differ) == 0 {
		fmt.Fprintf(t.out, "the ledger %s has what is configured: there is nothing to adopt\n", meta.LedgerID)
	} else {
		var lines []line
		for _, d := range differ {
			lines = append(lines, line{t.setting(d.Field), d.Change()})
		}
		t.print("The ledger "+meta.LedgerID+" is to go on with", lines)
		fmt.Fprintln(t.out, "Consumers see the difference from then on: what was published stays as it is.")
	}
	if !t.cfg.Execute {
		if len(differ) > 0 {
			t.unexecuted()
		}
		return nil
	}
	err = t.write(ctx, func(ctx context.Context) (ledger.Meta, bool, error) {
		now, err := t.held(ctx)
		write := err == nil && len(t.differences(now)) > 0
		now.Pins = t.cfg.Exporter.Pins.Over(now.Pins)
		return now, write, err
	})
	if err == nil {
		err = t.fenceAll(ctx, meta.Partitions)
	}
	if err == nil && len(differ) > 0 {
		fmt.Fprintln(t.out, "\nthe ledger goes on with it")
	}
	return err
}

// differences are those that an exporter takes over by itself, too.
func (t *Tool) differences(meta ledger.Meta) []ledger.Difference {
	wanted := t.cfg.Exporter.Pins
	wanted.Stricter = nil
	return wanted.Differences(meta.Pins)
}

// held is the meta that the ledger holds. It refuses one that is none, and an account
// that another ledger publishes.
func (t *Tool) held(ctx context.Context) (ledger.Meta, error) {
	meta, found, err := exporter.Holds(ctx, t.cfg.Exporter, t.client)
	switch {
	case err != nil:
		return meta, err
	case !found:
		return meta, refuse("%s is no ledger yet: a run makes it, with what is configured", t.cfg.Exporter.LedgerTopic)
	}
	account := t.cfg.Exporter.Pins.Account
	if account == meta.Account {
		return meta, nil
	}
	id, err := t.stranger(ctx, account, meta.LedgerID)
	if err == nil && id != "" {
		err = refuse("the newest events of the account %s in %s are of the ledger %s: set another %s",
			cmp.Or(account, "without a name"), meta.EventTopic, id, t.setting("Account"))
	}
	return meta, err
}
