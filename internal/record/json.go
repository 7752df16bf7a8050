package record

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
)

// node is a type of an Avro schema, as far as reading needs it: goavro gives a
// record's fields without their order.
type node struct {
	kind     string // record, array, map, union; a scalar's type
	name     string // as goavro names it in a union: full name, or type with logical type
	fields   []field
	items    *node // of an array or a map
	size     int   // of a fixed, in bytes
	branches []*node
}

type field struct {
	name string
	node *node
}

func parseNode(schema string) (*node, error) {
	var parsed any
	if err := json.Unmarshal([]byte(schema), &parsed); err != nil {
		return nil, err
	}
	return nodes{}.of(parsed, ""), nil
}

// nodes are a schema's named types.
type nodes map[string]*node

// of reads a schema that goavro has accepted.
func (named nodes) of(schema any, namespace string) *node {
	switch s := schema.(type) {
	case string:
		return named.byName(s, namespace)
	case []any:
		n := &node{kind: "union"}
		for _, branch := range s {
			n.branches = append(n.branches, named.of(branch, namespace))
		}
		return n
	case map[string]any:
		return named.ofObject(s, namespace)
	}
	return &node{}
}

func (named nodes) byName(name, namespace string) *node {
	if n := named[fullName(name, namespace)]; n != nil {
		return n
	}
	if n := named[name]; n != nil {
		return n
	}
	return &node{kind: name, name: name}
}

func (named nodes) ofObject(s map[string]any, namespace string) *node {
	kind, ok := s["type"].(string)
	if !ok {
		return named.of(s["type"], namespace)
	}
	switch kind {
	case "array":
		return &node{kind: kind, name: kind, items: named.of(s["items"], namespace)}
	case "map":
		return &node{kind: kind, name: kind, items: named.of(s["values"], namespace)}
	case "record", "enum", "fixed":
		return named.define(kind, s, namespace)
	}
	if logical, ok := s["logicalType"].(string); ok {
		return &node{kind: kind, name: kind + "." + logical}
	}
	return named.byName(kind, namespace)
}

func (named nodes) define(kind string, s map[string]any, namespace string) *node {
	name, _ := s["name"].(string)
	if own, ok := s["namespace"].(string); ok {
		namespace = own
	}
	n := &node{kind: kind, name: fullName(name, namespace)}
	if size, ok := s["size"].(float64); ok {
		n.size = int(size)
	}
	named[n.name] = n
	if dot := strings.LastIndexByte(n.name, '.'); dot >= 0 {
		namespace = n.name[:dot]
	}
	fields, _ := s["fields"].([]any)
	for _, f := range fields {
		if f, ok := f.(map[string]any); ok {
			name, _ := f["name"].(string)
			n.fields = append(n.fields, field{name, named.of(f["type"], namespace)})
		}
	}
	return n
}

func fullName(name, namespace string) string {
	if namespace == "" || strings.Contains(name, ".") {
		return name
	}
	return namespace + "." + name
}

// appendJSON appends a native value as plain JSON.
func appendJSON(b []byte, n *node, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		switch n.kind {
		case "record":
			return appendRecord(b, n, v)
		case "union":
			return appendUnion(b, n, v)
		}
		return appendMap(b, n, v)
	case []any:
		b = append(b, '[')
		for i, item := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, n.items, item)
		}
		return append(b, ']')
	}
	return appendScalar(b, v)
}

func appendRecord(b []byte, n *node, v map[string]any) []byte {
	b = append(b, '{')
	for i, f := range n.fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, f.name), ':')
		b = appendJSON(b, f.node, v[f.name])
	}
	return append(b, '}')
}

func appendMap(b []byte, n *node, v map[string]any) []byte {
	b = append(b, '{')
	for i, key := range slices.Sorted(maps.Keys(v)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, key), ':')
		b = appendJSON(b, n.items, v[key])
	}
	return append(b, '}')
}

// appendUnion appends the one value that a union's map holds.
func appendUnion(b []byte, n *node, v map[string]any) []byte {
	for name, value := range v {
		for _, branch := range n.branches {
			if branch.name == name {
				return appendJSON(b, branch, value)
			}
		}
		return appendScalar(b, value)
	}
	return append(b, "null"...)
}

// appendScalar knows every type that goavro decodes to, those of later schemas
// included.
func appendScalar(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int32:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case float32:
		return appendFloat(b, float64(v), 32)
	case float64:
		return appendFloat(b, v, 64)
	case []byte:
		return append(base64.StdEncoding.AppendEncode(append(b, '"'), v), '"')
	case time.Time:
		return append(v.UTC().AppendFormat(append(b, '"'), timeLayout), '"')
	case *big.Rat:
		return appendString(b, v.RatString())
	case string:
		return appendString(b, v)
	}
	return appendString(b, fmt.Sprint(v))
}

func appendFloat(b []byte, v float64, bits int) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return appendString(b, strconv.FormatFloat(v, 'g', -1, bits))
	}
	return strconv.AppendFloat(b, v, 'g', -1, bits)
}

// appendString leaves <, > and & as they are: the text is for people.
func appendString(b []byte, s string) []byte {
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	encoder.Encode(s) // a string always encodes
	return append(b, bytes.TrimRight(quoted.Bytes(), "\n")...)
}
