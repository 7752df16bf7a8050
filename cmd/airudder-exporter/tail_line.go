package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka"
)

// tailed is one line of tail: where the record stands, and what it says.
type tailed struct {
	Topic     string             `json:"topic"`
	Partition int                `json:"partition"`
	Offset    int64              `json:"offset"`
	Timestamp time.Time          `json:"timestamp"`
	Key       string             `json:"key"`
	Headers   map[string]*string `json:"headers,omitempty"`
	Value     json.RawMessage    `json:"value"` // null: a tombstone
}

// printer writes records as lines.
type printer struct {
	out     io.Writer
	of      tailable
	people  bool // as a table instead of JSON
	headers bool
	raw     bool // dead letters with the row that they are about: personal data
	begun   bool
}

// print writes one record, whose value was decoded.
func (p *printer) print(m kafka.Message, value []byte, of fields) error {
	var text []byte
	if p.people {
		text = p.table(m, value, of)
	} else {
		line, err := p.json(m, value, of)
		if err != nil {
			return err
		}
		text = line
	}
	_, err := p.out.Write(text)
	return err
}

func (p *printer) json(m kafka.Message, value []byte, of fields) ([]byte, error) {
	line := tailed{
		Topic: m.Topic, Partition: m.Partition, Offset: m.Offset, Timestamp: m.Time.UTC(),
		Key: string(m.Key), Value: value,
	}
	if _, has := of["raw"]; has && p.of.name == "dead-letters" && !p.raw {
		delete(of, "raw")
		short, err := plainJSON(of)
		if err != nil {
			return nil, err
		}
		line.Value = short
	}
	if p.headers {
		line.Headers = headersOf(m.Headers)
	}
	return plainJSON(line)
}

// plainJSON is a line of JSON for people: <, > and & as they are.
func plainJSON(v any) ([]byte, error) {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("the value is no JSON")
	}
	return line.Bytes(), nil
}

// headersOf are headers by name; nil: one without a value.
func headersOf(headers []batch.Header) map[string]*string {
	all := map[string]*string{}
	for _, h := range headers {
		all[h.Key] = nil
		if h.Value != nil {
			text := string(h.Value)
			all[h.Key] = &text
		}
	}
	return all
}
