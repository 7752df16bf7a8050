package contract

import (
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record"
	"airudder-exporter/internal/record/privacy"
)

// deployment is a configuration with every topic, each of which is called after what
// is in it.
func deployment(key record.EventKey, account string, c privacy.Choice) Config {
	cfg := Config{
		Topics:   map[string]Topic{},
		EventKey: string(key), EventKeySet: true, Source: "https://api.example.com/x", Account: account,
		Compression: "lz4", Zone: "+08:00",
		Privacy:  Privacy{Preset: string(c.Preset()), Header: c.Header(), Key: c.KeyName()},
		AfterEnd: 24 * time.Hour, Retention: 720 * time.Hour, Transaction: 10 * time.Second,
	}
	for name := range allTopics().ByContent() {
		cfg.Topics[name] = Topic{Name: name, Partitions: 2, Configs: map[string]string{"cleanup.policy": "delete", "retention.ms": "86400000"}}
	}
	for _, f := range privacy.Fields() {
		cfg.Privacy.Fields = append(cfg.Privacy.Fields, PrivateField{Field: f.Name, Mode: c.Mode(f.Name).String()})
	}
	return cfg
}

// allTopics are called after their content.
func allTopics() record.Topics {
	return record.Topics{
		CallCompleted: CallCompleted, TaskStatus: TaskStatusChanged, DeadLetter: DeadLetter, CallPrivate: CallPrivate, CallRevised: CallRevised, Ledger: Ledger,
	}
}

func document(t *testing.T, cfg Config) Document {
	t.Helper()
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func choice(t *testing.T, preset privacy.Preset) privacy.Choice {
	t.Helper()
	key, err := privacy.ParseKey("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	if err != nil {
		t.Fatal(err)
	}
	c, err := privacy.New(preset, privacy.Overrides{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The document has every topic that records go to, and every record in it has the
// headers and the key that the document says.
func TestRecords(t *testing.T) {
	for _, account := range []string{"", "id-1"} {
		for _, preset := range []privacy.Preset{privacy.Open, privacy.Lender} {
			for _, key := range record.EventKeys {
				t.Run(strings.Join([]string{account, string(preset), string(key)}, " "), func(t *testing.T) {
					c := choice(t, preset)
					d := document(t, deployment(key, account, c))
					met := map[string]bool{}
					for _, r := range recordsOf(t, key, account, c) {
						met[r.Topic] = true
						d.meets(t, r)
					}
					for _, topic := range d.topics {
						unused := topic.Name == CallPrivate && !c.Separate() || topic.Name == CallRevised && key.CanRevise() != nil
						if !met[topic.Name] && !unused {
							t.Errorf("the encoder wrote nothing to %s", topic.Name)
						}
					}
				})
			}
		}
	}
}

// meets holds a record against the document.
func (d Document) meets(t *testing.T, r batch.Record) {
	t.Helper()
	i := slices.IndexFunc(d.topics, func(of topic) bool { return of.Name == r.Topic })
	if i < 0 {
		t.Errorf("the document has no topic %s", r.Topic)
		return
	}
	messages := d.topics[i].messages
	if m := slices.IndexFunc(messages, func(m message) bool { return fits(m.key.pattern, string(r.Key)) }); m < 0 {
		t.Errorf("%s: key %s is in no form of the document's", r.Topic, r.Key)
	}
	if len(r.Headers) == 0 && r.Topic == Ledger {
		return
	}
	want := messages[0].headers
	if len(want) != len(r.Headers) {
		t.Fatalf("%s: %d headers, the document has %d", r.Topic, len(r.Headers), len(want))
	}
	for i, h := range r.Headers {
		switch w := want[i]; {
		case h.Key != w.name:
			t.Errorf("%s: header %d is %s, the document has %s", r.Topic, i, h.Key, w.name)
		case w.value != "" && string(h.Value) != w.value, w.value == "" && !fits(w.pattern, string(h.Value)):
			t.Errorf("%s: header %s is %s, the document has %s%s", r.Topic, h.Key, h.Value, w.value, w.pattern)
		}
	}
}

func fits(pattern, text string) bool {
	return regexp.MustCompile("^(" + pattern + ")$").MatchString(text)
}

// recordsOf are records of each kind.
func recordsOf(t *testing.T, key record.EventKey, account string, c privacy.Choice) (all []batch.Record) {
	t.Helper()
	topics := allTopics()
	if key.CanRevise() != nil {
		topics.CallRevised = ""
	}
	e, err := record.NewEncoder(record.EncoderConfig{
		Topics: topics,
		IDs:    record.IDs{CallCompleted: 1, TaskStatus: 2, DeadLetter: 3, CallPrivate: 4, CallRevised: 5}, EventKey: key,
		BaseURL: "https://user:secret@api.example.com/x/", LedgerID: "l1", Account: account, Privacy: c,
	})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 123e6, time.UTC)
	entry := func(kind ledger.Kind, id string) []ledger.Entry {
		return []ledger.Entry{{Kind: kind, TaskID: "t/1", ID: id}}
	}
	row := call.Row{CallID: "c1", ID: call.Some(int64(7)), Status: "finished", CalleeNumber: call.Some("+62123"), Comments: call.Some("C1")}
	bare := call.Row{CallID: "c/2", Status: "finished"}
	plan := ledger.Plan{Task: call.Task{ID: "t/1"}, ObservedAt: at, Units: []ledger.Unit{
		{Call: &row, Entries: entry(ledger.KindCall, "c1")},
		{Call: &bare, Entries: entry(ledger.KindCall, "c/2")},
		{Dead: &ledger.Dead{Reject: call.Reject{CallID: "c9", Reason: call.TooLarge}}, Entries: entry(ledger.KindCall, "c9")},
		{Dead: &ledger.Dead{RowKey: "4711"}, Entries: entry(ledger.KindRow, "4711")},
		{Resolved: []ledger.Resolution{{Key: "4711", CallID: "c8"}}},
		{Changes: []ledger.StatusChange{{Sequence: 12, Status: "paused"}}, Entries: entry(ledger.KindTask, "")},
		{Entries: []ledger.Entry{{Kind: ledger.KindMeta}, {Kind: ledger.KindProducer}}},
	}}
	if topics.CallRevised != "" {
		plan.Units = append(plan.Units, ledger.Unit{
			Revised: &ledger.Revised{Row: &row, Revision: 2, N: 1}, Entries: entry(ledger.KindCall, "c1"),
		})
	}
	units, err := e.Plan(plan)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range units {
		all = append(all, u.Records...)
	}
	return all
}

// Each topic that the encoder has is in the document.
func TestTopics(t *testing.T) {
	d := document(t, deployment(record.KeyRow, "", privacy.Choice{}))
	if want := reflect.TypeFor[record.Topics]().NumField(); len(d.topics) != want {
		t.Errorf("the document has %d topics, the encoder %d", len(d.topics), want)
	}
	for content, name := range allTopics().ByContent() {
		if !slices.ContainsFunc(d.topics, func(of topic) bool { return of.Name == content }) || name != content {
			t.Errorf("the document has no topic of %s, or it is called %s", content, name)
		}
	}
}

// The schemas stand in the document as they are.
func TestSchemas(t *testing.T) {
	text, err := document(t, deployment(record.KeyRow, "", privacy.Choice{})).YAML()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Components struct {
			Messages map[string]struct {
				Payload struct {
					Format string `yaml:"schemaFormat"`
					Schema any    `yaml:"schema"`
				} `yaml:"payload"`
			} `yaml:"messages"`
		} `yaml:"components"`
	}
	if err := yaml.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for _, p := range published(Config{}) {
		payload := got.Components.Messages[p.record].Payload
		var want any
		if err := json.Unmarshal([]byte(p.schema), &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(payload.Schema, want) || payload.Format != avroFormat {
			t.Errorf("%s: the payload is not the schema", p.record)
		}
	}
}

// The document has the fields that the ledger's entries have.
func TestEntries(t *testing.T) {
	all := ledger.Published{At: time.Now(), As: ledger.Event, N: 1, Row: 1, Revision: 1, Fields: ledger.Fields{Form: "1", Hash: 1},
		Letter: ledger.Letter{Reason: call.TooLarge, Limit: 1, CallID: "c"}}
	var value map[string]any
	if err := json.Unmarshal(ledger.Entry{Kind: ledger.KindCall, Published: all}.AppendValue(nil), &value); err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, m := range entries() {
		switch m.name {
		case "LedgerCall", "LedgerRow":
			for _, f := range m.json {
				documented[f.name] = true
			}
		case "LedgerTask":
			sameFields(t, reflect.TypeFor[ledger.State](), m.json)
		case "LedgerMeta":
			sameFields(t, reflect.TypeFor[ledger.Meta](), m.json)
		case "LedgerProducer":
			sameFields(t, reflect.TypeFor[ledger.Writer](), m.json)
		default:
			t.Errorf("what is %s?", m.name)
		}
	}
	if got, want := slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(value)); !slices.Equal(got, want) {
		t.Errorf("of calls and rows, the document has\n%v, an entry has\n%v", got, want)
	}
}

func sameFields(t *testing.T, of reflect.Type, documented []field) {
	t.Helper()
	var got, want []string
	for _, f := range documented {
		got = append(got, f.name+" "+map[bool]string{true: "always"}[f.always])
	}
	for _, f := range reflect.VisibleFields(of) {
		if f.Anonymous {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		want = append(want, name+" "+map[bool]string{true: "always"}[!strings.Contains(options, "omit")])
		i := slices.IndexFunc(documented, func(d field) bool { return d.name == name })
		if i >= 0 && f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[time.Time]() {
			sameFields(t, f.Type, documented[i].fields)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the document has\n%v, %s has\n%v", got, of, want)
	}
}

// The examples are in the form that the document says, and both forms say what becomes
// of a field.
func TestForms(t *testing.T) {
	for _, key := range record.EventKeys {
		d := document(t, deployment(key, "id-1", choice(t, privacy.Lender)))
		for _, topic := range d.topics {
			for _, m := range topic.messages {
				if !fits(m.key.pattern, m.key.example) {
					t.Errorf("%s: the example of a key is %s, the pattern %s", m.name, m.key.example, m.key.pattern)
				}
				for _, h := range m.headers {
					if h.value == "" && !fits(h.pattern, h.example) {
						t.Errorf("%s: the example of %s is %s, the pattern %s", m.name, h.name, h.example, h.pattern)
					}
				}
			}
		}
	}
	text := string(document(t, deployment(record.KeyRow, "", choice(t, privacy.Lender))).Markdown())
	for _, want := range []string{
		"| `callee_number` | string or null | `CalleeNumber` | yes | token |", // in the event, and below in its private record
		"| `callee_number` | string or null | `CalleeNumber` | yes |  |",
		"| `callee_gender` | string or null | `CalleeGender` | yes | null |",
		"| `raw` | drop | nowhere |",
		"`airudder_privacy` | such as `lender/",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the Markdown does not say %q", want)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		24 * time.Hour: "24 h", 720 * time.Hour: "30 days", 90 * time.Minute: "90 min", 10 * time.Second: "10 s", 1500 * time.Millisecond: "1.5 s",
	} {
		if got := span(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}

// Descriptions are Markdown, in which a < outside of code begins a tag.
func TestDescriptions(t *testing.T) {
	for _, key := range record.EventKeys {
		text, err := document(t, deployment(key, "id-1", choice(t, privacy.Lender))).YAML()
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := yaml.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		descriptions(v, func(s string) {
			for i, part := range strings.Split(s, "`") {
				if i%2 == 0 && strings.ContainsAny(part, "<*") {
					t.Errorf("%q has a mark outside of code", part)
				}
			}
		})
	}
}

func descriptions(v any, visit func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for name, of := range v {
			if s, is := of.(string); is && name == "description" {
				visit(s)
			}
			descriptions(of, visit)
		}
	case []any:
		for _, of := range v {
			descriptions(of, visit)
		}
	}
}
