package rig

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Decoder reads values by the schemas that the registry has for their ids.
type Decoder struct {
	registry string
	schemas  map[int32]*avro.Schema
}

// NewDecoder asks the registry of that URL.
func NewDecoder(registry string) *Decoder {
	return &Decoder{registry: registry, schemas: map[int32]*avro.Schema{}}
}

// Decode reads a value in Confluent's wire format: a zero byte, the schema's id
// in four bytes, Avro binary. It must end where the value does.
func (d *Decoder) Decode(r *kgo.Record) (map[string]any, error) {
	if len(r.Value) < 5 || r.Value[0] != 0 {
		return nil, errors.New("not in the registry's wire format")
	}
	schema, err := d.schema(int32(binary.BigEndian.Uint32(r.Value[1:])), r.Topic)
	if err != nil {
		return nil, err
	}
	return Unframe(schema, r.Value)
}

// Unframe decodes a value in that format by a schema that is known.
func Unframe(schema *avro.Schema, framed []byte) (fields map[string]any, err error) {
	rest, err := schema.Decode(framed[5:], &fields)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes follow the value", len(rest))
	}
	return fields, err
}

// schema is the registry's schema of an id, which must be a version of the
// topic's subject.
func (d *Decoder) schema(id int32, topic string) (*avro.Schema, error) {
	if s := d.schemas[id]; s != nil {
		return s, nil
	}
	var byID struct{ Schema string }
	if err := d.ask(fmt.Sprintf("/schemas/ids/%d", id), &byID); err != nil {
		return nil, err
	}
	var latest struct {
		ID     int32
		Schema string
	}
	if err := d.ask("/subjects/"+topic+"-value/versions/latest", &latest); err != nil {
		return nil, err
	}
	if latest.ID != id {
		return nil, fmt.Errorf("values of %s have the schema %d, the subject's latest is %d", topic, id, latest.ID)
	}
	s, err := avro.Parse(byID.Schema)
	if err != nil {
		return nil, fmt.Errorf("schema %d: %w", id, err)
	}
	d.schemas[id] = s
	return s, nil
}

func (d *Decoder) ask(path string, answer any) error {
	client := http.Client{Timeout: 10 * time.Second}
	res, err := client.Get(d.registry + path)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, res.Status)
	}
	return json.NewDecoder(res.Body).Decode(answer)
}
