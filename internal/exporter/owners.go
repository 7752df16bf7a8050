package exporter

import (
	"bytes"
	"context"
	"time"

	"airudder-exporter/internal/ledger"
)

// Owner is who wrote a shard's producer entry last, which is who owns it: any writer
// before can commit no more. It need not be alive.
type Owner struct {
	Shard    int       `json:"shard"`
	Host     string    `json:"host"`
	PID      int       `json:"pid"`
	Instance string    `json:"instance"`
	Self     bool      `json:"self,omitempty"` // this process
	Tool     bool      `json:"tool,omitempty"` // none of the exporters
	Done     bool      `json:"done,omitempty"` // a tool that has ended: nobody owns the shard now
	Since    time.Time `json:"since"`          // when the entry was written
	SeenAt   time.Time `json:"seen_at"`        // when somebody last looked
}

// Onlooker shows a ledger's partitions to whoever does not write them.
type Onlooker interface {
	// Latest shows, for each shard that since names, the last record whose key counts,
	// whatever becomes of its transaction, with its time, and where the partition ends.
	// A nil key: there is none. since is the end that was told before, so that no more
	// is read than what came after it; below 0: not known, and it may not look far back.
	Latest(
		ctx context.Context, since map[int]int64, counts func(key []byte) bool,
		show func(shard int, key, value []byte, at time.Time, end int64),
	) error
}

// WatchOwners looks from time to time who owns which shard, until ctx ends. It is for
// the page alone: whether a producer of ours may write, Kafka alone decides.
func (e *Exporter) WatchOwners(ctx context.Context, look Onlooker, apart time.Duration) error {
	ends := map[int]int64{}
	for {
		if err := e.lookAtOwners(ctx, look, ends, apart); err != nil && ctx.Err() == nil {
			e.log.Debug("cannot look who owns which shard; trying again later", "error", err)
		}
		if !sleep(ctx, apart) {
			return nil
		}
	}
}

// lookAtOwners looks once, and gives up after so long. ends are where the shards ended
// the last time.
func (e *Exporter) lookAtOwners(ctx context.Context, look Onlooker, ends map[int]int64, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	e.mu.Lock()
	shards := e.meta.Partitions
	e.mu.Unlock()
	since := make(map[int]int64, shards)
	for shard := range shards {
		if since[shard] = -1; ends[shard] > 0 {
			since[shard] = ends[shard]
		}
	}
	began := time.Now()
	producer := ledger.Entry{Kind: ledger.KindProducer}.AppendKey(nil)
	isProducer := func(key []byte) bool { return bytes.Equal(key, producer) }
	return look.Latest(ctx, since, isProducer, func(shard int, key, value []byte, at time.Time, end int64) {
		ends[shard] = end
		entry, err := ledger.ParseEntry(key, value)
		if key == nil || err != nil { // nobody began since, or whoever replays the shard says what it is
			e.sameOwner(shard, began)
			return
		}
		e.owner(shard, entry.Writer, at, began)
	})
}

func (e *Exporter) sameOwner(shard int, seen time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if o, known := e.owners[shard]; known {
		o.SeenAt = seen
		e.owners[shard] = o
	}
}

// owner takes the producer entry that a look showed which began at seen.
func (e *Exporter) owner(shard int, w ledger.Writer, since, seen time.Time) {
	e.mu.Lock()
	e.owners[shard] = Owner{
		Shard: shard, Host: w.Host, PID: w.PID, Instance: w.Instance, Self: w.Instance == e.process.Instance,
		Tool: w.Role != "", Done: w.Done, Since: since, SeenAt: seen,
	}
	// Ours wrote its entry before it was restored, so one of another exporter came after
	// it. The producer hears of its fence only once it has something to write.
	lost := e.runs[shard] != nil && e.shards[shard].Restored.Before(seen) && w.Instance != e.process.Instance && w.Role == ""
	e.mu.Unlock()
	if lost {
		e.contested(shard, w)
	}
	if e.cfg.LastDay != nil && w.Instance != e.process.Instance {
		e.cfg.LastDay(ledger.Day{Starts: map[string]ledger.Writer{w.Instance: w}})
	}
}

// shownOwners are the owners of all shards that are known, in the shards' order: this
// process of those that it has restored since somebody looked. e.mu is held.
func (e *Exporter) shownOwners() []Owner {
	all := make([]Owner, 0, len(e.owners)+len(e.runs))
	for shard := range e.meta.Partitions {
		o, known := e.owners[shard]
		if at := e.shards[shard].Restored; e.runs[shard] != nil && !o.SeenAt.After(at) {
			known = true
			o = Owner{Shard: shard, Host: e.process.Host, PID: e.process.PID, Instance: e.process.Instance, Self: true, Since: at, SeenAt: at}
		}
		if known {
			all = append(all, o)
		}
	}
	return all
}
