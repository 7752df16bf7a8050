package record

import (
	"encoding/json"
	"fmt"

	"github.com/linkedin/goavro/v2"

	"airudder-exporter/schemas"
)

// codecs encode the parts of values. A record's bytes are those of its fields, one
// after the other, so the task's fields, which come first in a CallCompleted, are
// encoded once for all calls of a plan.
type codecs struct {
	task       *goavro.Codec // the first fields of CallCompleted
	row        *goavro.Codec // its other fields
	status     *goavro.Codec
	deadLetter *goavro.Codec
	private    *goavro.Codec
}

func newCodecs() (c codecs, err error) {
	n := len(taskColumns(""))
	for _, part := range []struct {
		codec    **goavro.Codec
		schema   string
		from, to int // of its fields; to 0: all
	}{
		{&c.task, schemas.CallCompleted(), 0, n},
		{&c.row, schemas.CallCompleted(), n, 0},
		{&c.status, schemas.TaskStatusChanged(), 0, 0},
		{&c.deadLetter, schemas.DeadLetter(), 0, 0},
		{&c.private, schemas.CallPrivate(), 0, 0},
	} {
		if *part.codec, err = encodingCodec(part.schema, part.from, part.to); err != nil {
			return codecs{}, fmt.Errorf("read a schema: %w", err)
		}
	}
	return c, nil
}

// encodingCodec encodes some fields of a schema's record. It encodes maps of
// strings as arrays of pairs: the bytes are the same
// (https://avro.apache.org/docs/1.12.0/specification/#maps-1), but goavro takes a
// Go map's entries in random order, and the same call must give the same bytes.
func encodingCodec(schema string, from, to int) (*goavro.Codec, error) {
	var record map[string]any
	if err := json.Unmarshal([]byte(schema), &record); err != nil {
		return nil, err
	}
	fields := record["fields"].([]any)
	if to == 0 {
		to = len(fields)
	}
	record["fields"] = fields[from:to]
	pairDefined := false
	j, err := json.Marshal(mapsAsPairs(record, &pairDefined))
	if err != nil {
		return nil, err
	}
	return goavro.NewCodec(string(j))
}

// mapsAsPairs replaces the maps of a schema. A schema defines a named type where
// it uses it first, and refers to it by name from then on.
func mapsAsPairs(schema any, pairDefined *bool) any {
	switch s := schema.(type) {
	case []any:
		for i := range s {
			s[i] = mapsAsPairs(s[i], pairDefined)
		}
	case map[string]any:
		if s["type"] == "map" {
			return pairArray(s["values"], pairDefined)
		}
		for _, inner := range []string{"type", "items", "fields"} {
			if v, ok := s[inner]; ok {
				s[inner] = mapsAsPairs(v, pairDefined)
			}
		}
	}
	return schema
}

func pairArray(values any, pairDefined *bool) any {
	if *pairDefined {
		return map[string]any{"type": "array", "items": "airudder.events.Pair"}
	}
	*pairDefined = true
	return map[string]any{"type": "array", "items": map[string]any{
		"type": "record", "name": "airudder.events.Pair", "fields": []any{
			map[string]any{"name": "key", "type": "string"},
			map[string]any{"name": "value", "type": values},
		},
	}}
}
