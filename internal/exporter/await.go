package exporter

import (
	"bytes"
	"context"
	"log/slog"
	"time"

	"airudder-exporter/internal/ledger"
)

// newest is what is asked of a shard that is about to be fenced.
type newest interface {
	Number() int
	Newest(ctx context.Context, counts func(key []byte) bool) (key, value []byte, end int64, err error)
}

// AwaitTool returns once a shard may be fenced: at once, where no tool wrote it last or
// that tool is done; else when it is, or when it has written nothing for three of its
// beats (30 s) by this process's own clock, as one that was killed. waits is told of the
// tool, once.
//
// Only the fence is what the promise rests on. Without this wait, exporters and tools
// would fence each other in turn, and no tool would come to its end.
func AwaitTool(
	ctx context.Context, s newest, self ledger.Writer, log *slog.Logger, waits func(by string),
) error {
	end, since := int64(-1), time.Time{}
	for {
		by, now, err := lastWriter(ctx, s)
		switch {
		case err != nil:
			return err
		case !by.Working() || by.Instance == self.Instance:
			return nil
		case end < 0:
			log.Info("a tool writes the ledger; waiting until it is done", "shard", s.Number(), "tool", name(by))
			waits(name(by))
			end, since = now, time.Now()
		case end != now:
			end, since = now, time.Now()
		case time.Since(since) >= by.Standstill():
			log.Warn("a tool has not said that it is done, and writes nothing: it was killed, or hangs; "+
				"its shard is taken over. Run the tool again",
				"shard", s.Number(), "tool", name(by), "silent", time.Since(since).Round(time.Second))
			return nil
		}
		if !sleep(ctx, time.Second) {
			return ctx.Err()
		}
	}
}

// lastWriter is who wrote a shard last, where that is in its last record, and where the
// shard ends. The meta entry tells of nobody: it is written without the shard's fence.
// That of an exporter is followed by other entries, so it may be no one.
func lastWriter(ctx context.Context, s newest) (by ledger.Writer, end int64, err error) {
	meta := ledger.Entry{Kind: ledger.KindMeta}.AppendKey(nil)
	key, value, end, err := s.Newest(ctx, func(key []byte) bool { return !bytes.Equal(key, meta) })
	if err != nil || key == nil {
		return by, end, err
	}
	entry, err := ledger.ParseEntry(key, value)
	if err != nil { // whoever replays the shard says what it is
		return by, end, nil
	}
	return entry.Writer, end, nil
}
