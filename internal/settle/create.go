package settle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/topics"
)

// Create begins a ledger for another account, beside events of others. Without a word
// of the operator an exporter takes such a ledger for a lost one.
func (t *Tool) Create(ctx context.Context) error {
	account := t.cfg.Exporter.Pins.Account
	if account == "" {
		return refuse("%s is not set: a second ledger beside existing events needs an account's name, "+
			"by which consumers tell the two apart", t.setting("Account"))
	}
	own, others := topics.Divide(t.cfg.Specs)
	if _, err := topics.Ensure(ctx, t.client, others, false); err != nil {
		return err
	}
	findings, err := topics.Ensure(ctx, t.client, own, false)
	missing, isMissing := errors.AsType[*topics.MissingError](err)
	if isMissing && t.cfg.Execute {
		findings, err = topics.Ensure(ctx, t.client, own, true)
	}
	partitions := own[0].Partitions
	switch {
	case isMissing && !t.cfg.Execute:
		err = t.free(ctx)
	case err == nil:
		if err = topics.Refused(findings); err == nil {
			partitions, _, err = t.vacant(ctx, "")
		}
	}
	if err != nil {
		return err
	}
	meta := t.cfg.Exporter.NewMeta(partitions)
	t.printNew(meta, missing != nil)
	if !t.cfg.Execute {
		t.unexecuted()
		return nil
	}
	err = t.write(ctx, func(ctx context.Context) (ledger.Meta, bool, error) {
		n, written, err := t.vacant(ctx, meta.LedgerID)
		meta.Partitions = n
		return meta, written < n, err
	})
	if err == nil {
		fmt.Fprintf(t.out, "\nthe ledger is there: %s. Start the exporter\n", meta.LedgerID)
	}
	return err
}

func (t *Tool) printNew(meta ledger.Meta, missing bool) {
	there := "is there, and empty"
	if missing {
		there = "missing: it is created"
	}
	t.print("A new ledger", []line{
		{"topic", t.cfg.Exporter.LedgerTopic + " (" + there + ")"},
		{"partitions", fmt.Sprint(meta.Partitions)},
		{"event topic", meta.EventTopic + ", which others may write to"},
		{"account", meta.Account},
		{"event key", meta.EventKey},
		{"source", meta.Source},
		{"detail path", meta.DetailPath},
		{"privacy", cmp.Or(meta.Privacy, "(none)")},
		{"export_since", meta.ExportSince.Format(time.RFC3339)},
	})
}

// vacant refuses a topic that is a ledger, or was one, except the one of the id that
// this tool has written; it returns how many partitions there are, and how many of them
// hold that one.
func (t *Tool) vacant(ctx context.Context, own string) (partitions, written int, err error) {
	topic := t.cfg.Exporter.LedgerTopic
	parts, err := exporter.Look(ctx, t.client, t.cfg.Exporter.LedgerTopics(), exporter.LookLast)
	if err != nil {
		return 0, 0, err
	}
	for i, p := range parts {
		switch {
		case p.HasMeta && p.Meta.LedgerID == own:
			written++
		case p.HasMeta:
			return 0, 0, refuse("%s is the ledger %s already: a run continues it. For another account, set another %s",
				topic, p.Meta.LedgerID, t.setting("LedgerTopic"))
		case p.LogStart > 0:
			return 0, 0, refuse("partition %d of %s begins at offset %d: records of a ledger were deleted from it. Set another %s",
				i, topic, p.LogStart, t.setting("LedgerTopic"))
		}
	}
	if written > 0 {
		return len(parts), written, nil
	}
	if err := t.without(ctx, topic); err != nil {
		return 0, 0, err
	}
	return len(parts), 0, t.free(ctx)
}

// without refuses a topic that holds entries of a ledger that has lost its meta.
func (t *Tool) without(ctx context.Context, topic string) error {
	_, err := t.client.Look(ctx, topic, func(partition int, key, value []byte) (bool, error) {
		e, err := ledger.ParseEntry(key, value)
		if errors.Is(err, ledger.ErrForeign) || err == nil && e.TaskID == "" {
			return false, nil
		}
		return true, refuse("partition %d of %s holds entries of a ledger that has lost its meta entry: "+
			"run `airudder-exporter ledger rebuild --execute`, or set another %s", partition, topic, t.setting("LedgerTopic"))
	})
	return err
}

// free refuses an account that another ledger publishes.
func (t *Tool) free(ctx context.Context) error {
	account := t.cfg.Exporter.Pins.Account
	id, err := t.stranger(ctx, account, "")
	if err != nil || id == "" {
		return err
	}
	return refuse("the newest events of the account %s in %s are of the ledger %s: with a second ledger each of its calls "+
		"would be published twice. Set %s to the topic of that ledger; where it was lost, run "+
		"`airudder-exporter ledger rebuild --execute --ledger-id %s`; for another account, set another %s",
		account, t.cfg.Exporter.EventTopic, id, t.setting("LedgerTopic"), id, t.setting("Account"))
}
