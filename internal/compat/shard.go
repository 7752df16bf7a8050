package compat

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/shards"
)

// shard tries what a run does with a ledger of one partition.
type shard struct {
	*place
	producer *kafka.Producer
	event    batch.Record // as it was committed
	at       time.Time    // when, by its record
}

func (s *shard) tries() []try {
	return []try{
		{name: "producer", needs: "control records", breaks: "the exporter does not start", cure: "see the lines before",
			run: func(ctx context.Context) (string, error) {
				replayed, err := s.start(ctx)
				return fmt.Sprintf("fence, barrier and replay work as at each start; records replayed: %d", len(replayed)), err
			}},
		{name: "two topics", needs: "producer", breaks: "an event is published without its ledger entry, and once more after a restart", cure: "use brokers whose transactions span topics",
			run: s.commit},
		{name: "restart", needs: "two topics", breaks: "after a restart calls are published again", cure: "see the lines before", run: s.restart},
		{name: "event size", needs: "two topics", breaks: "long transcripts wait, and the exporter is not ready",
			cure: fmt.Sprintf("have the provider allow max.message.bytes=%d", batch.MaxMessageBytes), run: s.large},
		{name: "times", needs: "two topics", breaks: "tail --since and replay --since do not find where to begin", cure: "use tail --from-start", run: s.times},
		{name: "consumer group", needs: "topics", breaks: "the exporter is given no shard",
			cure: fmt.Sprintf("set %s=%s and run one exporter", s.cfg.Kafka.Setting("Assignment"), shards.All), run: s.group},
		{name: "group offsets", needs: "topics", breaks: "seals --group cannot tell how far a consumer group has read", cure: "ask the consumers themselves",
			run: func(ctx context.Context) (string, error) {
				_, err := s.client.GroupOffsets(ctx, shards.GroupID(s.names.ledger), s.names.event)
				return "the offsets of consumer groups can be asked for", err
			}},
	}
}

// start makes a producer as a run does, and returns what its replay showed.
func (s *shard) start(ctx context.Context) (replayed map[string]string, err error) {
	replayed = map[string]string{}
	barrier := func(id int64, epoch int16) batch.Record {
		return batch.Record{Key: []byte("producer"), Value: fmt.Appendf(nil, `{"producer":%d,"epoch":%d}`, id, epoch)}
	}
	s.producer, err = s.client.Producer(ctx, 0, barrier, func(_ int64, key, value []byte) error {
		replayed[string(key)] = string(value)
		return nil
	})
	return replayed, err
}

// publish commits an event of a value, and its entry.
func (s *shard) publish(ctx context.Context, key string, value []byte) error {
	s.event = batch.Record{Topic: s.names.event, Key: []byte(key), Value: value, Headers: []batch.Header{{Key: "ce_id", Value: []byte(key)}}}
	entry := batch.Record{Topic: s.names.ledger, Key: []byte("call/" + key), Value: []byte(`{"n":1}`)}
	unit := []batch.Record{s.event, entry}
	if err := s.producer.Fits(unit); err != nil {
		return err
	}
	txn, err := s.producer.Prepare(slices.Values([][]batch.Record{unit}))
	if err != nil {
		return err
	}
	return s.producer.Commit(ctx, txn)
}

// read looks for the event that was published last, as a consumer sees it once all
// transactions are decided.
func (s *shard) read(ctx context.Context) error {
	ranges, err := s.client.Settled(ctx, s.names.event)
	if err != nil {
		return err
	}
	var same int
	var wrong error
	for _, r := range ranges {
		err := s.client.Scan(ctx, s.names.event, r.Partition, r.Start, r.End, func(m kafka.Message) error {
			if !bytes.Equal(m.Key, s.event.Key) {
				return nil
			}
			same, s.at = same+1, m.Time
			if !bytes.Equal(m.Value, s.event.Value) || fmt.Sprint(m.Headers) != fmt.Sprint(s.event.Headers) {
				wrong = unlike("the event was committed, and is read with another value or other headers")
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if wrong == nil && same != 1 {
		wrong = unlike("the event was committed, and is read %d times", same)
	}
	return wrong
}

func (s *shard) commit(ctx context.Context) (string, error) {
	if err := s.publish(ctx, "one", bytes.Repeat([]byte("value "), 100)); err != nil {
		return "", err
	}
	compression := ""
	if c := s.cfg.Kafka.Compression; c != "" {
		compression = ", the event compressed with " + c
	}
	return "an event and its ledger entry are committed in one transaction" + compression + ", and the event is read back as it was", s.read(ctx)
}

// restart is another producer, which must find the entry.
func (s *shard) restart(ctx context.Context) (string, error) {
	replayed, err := s.start(ctx)
	if err == nil && replayed["call/one"] == "" {
		err = unlike("the next producer's replay does not show the entry that was committed")
	}
	return "the next producer's replay shows the entry", err
}

// largest is the size of the largest event that no topic may refuse.
const largest = 1_000_000

func (s *shard) large(ctx context.Context) (string, error) {
	value := make([]byte, largest)
	_, _ = rand.Read(value) // never fails, and cannot be compressed
	if err := s.publish(ctx, "large", value); err != nil {
		return "", err
	}
	return fmt.Sprintf("an event of %d bytes is taken (max.message.bytes=%d)", largest, s.producer.Limit(s.names.event)), s.read(ctx)
}

// times asks for offsets by time.
func (s *shard) times(ctx context.Context) (string, error) {
	found := 0
	for _, at := range []time.Time{s.at, s.at.Add(365 * 24 * time.Hour)} {
		first, err := s.client.FirstAt(ctx, s.names.event, at, s.producer.Partitions(s.names.event))
		if err != nil {
			return "", err
		}
		if slices.ContainsFunc(first, func(offset int64) bool { return offset >= 0 }) {
			found++
		}
	}
	if found != 1 {
		return "", unlike("asked for the offset of a record by its time, and of a time to come, the brokers find %d, not the first alone", found)
	}
	return "a record's offset is found by its time", nil
}

// errConfirmed ends a membership that was confirmed.
var errConfirmed = errors.New("confirmed")

// group joins the throw-away ledger's group and waits for its shard and a heartbeat.
func (s *shard) group(ctx context.Context) (string, error) {
	if s.cfg.Assignment != shards.Group {
		return "", unasked(s.cfg.Kafka.Setting("Assignment") + " is " + s.cfg.Assignment + ": no consumer group is joined")
	}
	var refused, silent string
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cfg := shards.Config{
		Mode: shards.Group, Brokers: s.cfg.Kafka.Brokers, ClientID: s.cfg.Kafka.ClientID, Ledger: s.names.ledger, Shards: 1,
		SettingName: s.cfg.Kafka.SettingName,
		Silent:      func(why string) { silent = why },
		Refused: func(why string) {
			if refused = why; why != "" {
				cancel()
			}
		},
	}
	err := shards.Assign(ctx, cfg, s.client, slog.New(slog.DiscardHandler), func(ctx context.Context, owned *shards.Shard) error {
		if err := owned.AfterFence(ctx); err != nil {
			return err
		}
		return errConfirmed
	}, nil)
	switch {
	case errors.Is(err, errConfirmed):
		return "it gives the shard out, and confirms it by a heartbeat", nil
	case err == nil:
		return "", unlike("it gives no shard out: %s", cmp.Or(refused, silent, "it did not answer in time"))
	}
	return "", err
}
