package main

import (
	"context"
	"encoding/json"
	"time"

	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/record"
)

// tailed is one line of tail: where the record stands, and what it says.
type tailed struct {
	Topic     string          `json:"topic"`
	Partition int             `json:"partition"`
	Offset    int64           `json:"offset"`
	Timestamp time.Time       `json:"timestamp"`
	Key       string          `json:"key"`
	Value     json.RawMessage `json:"value"` // null: a tombstone
}

func tailLine(ctx context.Context, decoder *record.Decoder, ledger string, m kafka.Message) ([]byte, error) {
	line := tailed{
		Topic: m.Topic, Partition: m.Partition, Offset: m.Offset, Timestamp: m.Time.UTC(),
		Key: string(m.Key), Value: json.RawMessage("null"),
	}
	switch {
	case m.Value == nil:
	case m.Topic == ledger: // JSON already
		line.Value = m.Value
	default:
		value, err := decoder.JSON(ctx, m.Record)
		if err != nil {
			return nil, err
		}
		line.Value = value
	}
	return json.Marshal(line)
}
