package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Format is the form of the ledger's entries. A program that does not know a form
// would drop what it does not know from the entries that it writes again.
const Format = 2

// Meta is the value of the meta entry, which every partition of the ledger
// holds: what must not change while the ledger lives.
type Meta struct {
	Format     int    `json:"format"`
	LedgerID   string `json:"ledger_id"`  // UUID; a rebuilt ledger keeps it
	Partitions int    `json:"partitions"` // pinned: a task's shard is murmur2(TaskID) mod this
	EventTopic string `json:"event_topic"`
	Pins
	ExportSince time.Time `json:"export_since"` // tasks whose schedule ended before are too old; only lowered
	Created     time.Time `json:"created"`      // a rebuilt ledger: when it was rebuilt

	// Reach is set where the ledger was rebuilt from topics that had lost their
	// beginning: what was published before Reach is not known, and ExportSince is
	// never lowered past it. Zero: everything is known.
	Reach time.Time `json:"reach,omitzero"`
}

// Lowered is ExportSince once an operator has asked for another one: it only moves
// to an earlier time. Zero: none is asked for.
func (m Meta) Lowered(asked time.Time) time.Time {
	if asked.IsZero() || !asked.Before(m.ExportSince) {
		return m.ExportSince
	}
	if asked.Before(m.Reach) {
		return m.Reach
	}
	return asked.UTC()
}

// parseMeta reads a meta entry. Of one in another format it knows only which ledger
// it is.
func parseMeta(value []byte) (m Meta, err error) {
	var which struct {
		Format   int    `json:"format"`
		LedgerID string `json:"ledger_id"`
	}
	err = json.Unmarshal(value, &which)
	switch {
	case err != nil:
		return Meta{}, err
	case which.LedgerID == "":
		return Meta{}, errors.New("no ledger id")
	case which.Format != Format:
		return Meta{Format: which.Format, LedgerID: which.LedgerID}, nil
	}
	if err = json.Unmarshal(value, &m); err == nil && m.Partitions < 1 {
		err = errors.New("no partitions")
	}
	return m, err
}

// CheckFormat refuses a ledger that this program does not know.
func (m Meta) CheckFormat(topics Topics) error {
	if m.Format == Format {
		return nil
	}
	of := "has no format"
	if m.Format != 0 {
		of = fmt.Sprintf("has format %d", m.Format)
	}
	return refuse("%s %s, and this program knows format %d alone: what it does not know would be lost from the entries "+
		"that it writes again. Run the program that made the ledger; or, with all exporters stopped, delete the topic and %s",
		topics.Ledger, of, Format, topics.rebuild())
}

// Seen is what one partition of the ledger topic shows at a start.
type Seen struct {
	Meta     Meta
	HasMeta  bool
	LogStart int64 // the first offset that the partition still holds
}

// CheckMeta decides whether an exporter may use a ledger. parts are all
// partitions that the topic has now; published says whether the event topic has
// ever held a record, and must have been looked up before the parts. It returns
// the deployment's meta, or false when the ledger is new and meta must be
// written first.
func CheckMeta(parts []Seen, topics Topics, published bool) (Meta, bool, error) {
	meta, found := firstMeta(parts)
	pinned := parts // those added later are ignored
	if found {
		if err := meta.CheckFormat(topics); err != nil {
			return Meta{}, false, err
		}
		pinned = parts[:min(len(parts), meta.Partitions)]
	}
	for i, p := range pinned {
		if p.LogStart > 0 {
			return Meta{}, false, refuse("partition %d of %s begins at offset %d, not 0: "+
				"records of the ledger were deleted, and which calls were published is no longer known. %s",
				i, topics.Ledger, p.LogStart, topics.restore())
		}
	}
	switch {
	case found:
		return meta, true, checkParts(meta, parts, topics)
	case published:
		return Meta{}, false, refuse("%s holds no meta entry, but %s holds events: "+
			"the ledger was lost or another one is configured, and to continue would publish every call again. "+
			"Set %s to the right topic; or: %s; or, where this is the first start for another account beside those events, "+
			"name it by %s and run `airudder-exporter ledger create`",
			topics.Ledger, topics.Event, topics.setting("LedgerTopic"), topics.remake(), topics.setting("Account"))
	}
	return Meta{}, false, nil
}

func firstMeta(parts []Seen) (Meta, bool) {
	for _, p := range parts {
		if p.HasMeta {
			return p.Meta, true
		}
	}
	return Meta{}, false
}

func checkParts(meta Meta, parts []Seen, topics Topics) error {
	if len(parts) < meta.Partitions {
		return refuse("%s has %d partitions, but its meta entry says %d: the topic was created again with fewer. %s",
			topics.Ledger, len(parts), meta.Partitions, topics.restore())
	}
	if meta.EventTopic != topics.Event {
		return refuse("%s belongs to the event topic %s, but %s is %s: "+
			"one ledger serves one event topic. Set it back, or use another %s",
			topics.Ledger, meta.EventTopic, topics.setting("EventTopic"), topics.Event, topics.setting("LedgerTopic"))
	}
	for i, p := range parts[:meta.Partitions] {
		if !p.HasMeta {
			return refuse("partition %d of %s holds no meta entry although others do: "+
				"that partition was lost or created again. %s",
				i, topics.Ledger, topics.restore())
		}
		if err := p.Meta.CheckFormat(topics); err != nil {
			return err
		}
		if p.Meta.LedgerID != meta.LedgerID || p.Meta.Partitions != meta.Partitions {
			return refuse("the partitions of %s hold meta entries of different ledgers "+
				"(%s with %d partitions; partition %d: %s with %d): two deployments wrote it. Give each its own %s",
				topics.Ledger, meta.LedgerID, meta.Partitions, i, p.Meta.LedgerID, p.Meta.Partitions,
				topics.setting("LedgerTopic"))
		}
	}
	return nil
}

// CheckShard decides whether a replayed shard is still part of the ledger that
// the process started with, and made for what its configuration wants.
func CheckShard(want Meta, wanted Wanted, l *Ledger, shard int, topics Topics) error {
	got, has := l.Meta()
	if has {
		if err := got.CheckFormat(topics); err != nil {
			return err
		}
	}
	switch {
	case !has:
		return refuse("partition %d of %s held a meta entry and holds none any more: "+
			"the entry was deleted, or the topic was deleted and created again. %s",
			shard, topics.Ledger, topics.restore())
	case got.LedgerID != want.LedgerID || got.Partitions != want.Partitions:
		return refuse("partition %d of %s belongs to ledger %s with %d partitions now, "+
			"but the exporter started with %s with %d: another deployment wrote it. Give each its own %s",
			shard, topics.Ledger, got.LedgerID, got.Partitions, want.LedgerID, want.Partitions,
			topics.setting("LedgerTopic"))
	case !got.Created.Equal(want.Created):
		return refuse("%s was made anew at %s, and this exporter started with the one that was lost: start it again",
			topics.Ledger, got.Created.UTC().Format(time.RFC3339))
	}
	return wanted.Check(got.Pins, topics)
}
