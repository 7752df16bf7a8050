package record

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
)

// Decoder reads the values of records by the schemas that they were written
// with, so that it also reads those of other versions. It asks the registry
// once for each schema. Several goroutines may use it at once.
type Decoder struct {
	registry Registry
	client   *sr.Client

	mu      sync.Mutex
	writers map[int]writer
}

// writer is a schema that records were written with.
type writer struct {
	schema *avro.Schema
	name   string // the full name of its type
}

// NewDecoder returns a Decoder that asks a registry for schemas. An error means
// that the configuration is wrong; nothing is asked yet.
func NewDecoder(cfg Registry) (*Decoder, error) {
	client, err := newClient(cfg)
	if err != nil {
		return nil, err
	}
	return &Decoder{registry: cfg, client: client, writers: map[int]writer{}}, nil
}

// Event is what people first want to know of a CallCompleted. Strings are empty
// where the field is null.
type Event struct {
	TaskID       string                  `avro:"task_id"`
	TaskName     string                  `avro:"task_name"`
	CallID       string                  `avro:"call_id"`
	Comments     string                  `avro:"comments"` // personal data, like the callee's number
	CalleeNumber string                  `avro:"callee_number"`
	Intention    string                  `avro:"intention"`
	Duration     call.Opt[time.Duration] `avro:"-"`
	CallEnd      time.Time               `avro:"call_end_time"` // zero: null
	ObservedAt   time.Time               `avro:"observed_at"`
}

// Event decodes a CallCompleted.
func (d *Decoder) Event(ctx context.Context, r batch.Record) (Event, error) {
	v, err := d.open(ctx, r)
	if err != nil {
		return Event{}, err
	}
	if v.writer.name != completedName {
		return Event{}, fmt.Errorf("decode a record of %s: it is a %s, not a CallCompleted", r.Topic, v.writer.name)
	}
	var fields struct {
		Event
		Milliseconds *int64 `avro:"duration_ms"`
	}
	if err := v.decode(&fields); err != nil {
		return Event{}, err
	}
	if ms := fields.Milliseconds; ms != nil {
		fields.Duration = call.Some(time.Duration(*ms) * time.Millisecond)
	}
	return fields.Event, nil
}

// JSON decodes a published record as one line of plain JSON:
// names sorted, unions as their values, times as RFC 3339 in UTC, bytes in
// base64. A tombstone is null.
func (d *Decoder) JSON(ctx context.Context, r batch.Record) ([]byte, error) {
	if r.Value == nil {
		return []byte("null"), nil
	}
	v, err := d.open(ctx, r)
	if err != nil {
		return nil, err
	}
	var native any
	if err := v.decode(&native); err != nil {
		return nil, err
	}
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false) // the text is for people
	if err := encoder.Encode(native); err != nil {
		return nil, fmt.Errorf("decode a record of %s: a value of schema %d has no form in JSON", r.Topic, v.id)
	}
	return bytes.TrimRight(line.Bytes(), "\n"), nil
}

// value is a record's value before it is decoded.
type value struct {
	topic  string
	id     int // of its schema
	writer writer
	avro   []byte
}

// open reads a value's frame and finds its schema.
func (d *Decoder) open(ctx context.Context, r batch.Record) (value, error) {
	if len(r.Value) < frameSize || r.Value[0] != 0 {
		return value{}, fmt.Errorf("decode a record of %s: its value does not begin with a schema id", r.Topic)
	}
	id := int(binary.BigEndian.Uint32(r.Value[1:]))
	w, err := d.writer(ctx, id)
	if err != nil {
		return value{}, fmt.Errorf("decode a record of %s: %w", r.Topic, err)
	}
	return value{topic: r.Topic, id: id, writer: w, avro: r.Value[frameSize:]}, nil
}

// decode takes the fields that to names, or all where to is an *any. Its error
// does not quote avro's, which may hold values.
func (v value) decode(to any) error {
	rest, err := v.writer.schema.Decode(v.avro, to, avro.SkipUnknown())
	if err != nil || len(rest) > 0 {
		return fmt.Errorf("decode a record of %s: its value is not one of schema %d", v.topic, v.id)
	}
	return nil
}

// ErrNoSchema: the registry has no schema of an id.
var ErrNoSchema = errors.New("the schema registry has no such schema")

// noSchema is ErrNoSchema in the registry's own words.
type noSchema struct{ error }

func (noSchema) Is(target error) bool { return target == ErrNoSchema }

// SchemaName is the full name of the type of a schema.
func (d *Decoder) SchemaName(ctx context.Context, id int) (string, error) {
	w, err := d.writer(ctx, id)
	return w.name, err
}

// writer looks a schema up, in the registry the first time.
func (d *Decoder) writer(ctx context.Context, id int) (writer, error) {
	d.mu.Lock()
	w, ok := d.writers[id]
	d.mu.Unlock()
	if ok {
		return w, nil
	}
	schema, err := d.client.SchemaByID(ctx, id)
	if isNotThere(err) {
		return writer{}, fmt.Errorf("look up schema %d: %w", id, noSchema{d.registry.unknown(err)})
	}
	if err != nil {
		return writer{}, fmt.Errorf("look up schema %d: %w", id, d.registry.plain(err))
	}
	if w, err = newWriter(schema); err != nil {
		return writer{}, fmt.Errorf("read schema %d: %s", id, d.registry.oneLine(err.Error()))
	}
	d.mu.Lock()
	d.writers[id] = w
	d.mu.Unlock()
	return w, nil
}

func newWriter(schema sr.Schema) (writer, error) {
	if schema.Type != sr.TypeAvro || len(schema.References) > 0 {
		return writer{}, errors.New("it is not Avro, or refers to other schemas")
	}
	parsed, err := avro.Parse(schema.Schema,
		avro.CustomType{AvroType: "float", Decode: finite},
		avro.CustomType{AvroType: "double", Decode: finite},
		// As the numbers that they are: JSON would count a time.Duration in nanoseconds.
		avro.CustomType{LogicalType: "time-millis"},
		avro.CustomType{LogicalType: "time-micros"},
	)
	if err != nil {
		return writer{}, err
	}
	root := parsed.Root()
	name := cmp.Or(root.Name, root.Type)
	if root.Namespace != "" {
		name = root.Namespace + "." + name
	}
	return writer{schema: parsed, name: name}, nil
}

// finite gives a float that JSON has no number for as text.
func finite(v any, _ *avro.SchemaNode) (any, error) {
	f, ok := v.(float64)
	if single, is := v.(float32); is {
		f, ok = float64(single), true
	}
	if ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return strconv.FormatFloat(f, 'g', -1, 64), nil
	}
	return v, nil
}
