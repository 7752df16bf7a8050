package ledger

import (
	"errors"
	"fmt"
	"time"
)

// Meta is the value of the meta entry, which every partition of the ledger
// holds: what must not change while the ledger lives.
type Meta struct {
	LedgerID    string    `json:"ledger_id"`  // UUID
	Partitions  int       `json:"partitions"` // pinned: a task's shard is murmur2(TaskID) mod this
	EventTopic  string    `json:"event_topic"`
	EventKey    string    `json:"event_key"`
	ExportSince time.Time `json:"export_since"` // tasks whose schedule ended before are not exported; only ever lowered
	Created     time.Time `json:"created"`

	// Reach is set where the ledger was rebuilt from topics that had lost their
	// beginning: what was published before is not known, and ExportSince is
	// never lowered past it. Zero: everything is known.
	Reach time.Time `json:"reach,omitzero"`
}

// Lowered is ExportSince as it is once somebody has asked for another one. It
// moves to an earlier time alone. Zero: nobody asks.
func (m Meta) Lowered(asked time.Time) time.Time {
	if asked.IsZero() || !asked.Before(m.ExportSince) {
		return m.ExportSince
	}
	if asked.Before(m.Reach) {
		return m.Reach
	}
	return asked.UTC()
}

// Seen is what one partition of the ledger topic shows at a start.
type Seen struct {
	Meta     Meta
	HasMeta  bool
	LogStart int64 // the first offset that the partition still holds
}

// ErrRefused marks a ledger that must not be gone on with: doing so could
// publish calls a second time. Its text says what happened and what to do.
var ErrRefused = errors.New("ledger refused")

// The cures where entries are gone: restore where others are left, which a
// rebuild does not take for granted, and remake where there is nothing.
const (
	restore = "restore the topic from a mirror or a backup; or delete it and run `airudder-exporter ledger rebuild`, which makes it anew from what was published; or " + anew
	remake  = "restore the topic from a mirror or a backup; or run `airudder-exporter ledger rebuild`, which makes it anew from what was published; or " + anew
	anew    = "begin a new export under new names for both KAFKA_TOPIC_LEDGER and KAFKA_TOPIC_CALL_COMPLETED"
)

// CheckMeta decides whether a ledger can be gone on with. parts are all
// partitions that the topic has now; published says whether the event topic has
// ever held a record, and must have been looked up before the parts. It returns
// the deployment's meta, or false when the ledger is new and meta must be
// written first.
func CheckMeta(parts []Seen, topic, eventTopic string, published bool) (Meta, bool, error) {
	meta, found := firstMeta(parts)
	pinned := parts // those added later are ignored
	if found {
		pinned = parts[:min(len(parts), meta.Partitions)]
	}
	for i, p := range pinned {
		if p.LogStart > 0 {
			return Meta{}, false, refuse("partition %d of %s begins at offset %d, not 0: records of the ledger were deleted, and which calls were published is no longer known. "+restore, i, topic, p.LogStart)
		}
	}
	if !found {
		if published {
			return Meta{}, false, refuse("%s holds no meta entry, but %s holds events: the ledger was lost or another one is configured, and going on would publish every call again. Set KAFKA_TOPIC_LEDGER to the right topic, or: "+remake, topic, eventTopic)
		}
		return Meta{}, false, nil
	}
	return meta, true, checkParts(meta, parts, topic, eventTopic)
}

func firstMeta(parts []Seen) (Meta, bool) {
	for _, p := range parts {
		if p.HasMeta {
			return p.Meta, true
		}
	}
	return Meta{}, false
}

func checkParts(meta Meta, parts []Seen, topic, eventTopic string) error {
	if len(parts) < meta.Partitions {
		return refuse("%s has %d partitions, but its meta entry says %d: the topic was made anew with fewer. "+restore, topic, len(parts), meta.Partitions)
	}
	if meta.EventTopic != eventTopic {
		return refuse("%s belongs to the event topic %s, but KAFKA_TOPIC_CALL_COMPLETED is %s: one ledger serves one event topic. Set it back, or use another KAFKA_TOPIC_LEDGER", topic, meta.EventTopic, eventTopic)
	}
	for i, p := range parts[:meta.Partitions] {
		if !p.HasMeta {
			return refuse("partition %d of %s holds no meta entry although others do: that partition was lost or made anew. "+restore, i, topic)
		}
		if p.Meta.LedgerID != meta.LedgerID || p.Meta.Partitions != meta.Partitions {
			return refuse("the partitions of %s hold meta entries of different ledgers (%s with %d partitions; partition %d: %s with %d): two deployments wrote it. Give each its own KAFKA_TOPIC_LEDGER", topic, meta.LedgerID, meta.Partitions, i, p.Meta.LedgerID, p.Meta.Partitions)
		}
	}
	return nil
}

// CheckShard decides whether a replayed shard is still part of the ledger that
// the process started with.
func CheckShard(want Meta, l *Ledger, shard int, topic string) error {
	got, has := l.Meta()
	switch {
	case !has:
		return refuse("partition %d of %s held a meta entry and holds none any more: the entry was deleted, or the topic was deleted and created again. "+restore, shard, topic)
	case got.LedgerID != want.LedgerID || got.Partitions != want.Partitions:
		return refuse("partition %d of %s belongs to ledger %s with %d partitions now, but the exporter started with %s with %d: another deployment wrote it. Give each its own KAFKA_TOPIC_LEDGER", shard, topic, got.LedgerID, got.Partitions, want.LedgerID, want.Partitions)
	}
	return nil
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrRefused}, args...)...)
}
