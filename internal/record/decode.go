package record

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/sr"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
)

// Decoder reads the values of records by the schemas that they were written
// with, so that those of other versions are read as well. It asks the registry
// once for each schema. It may be used by several goroutines at once.
type Decoder struct {
	registry Registry
	client   *sr.Client

	mu      sync.Mutex
	writers map[int]*writer
}

// writer is a schema that records were written with.
type writer struct {
	codec *goavro.Codec
	root  *node
}

// NewDecoder returns a Decoder that asks a registry for schemas. An error means
// that the configuration is wrong; nothing is asked yet.
func NewDecoder(cfg Registry) (*Decoder, error) {
	client, err := newClient(cfg)
	if err != nil {
		return nil, err
	}
	return &Decoder{registry: cfg, client: client, writers: map[int]*writer{}}, nil
}

// Event is what people want to know first of a CallCompleted. Strings are empty
// where the field is null.
type Event struct {
	TaskID       string
	TaskName     string
	CallID       string
	Comments     string // personal data, as the callee's number
	CalleeNumber string
	Intention    string
	Duration     call.Opt[time.Duration]
	CallEnd      time.Time // zero: null
	ObservedAt   time.Time
}

// Event decodes a CallCompleted.
func (d *Decoder) Event(ctx context.Context, r batch.Record) (Event, error) {
	native, w, err := d.decode(ctx, r)
	if err != nil {
		return Event{}, err
	}
	if w.root.name != "airudder.CallCompleted" {
		return Event{}, fmt.Errorf("decode a record of %s: it is a %s, not a CallCompleted", r.Topic, w.root.name)
	}
	fields := native.(map[string]any) // a record always decodes to one
	e := Event{
		TaskID:       value[string](fields, "task_id"),
		TaskName:     value[string](fields, "task_name"),
		CallID:       value[string](fields, "call_id"),
		Comments:     value[string](fields, "comments"),
		CalleeNumber: value[string](fields, "callee_number"),
		Intention:    value[string](fields, "intention"),
		CallEnd:      value[time.Time](fields, "call_end_time"),
		ObservedAt:   value[time.Time](fields, "observed_at"),
	}
	if fields["duration_ms"] != nil {
		e.Duration = call.Some(time.Duration(value[int64](fields, "duration_ms")) * time.Millisecond)
	}
	return e, nil
}

// value takes a field out of its union; the zero value where it is null, absent
// or of another type.
func value[T any](fields map[string]any, name string) (v T) {
	field := fields[name]
	if union, ok := field.(map[string]any); ok && len(union) == 1 {
		for _, field = range union {
		}
	}
	v, _ = field.(T)
	return v
}

// JSON decodes a record of one of the three topics as one line of plain JSON:
// fields in the schema's order, unions as their values, times as RFC 3339 in
// UTC, bytes in base64. A tombstone is null.
func (d *Decoder) JSON(ctx context.Context, r batch.Record) ([]byte, error) {
	if r.Value == nil {
		return []byte("null"), nil
	}
	native, w, err := d.decode(ctx, r)
	if err != nil {
		return nil, err
	}
	return appendJSON(nil, w.root, native), nil
}

// decode never quotes a codec's error, which may hold values.
func (d *Decoder) decode(ctx context.Context, r batch.Record) (any, *writer, error) {
	if len(r.Value) < frameSize || r.Value[0] != 0 {
		return nil, nil, fmt.Errorf("decode a record of %s: its value does not begin with a schema id", r.Topic)
	}
	id := int(binary.BigEndian.Uint32(r.Value[1:]))
	w, err := d.writer(ctx, id)
	if err != nil {
		return nil, nil, fmt.Errorf("decode a record of %s: %w", r.Topic, err)
	}
	if !whole(w.root, r.Value[frameSize:]) {
		return nil, nil, fmt.Errorf("decode a record of %s: its value is not one of schema %d", r.Topic, id)
	}
	native, _, err := w.codec.NativeFromBinary(r.Value[frameSize:])
	if err != nil {
		return nil, nil, fmt.Errorf("decode a record of %s: its value is not one of schema %d", r.Topic, id)
	}
	return native, w, nil
}

// writer looks a schema up, in the registry the first time.
func (d *Decoder) writer(ctx context.Context, id int) (*writer, error) {
	d.mu.Lock()
	w := d.writers[id]
	d.mu.Unlock()
	if w != nil {
		return w, nil
	}
	schema, err := d.client.SchemaByID(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("look up schema %d: %w", id, d.registry.plain(err))
	}
	if w, err = newWriter(schema); err != nil {
		return nil, fmt.Errorf("read schema %d: %s", id, d.registry.oneLine(err.Error()))
	}
	d.mu.Lock()
	d.writers[id] = w
	d.mu.Unlock()
	return w, nil
}

func newWriter(schema sr.Schema) (*writer, error) {
	if schema.Type != sr.TypeAvro || len(schema.References) > 0 {
		return nil, errors.New("it is not Avro, or refers to other schemas")
	}
	codec, err := goavro.NewCodec(schema.Schema)
	if err != nil {
		return nil, err
	}
	root, err := parseNode(schema.Schema)
	if err != nil {
		return nil, err
	}
	return &writer{codec: codec, root: root}, nil
}
