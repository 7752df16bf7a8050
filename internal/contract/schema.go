package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// schema is a record's Avro schema: whole, and as people read it.
type schema struct {
	text    string
	records []avroRecord // the record, then those within it
}

type avroRecord struct {
	Name   string      `json:"name"`
	Doc    string      `json:"doc"`
	Fields []avroField `json:"fields"`
}

type avroField struct {
	Name     string          `json:"name"`
	Type     json.RawMessage `json:"type"`
	API      string          `json:"api"`
	Personal bool            `json:"airudder.pii"`
	Doc      string          `json:"doc"`

	kind string // Type in words
}

func parseSchema(text string) (schema, error) {
	s := schema{text: text}
	if _, err := s.kindOf(json.RawMessage(text)); err != nil {
		return schema{}, fmt.Errorf("read a schema: %w", err)
	}
	return s, nil
}

// kindOf is a type in words. The records in it are added to the schema's.
func (s *schema) kindOf(t json.RawMessage) (string, error) {
	switch t = bytes.TrimSpace(t); t[0] {
	case '"':
		var name string
		err := json.Unmarshal(t, &name)
		return name, err
	case '[':
		var branches []json.RawMessage
		if err := json.Unmarshal(t, &branches); err != nil {
			return "", err
		}
		var names []string
		for _, b := range branches[1:] { // a test holds that the first is null
			name, err := s.kindOf(b)
			if err != nil {
				return "", err
			}
			names = append(names, name)
		}
		return strings.Join(append(names, "null"), " or "), nil
	}
	var of struct {
		Type, LogicalType string
		Items, Values     json.RawMessage
	}
	if err := json.Unmarshal(t, &of); err != nil {
		return "", err
	}
	switch {
	case of.Type == "array":
		name, err := s.kindOf(of.Items)
		return "array of " + name, err
	case of.Type == "map":
		name, err := s.kindOf(of.Values)
		return "map of " + name, err
	case of.Type == "record":
		return s.record(t)
	case of.LogicalType != "":
		return of.LogicalType, nil
	}
	return of.Type, nil
}

func (s *schema) record(t json.RawMessage) (string, error) {
	var r avroRecord
	if err := json.Unmarshal(t, &r); err != nil {
		return "", err
	}
	at := len(s.records)
	s.records = append(s.records, r)
	for i := range r.Fields {
		kind, err := s.kindOf(r.Fields[i].Type)
		if err != nil {
			return "", err
		}
		s.records[at].Fields[i].kind = kind
	}
	return r.Name, nil
}
