package prooftest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/kgo"
)

// decoder reads values by the schemas that the registry has for their ids.
type decoder struct {
	registry string
	schemas  map[int32]*avro.Schema
}

func newDecoder(registry string) *decoder {
	return &decoder{registry: registry, schemas: map[int32]*avro.Schema{}}
}

// decode reads a value in Confluent's wire format: a zero byte, the schema's id
// in four bytes, Avro binary. It must end where the value does.
func (d *decoder) decode(r *kgo.Record) (map[string]any, error) {
	v := r.Value
	if len(v) < 5 || v[0] != 0 {
		return nil, fmt.Errorf("%s[%d]@%d: not in the registry's wire format", r.Topic, r.Partition, r.Offset)
	}
	schema, err := d.schema(int32(binary.BigEndian.Uint32(v[1:])), r.Topic)
	if err != nil {
		return nil, err
	}
	var value any
	rest, err := schema.Decode(v[5:], &value)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes follow the value", len(rest))
	}
	fields, ok := value.(map[string]any)
	if err == nil && !ok {
		err = fmt.Errorf("the value is a %T", value)
	}
	if err != nil {
		return nil, fmt.Errorf("%s[%d]@%d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	return fields, nil
}

// schema is the registry's schema of an id, which must be a version of the
// topic's subject.
func (d *decoder) schema(id int32, topic string) (*avro.Schema, error) {
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

func (d *decoder) ask(path string, answer any) error {
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
