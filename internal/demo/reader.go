package demo

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/kafka/access"
	"airudder-exporter/internal/record"
)

// topic is the event topic that the exporter uses by default.
const topic = "airudder.call-completed"

// reader is the demo's own consumer: it shares nothing with the exporter.
type reader struct {
	client  *kafka.Client
	decoder *record.Decoder
}

func (w *world) openReader() (reader, error) {
	decoder, err := record.NewDecoder(record.Registry{URL: w.registry.URL()})
	if err != nil {
		return reader{}, err
	}
	client, err := kafka.Dial(
		kafka.Config{Config: access.Config{Brokers: []string{w.broker.Addr()}}, ClientID: "demo-reader", EventTopic: topic},
		slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	return reader{client, decoder}, err
}

// follow shows each event to the watch until ctx ends.
func (w *world) follow(ctx context.Context, watch *watch) error {
	reader, err := w.openReader()
	if err != nil {
		return err
	}
	defer reader.client.Close()
	for { // until the exporter has created the topic
		if _, err := reader.client.Ends(ctx, topic); err == nil {
			break
		}
		if !pause(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
	return reader.client.Tail(ctx, []string{topic}, kafka.Stretch{FromStart: true}, func(m kafka.Message) error {
		event, err := reader.decoder.Event(ctx, m.Record)
		if err == nil {
			watch.add(m, event)
		}
		return err
	})
}
