// Package contract says what consumers may build on: each topic with its key, headers
// and schema, what is promised, and what becomes of personal data. It is one document,
// written twice: as AsyncAPI for programs and as Markdown for people. It asks nobody: a
// Config says all that differs from one deployment to the next.
package contract

import (
	"slices"
	"time"
)

// Version is the contract's. Its first number changes where a consumer has to change;
// the second grows with what is added.
const Version = "1.0"

// Config is what is particular to a deployment.
type Config struct {
	// Topics are those that the deployment has, by what is in them: the name of an Avro
	// record, or Ledger.
	Topics map[string]Topic

	EventKey    string // as record.EventKey has it
	EventKeySet bool   // false: the ledger's own counts, and EventKey is a new one's
	Compression string // of every topic but the ledger
	Source      string // what ce_source begins with
	Account     string // empty: it has no name
	Zone        string // of times that name none
	Privacy     Privacy

	AfterEnd    time.Duration // from a task's end to its seal
	Retention   time.Duration // from its seal to its closing
	Transaction time.Duration // how long a dead exporter's transaction may stay open
}

// Topic is a topic as it is created.
type Topic struct {
	Name       string
	Partitions int
	Configs    map[string]string
}

// Privacy is what becomes of personal data.
type Privacy struct {
	Preset string
	Header string // as each event has it
	Key    string // the name of the tokens' key; empty: there are no tokens
	Fields []PrivateField
}

// PrivateField is a field that can be hidden.
type PrivateField struct {
	Field  string
	Mode   string
	Topics []string // that show something of it
}

// mode is what becomes of a field; empty: it cannot be hidden.
func (p Privacy) mode(field string) string {
	for _, f := range p.Fields {
		if f.Field == field {
			return f.Mode
		}
	}
	return ""
}

// has reports whether any field is of a mode.
func (p Privacy) has(mode string) bool {
	return slices.ContainsFunc(p.Fields, func(f PrivateField) bool { return f.Mode == mode })
}

// hides reports whether any field is not kept.
func (p Privacy) hides() bool {
	return slices.ContainsFunc(p.Fields, func(f PrivateField) bool { return f.Mode != "keep" })
}

// Document is the contract of one deployment.
type Document struct {
	cfg    Config
	topics []topic
}

// topic is a topic with all that its readers need.
type topic struct {
	Topic
	id       string // in the document, whatever the topic's name
	title    string
	about    []string
	messages []message
}

// message is one kind of record. Its value is Avro or, in the ledger, JSON.
type message struct {
	name    string
	summary string
	key     key
	headers []header
	schema  schema  // Avro
	json    []field // of a value in JSON
}

// key is what records are keyed by.
type key struct{ form, meaning, pattern, example string }

// New is the contract of a deployment.
func New(cfg Config) (Document, error) {
	d := Document{cfg: cfg}
	for _, p := range published(cfg) {
		of, there := cfg.Topics[p.record]
		if !there {
			continue
		}
		s, err := parseSchema(p.schema)
		if err != nil {
			return Document{}, err
		}
		d.topics = append(d.topics, topic{
			Topic: of, id: p.id, title: p.title, about: p.about,
			messages: []message{{name: p.record, summary: p.summary, key: p.key, headers: headersOf(cfg, p), schema: s}},
		})
	}
	if of, there := cfg.Topics[Ledger]; there {
		d.topics = append(d.topics, topic{Topic: of, id: "callLedger", title: "The ledger", about: aboutLedger(cfg), messages: entries()})
	}
	return d, nil
}
