package contract

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// This file writes the document as AsyncAPI 3
// (https://www.asyncapi.com/docs/reference/specification/v3.0.0), with the bindings for
// Kafka 0.5.0.

const (
	bindingVersion = "0.5.0"
	avroFormat     = "application/vnd.apache.avro+json;version=1.9.0"
)

type asyncAPI struct {
	AsyncAPI    string             `yaml:"asyncapi"`
	Info        info               `yaml:"info"`
	ContentType string             `yaml:"defaultContentType"`
	Channels    ordered[channel]   `yaml:"channels"`
	Operations  ordered[operation] `yaml:"operations"`
	Components  struct {
		Messages ordered[asyncMessage] `yaml:"messages"`
	} `yaml:"components"`
}

type info struct {
	Title       string       `yaml:"title"`
	Version     string       `yaml:"version"`
	Description string       `yaml:"description"`
	Privacy     asyncPrivacy `yaml:"x-privacy"`
}

type asyncPrivacy struct {
	Preset string         `yaml:"preset"`
	Header string         `yaml:"airudder_privacy"`
	Key    string         `yaml:"key,omitempty"`
	Fields []asyncPrivate `yaml:"fields"`
}

type asyncPrivate struct {
	Field  string   `yaml:"field"`
	Mode   string   `yaml:"mode"`
	Topics []string `yaml:"topics,flow"`
}

type channel struct {
	Address     string       `yaml:"address"`
	Title       string       `yaml:"title"`
	Description string       `yaml:"description"`
	Messages    ordered[ref] `yaml:"messages"`
	Bindings    struct {
		Kafka channelBinding `yaml:"kafka"`
	} `yaml:"bindings"`
}

type channelBinding struct {
	Partitions     int          `yaml:"partitions"`
	Configuration  ordered[any] `yaml:"topicConfiguration"`
	BindingVersion string       `yaml:"bindingVersion"`
}

type operation struct {
	Action   string `yaml:"action"`
	Channel  ref    `yaml:"channel"`
	Messages []ref  `yaml:"messages"`
}

type ref struct {
	Ref string `yaml:"$ref"`
}

type asyncMessage struct {
	Name        string        `yaml:"name"`
	Title       string        `yaml:"title"`
	ContentType string        `yaml:"contentType"`
	Headers     *objectSchema `yaml:"headers,omitempty"`
	Payload     any           `yaml:"payload"`
	Bindings    struct {
		Kafka messageBinding `yaml:"kafka"`
	} `yaml:"bindings"`
}

type messageBinding struct {
	Key            textSchema `yaml:"key"`
	IDLocation     string     `yaml:"schemaIdLocation,omitempty"`
	IDEncoding     string     `yaml:"schemaIdPayloadEncoding,omitempty"`
	LookupStrategy string     `yaml:"schemaLookupStrategy,omitempty"`
	BindingVersion string     `yaml:"bindingVersion"`
}

// foreign is a payload whose schema is not JSON Schema.
type foreign struct {
	Format string     `yaml:"schemaFormat"`
	Schema *yaml.Node `yaml:"schema"`
}

type objectSchema struct {
	Type        string       `yaml:"type"`
	Description string       `yaml:"description,omitempty"`
	Required    []string     `yaml:"required,omitempty"`
	Properties  ordered[any] `yaml:"properties"`
}

type textSchema struct {
	Type        string   `yaml:"type"`
	Format      string   `yaml:"format,omitempty"`
	Description string   `yaml:"description,omitempty"`
	Const       string   `yaml:"const,omitempty"`
	Pattern     string   `yaml:"pattern,omitempty"`
	Examples    []string `yaml:"examples,omitempty"`
}

// ordered is an object whose fields have an order.
type ordered[T any] []named[T]

type named[T any] struct {
	name  string
	value T
}

// MarshalYAML implements yaml.Marshaler.
func (o ordered[T]) MarshalYAML() (any, error) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range o {
		var value yaml.Node
		if err := value.Encode(f.value); err != nil {
			return nil, err
		}
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: f.name}, &value)
	}
	return n, nil
}

// YAML is the document as AsyncAPI 3.
func (d Document) YAML() ([]byte, error) {
	doc := asyncAPI{AsyncAPI: "3.0.0", ContentType: "application/avro", Info: d.info()}
	for _, t := range d.topics {
		doc.Channels = append(doc.Channels, named[channel]{t.id, t.channel()})
		doc.Operations = append(doc.Operations, named[operation]{"publish" + strings.ToUpper(t.id[:1]) + t.id[1:], t.operation()})
		for _, m := range t.messages {
			message, err := m.async()
			if err != nil {
				return nil, err
			}
			doc.Components.Messages = append(doc.Components.Messages, named[asyncMessage]{m.name, message})
		}
	}
	var b bytes.Buffer
	b.WriteString("# Made by airudder-exporter contract.\n")
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(doc); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

func (d Document) info() info {
	var b strings.Builder
	b.WriteString("Every finished AIRudder call as a record in Kafka, exactly once.\n")
	for _, c := range append(d.chapters(), chapter{"Personal data", d.personal()}) {
		b.WriteString("\n## " + c.title + "\n\n" + list(c.sentences))
	}
	p := d.cfg.Privacy
	of := asyncPrivacy{Preset: p.Preset, Header: p.Header, Key: p.Key}
	for _, f := range p.Fields {
		of.Fields = append(of.Fields, asyncPrivate(f))
	}
	return info{Title: "airudder-exporter", Version: Version, Description: b.String(), Privacy: of}
}

func list(sentences []string) string {
	return "- " + strings.Join(sentences, "\n- ") + "\n"
}

func (t topic) channel() channel {
	c := channel{Address: t.Name, Title: t.title, Description: list(t.about)}
	for _, m := range t.messages {
		c.Messages = append(c.Messages, named[ref]{m.name, ref{"#/components/messages/" + m.name}})
	}
	c.Bindings.Kafka = channelBinding{Partitions: t.Partitions, BindingVersion: bindingVersion}
	for _, name := range slices.Sorted(maps.Keys(t.Configs)) {
		var value any = t.Configs[name]
		if number := json.Number(t.Configs[name]); name == "cleanup.policy" {
			value = []string{t.Configs[name]}
		} else if n, err := number.Int64(); err == nil {
			value = n
		} else if f, err := number.Float64(); err == nil {
			value = f
		}
		c.Bindings.Kafka.Configuration = append(c.Bindings.Kafka.Configuration, named[any]{name, value})
	}
	return c
}

func (t topic) operation() operation {
	o := operation{Action: "send", Channel: ref{"#/channels/" + t.id}}
	for _, m := range t.messages {
		o.Messages = append(o.Messages, ref{"#/channels/" + t.id + "/messages/" + m.name})
	}
	return o
}

func (m message) async() (asyncMessage, error) {
	a := asyncMessage{Name: m.name, Title: m.summary, ContentType: "application/json"}
	a.Bindings.Kafka = messageBinding{BindingVersion: bindingVersion, Key: textSchema{
		Type: "string", Description: strings.TrimSpace(code(m.key.form) + ". " + m.key.meaning), Pattern: anchored(m.key.pattern), Examples: []string{m.key.example},
	}}
	if m.schema.text == "" {
		a.Payload = jsonSchema(m.json, "")
		return a, nil
	}
	a.ContentType = "application/avro"
	kafka := &a.Bindings.Kafka
	kafka.IDLocation, kafka.IDEncoding, kafka.LookupStrategy = "payload", "confluent", "TopicNameStrategy"
	a.Headers = &objectSchema{Type: "object"}
	for _, h := range m.headers {
		s := textSchema{Type: "string", Description: h.meaning, Const: h.value}
		if h.value == "" {
			s.Pattern, s.Examples = anchored(h.pattern), []string{h.example}
		}
		a.Headers.Required = append(a.Headers.Required, h.name)
		a.Headers.Properties = append(a.Headers.Properties, named[any]{h.name, s})
	}
	avro, err := block(m.schema.text)
	a.Payload = foreign{avroFormat, avro}
	return a, err
}

// anchored is a pattern that is to fit all of a text. What fits every text is none.
func anchored(pattern string) string {
	if pattern == anything {
		return ""
	}
	return "^(" + pattern + ")$"
}

// jsonSchema is an object in JSON Schema.
func jsonSchema(fields []field, description string) objectSchema {
	s := objectSchema{Type: "object", Description: description}
	for _, f := range fields {
		var of any = textSchema{Type: f.kind, Description: f.meaning}
		switch f.kind {
		case "object":
			of = jsonSchema(f.fields, f.meaning)
		case "time":
			of = textSchema{Type: "string", Format: "date-time", Description: f.meaning}
		}
		if f.always {
			s.Required = append(s.Required, f.name)
		}
		s.Properties = append(s.Properties, named[any]{f.name, of})
	}
	return s
}

// block is JSON as YAML that people read.
func block(text string) (*yaml.Node, error) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return nil, err
	}
	unstyle(&document)
	return document.Content[0], nil
}

func unstyle(n *yaml.Node) {
	short := n.Kind == yaml.SequenceNode && !slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return c.Kind != yaml.ScalarNode })
	if n.Style = 0; short {
		n.Style = yaml.FlowStyle
	}
	for _, c := range n.Content {
		unstyle(c)
	}
}
