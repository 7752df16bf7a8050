package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record/privacy"
	"airudder-exporter/schemas"
)

const privacyKey = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

func chosen(t testing.TB, preset string, fields ...string) privacy.Choice {
	t.Helper()
	c, err := Privacy{Preset: preset, Fields: fields, Key: privacyKey}.Choice()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// schemaField is a field of a schema as its file has it.
type schemaField struct {
	Name string          `json:"name"`
	Type json.RawMessage `json:"type"`
	PII  bool            `json:"airudder.pii"`
	Tags []string        `json:"confluent:tags"`
}

func fieldsIn(t *testing.T, schema []byte) map[string]schemaField {
	t.Helper()
	var record struct{ Fields []schemaField }
	if err := json.Unmarshal(schema, &record); err != nil {
		t.Fatal(err)
	}
	all := map[string]schemaField{}
	for _, f := range record.Fields {
		all[f.Name] = f
	}
	return all
}

// elements are the fields of the records in an optional array.
func elements(t *testing.T, f schemaField) map[string]schemaField {
	t.Helper()
	var union []json.RawMessage
	var array struct{ Items json.RawMessage }
	if err := json.Unmarshal(f.Type, &union); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(union[1], &array); err != nil {
		t.Fatal(err)
	}
	return fieldsIn(t, array.Items)
}

// What the schemas call personal is what code does, and the reverse.
func TestPersonalFields(t *testing.T) {
	completed := fieldsIn(t, []byte(schemas.CallCompleted()))
	tagged := map[string]bool{"redials": true} // which hold a callee's number
	for name, f := range map[string]map[string]schemaField{
		"CallCompleted": completed, "DeadLetter": fieldsIn(t, []byte(schemas.DeadLetter())),
		"TaskStatusChanged": fieldsIn(t, []byte(schemas.TaskStatusChanged())),
		"redials":           elements(t, completed["redials"]), "asr_result": elements(t, completed["asr_result"]),
	} {
		for _, f := range f {
			if slices.Equal(f.Tags, []string{"PII"}) != f.PII {
				t.Errorf("%s.%s: airudder.pii is %v, its tags are %q", name, f.Name, f.PII, f.Tags)
			}
			tagged[f.Name] = tagged[f.Name] || f.PII
		}
	}
	delete(tagged, "redials")
	delete(tagged, "robot_text") // with asr_result
	delete(tagged, "text")
	for _, f := range privacy.Fields() {
		if is, known := tagged[f.Name]; !known || is != f.Personal {
			t.Errorf("%s: the schemas say personal %v (known: %v), the list %v", f.Name, is, known, f.Personal)
		}
		delete(tagged, f.Name)
	}
	for name, personal := range tagged {
		if personal {
			t.Errorf("%s is personal by its schema, but cannot be hidden", name)
		}
	}
}

// Each field that can be hidden is a column that can do what its kind promises.
func TestHiddenColumns(t *testing.T) {
	for _, f := range privacy.Fields() {
		if f.Kind == privacy.Raw {
			continue
		}
		i := slices.IndexFunc(rowColumns(), func(c column[event]) bool { return c.name == f.Name })
		if i < 0 {
			t.Errorf("%s is no column", f.Name)
			continue
		}
		own, text := rowColumns()[i], f.Kind == privacy.Number || f.Kind == privacy.Text
		if own.branch == "" || (own.through != nil) != text {
			t.Errorf("%s: optional %v, can be shown in another way %v, want %v", f.Name, own.branch != "", own.through != nil, text)
		}
	}
}

// CallPrivate has the fields as CallCompleted has them.
func TestPrivateSchema(t *testing.T) {
	completed, private := fieldsIn(t, []byte(schemas.CallCompleted())), fieldsIn(t, []byte(schemas.CallPrivate()))
	for name, f := range private {
		if name == "revision" || name == "redials" {
			continue
		}
		if of := completed[name]; compact(t, f.Type) != compact(t, of.Type) || f.PII != of.PII {
			t.Errorf("%s is %s (personal: %v), but %s (%v) in CallCompleted", name, f.Type, f.PII, of.Type, of.PII)
		}
	}
	for name, f := range elements(t, private["redials"]) {
		if of := elements(t, completed["redials"])[name]; compact(t, f.Type) != compact(t, of.Type) || f.PII != of.PII {
			t.Errorf("redials.%s differs from CallCompleted's", name)
		}
	}
	want := describeSchema(root(t, schemas.CallPrivate()))
	for _, c := range []privacy.Choice{{}, chosen(t, "lender"), chosen(t, "open", "callee_number:private", "additional_fields:private")} {
		if got := describe(privateColumns(c, "")); !slices.Equal(got, want) {
			t.Errorf("%s: the encoder fills\n%v, the schema has\n%v", c, got, want)
		}
	}
	if got, want := describe(privateRedials(chosen(t, "lender"))), describeSchema(*fieldType(t, root(t, schemas.CallPrivate()), "redials").Items); !slices.Equal(got, want) {
		t.Errorf("redials: the encoder fills\n%v, the schema has\n%v", got, want)
	}
}

// compact is a type without its docs, which may differ.
func compact(t *testing.T, of json.RawMessage) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(of, &v); err != nil {
		t.Fatal(err)
	}
	var strip func(any)
	strip = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			delete(v, "doc")
			for _, inner := range v {
				strip(inner)
			}
		case []any:
			for _, inner := range v {
				strip(inner)
			}
		}
	}
	strip(v)
	return fmt.Sprint(v)
}

// markedRow has a value in every field that would be found wherever it goes.
func markedRow() call.Row {
	row := sampleRow()
	mark := func(of string) call.Opt[string] { return call.Some("<" + of + "> 00000000 tail") }
	row.CallerNumber, row.CalleeNumber = call.Some("+620000000001"), call.Some("+62 000-0000-0002")
	row.CalleeName, row.CalleeGender = mark("callee_name"), mark("callee_gender")
	row.Intention, row.IntentionDescription = mark("intention"), mark("intention_description")
	row.MultiIntention, row.Comments, row.CallNotes = mark("multi_intention"), mark("comments"), mark("call_notes")
	row.ExtraA, row.ExtraB, row.ExtraC, row.CaseID = mark("extra_a"), mark("extra_b"), mark("extra_c"), mark("case_id")
	row.AsrResult = []call.Turn{{RobotText: mark("asr_result"), Text: mark("asr_result")}}
	row.EventLabel = map[string]string{"<event_label>": "<event_label>"}
	row.NerSlots = map[string]string{"<ner_slots>": "<ner_slots>"}
	row.Redials = []call.Redial{{CallID: call.Some("earlier"), CallerNumber: row.CallerNumber, CalleeNumber: row.CalleeNumber}}
	row.Additional = map[string]string{"CalleeNum": `"<additional_fields>"`, "Campaign": `"<Campaign>"`}
	return row
}

// markers are what must not be found where a field is hidden.
func markers(field string) []string {
	switch field {
	case privacy.CallerNumber:
		return []string{"620000000001"}
	case privacy.CalleeNumber:
		return []string{"62 000-0000-0002", "6200000000002"}
	}
	return []string{"<" + field + ">"}
}

func protectedEncoder(t testing.TB, c privacy.Choice, key EventKey) *Encoder {
	t.Helper()
	return limitedEncoder(t, c, key, nil)
}

func limitedEncoder(t testing.TB, c privacy.Choice, key EventKey, limits Limits) *Encoder {
	t.Helper()
	topics := testTopics()
	if c.Separate() {
		topics.CallPrivate = "private"
	}
	return newTestEncoder(t, EncoderConfig{Limits: limits, Privacy: c, Topics: topics, EventKey: key, IDs: IDs{CallCompleted: 1, TaskStatus: 2, DeadLetter: 3, CallPrivate: 4}})
}

// bytesOf is all of a record that a reader can see.
func bytesOf(r batch.Record) []byte {
	all := slices.Concat(r.Key, []byte{0}, r.Value)
	for _, h := range r.Headers {
		all = slices.Concat(all, []byte{0}, []byte(h.Key), []byte{0}, h.Value)
	}
	return all
}

// TestModes gives each field each of its modes and looks at every byte of the event
// and of what is kept apart from it.
func TestModes(t *testing.T) {
	row := markedRow()
	for _, f := range privacy.Fields() {
		if f.Kind == privacy.Raw {
			continue
		}
		for _, mode := range []privacy.Mode{privacy.Keep, privacy.Drop, privacy.Mask, privacy.Pseudonym, privacy.Private, privacy.PseudonymPrivate} {
			c, err := Privacy{Fields: []string{f.Name + ":" + mode.String()}, Key: privacyKey}.Choice()
			if err != nil {
				continue // the kind does not have it
			}
			t.Run(f.Name+" "+mode.String(), func(t *testing.T) {
				records, _ := only(t, protectedEncoder(t, c, ""), planOf(sampleTask(), &row))
				published := records[:len(records)-1] // the last one is the ledger's
				if want := 1 + map[bool]int{true: 1}[mode.Separate()]; len(published) != want {
					t.Fatalf("%d records are published, want %d", len(published), want)
				}
				for _, marker := range markers(f.Name) {
					event := bytes.Contains(bytesOf(published[0]), []byte(marker))
					if kept := mode == privacy.Keep; kept && marker == markers(f.Name)[0] != event || !kept && event {
						t.Errorf("the event shows %q: %v", marker, event)
					}
				}
				if mode.Separate() && !bytes.Contains(published[1].Value, []byte(markers(f.Name)[0])) {
					t.Error("what is kept apart is nowhere")
				}
				for _, other := range privacy.Fields() { // no other field is touched
					if other.Name == f.Name || other.Kind == privacy.Raw || other.Name == privacy.AdditionalFields {
						continue
					}
					if marker := markers(other.Name)[0]; !bytes.Contains(published[0].Value, []byte(marker)) ||
						len(published) > 1 && bytes.Contains(published[1].Value, []byte(marker)) {
						t.Errorf("%s is not in the event alone", other.Name)
					}
				}
			})
		}
	}
}

// TestPresetsOnRecords decodes what the presets make of a row.
func TestPresetsOnRecords(t *testing.T) {
	const token = "k1.Vcai-VdzH1P176b8nll3WA" // of the number 6200000000002, by another program
	row := markedRow()
	open := decodeBy(t, schemas.CallCompleted(), 1, publishedBy(t, privacy.Choice{}, "", row)[0].Value)
	for _, preset := range []string{"lender", "strict"} {
		c := chosen(t, preset, privacy.AdditionalFields+".Campaign:keep")
		records := publishedBy(t, c, KeyCalleeNumber, row)
		got := decodeBy(t, schemas.CallCompleted(), 1, records[0].Value)
		want := maps.Clone(open)
		for _, f := range privacy.Fields() {
			if c.Mode(f.Name) != privacy.Keep && f.Kind != privacy.Raw {
				want[f.Name] = nil
			}
		}
		want["callee_number"], want["additional_fields"] = token, map[string]any{"Campaign": `"<Campaign>"`}
		redial := maps.Clone(open["redials"].([]any)[0].(map[string]any))
		redial["callee_number"] = token
		want["redials"] = []any{redial}
		same(t, got, want)
		for _, r := range records {
			if string(r.Key) != token {
				t.Errorf("%s: the key in %s is %q, want the token", preset, r.Topic, r.Key)
			}
			if got := header(r, "airudder_privacy"); got != c.Header() || !strings.HasPrefix(got, preset+"/") {
				t.Errorf("%s: airudder_privacy in %s is %q", preset, r.Topic, got)
			}
		}
	}
}

func publishedBy(t *testing.T, c privacy.Choice, key EventKey, row call.Row) []batch.Record {
	t.Helper()
	records, _ := only(t, protectedEncoder(t, c, key), planOf(sampleTask(), &row))
	return records[:len(records)-1]
}

// TestPrivate decodes what is kept apart from an event.
func TestPrivate(t *testing.T) {
	row := markedRow()
	records := publishedBy(t, chosen(t, "lender", "additional_fields:private", "additional_fields.Campaign:keep"), KeyComments, row)
	if len(records) != 2 {
		t.Fatalf("%d records, want the event and what is apart", len(records))
	}
	event, r := records[0], records[1]
	if r.Topic != "private" || !bytes.Equal(r.Key, event.Key) {
		t.Errorf("it goes to %s under %q, the event under %q", r.Topic, r.Key, event.Key)
	}
	if kind, id := header(r, "ce_type"), header(r, "ce_id"); kind != "airudder.call.private" || id != header(event, "ce_id")+"/private" {
		t.Errorf("its type is %s, its id %s", kind, id)
	}
	if header(event, "ce_type") != "airudder.call.completed" || strings.Contains(header(event, "ce_id"), "private") {
		t.Error("the event's headers are those of what is apart")
	}
	for _, h := range event.Headers {
		if got := header(r, h.Key); got != string(h.Value) && h.Key != "ce_type" && h.Key != "ce_id" {
			t.Errorf("its %s is %q, the event's %q", h.Key, got, h.Value)
		}
	}
	if got := len(r.Headers); got != len(event.Headers) {
		t.Errorf("%d headers, the event has %d", got, len(event.Headers))
	}
	same(t, decodeBy(t, schemas.CallPrivate(), 4, r.Value), map[string]any{
		"task_id": sampleTask().ID, "account": nil, "call_id": row.CallID, "revision": int64(0),
		"caller_number": nil, "callee_number": row.CalleeNumber.Value, "callee_name": row.CalleeName.Value, "callee_gender": nil,
		"intention": nil, "intention_description": nil, "multi_intention": row.MultiIntention.Value, "comments": nil,
		"extra_a": row.ExtraA.Value, "extra_b": row.ExtraB.Value, "extra_c": row.ExtraC.Value,
		"asr_result": []any{map[string]any{"time": nil, "robot_text": row.AsrResult[0].RobotText.Value, "text": row.AsrResult[0].Text.Value}},
		"ner_slots":  wantMap(row.NerSlots), "event_label": nil,
		"redials":    []any{map[string]any{"call_id": "earlier", "caller_number": nil, "callee_number": row.CalleeNumber.Value}},
		"call_notes": row.CallNotes.Value, "case_id": nil,
		"additional_fields": map[string]any{"CalleeNum": `"<additional_fields>"`}, "observed_at": wantTime(observedAt()),
	})
	bare := publishedBy(t, chosen(t, "lender"), "", call.Row{CallID: "c", Status: call.Finished})
	for name, value := range decodeBy(t, schemas.CallPrivate(), 4, bare[1].Value) {
		if value != nil && !slices.Contains([]string{"task_id", "call_id", "revision", "observed_at"}, name) {
			t.Errorf("%s of a bare row is %v", name, value)
		}
	}
}

// An event key on what the event does not show is refused.
func TestHiddenEventKey(t *testing.T) {
	topics := testTopics()
	_, err := NewEncoder(EncoderConfig{Topics: topics, Privacy: chosen(t, "open", "comments:mask"), EventKey: KeyComments, BaseURL: "https://a"})
	const want = "EventKey: comments is mask, so it cannot be the key of the events: keep it, make it a pseudonym, or give another key"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A dead letter's row goes with the first field that is hidden; what identifies it
// stays.
func TestHiddenRaw(t *testing.T) {
	raw := []byte(`{"CallID": "c9", "CalleeNumber": "<callee_number>`)
	for _, tt := range []struct {
		choice privacy.Choice
		want   any
	}{
		{privacy.Choice{}, raw},
		{chosen(t, "lender"), nil},
		{chosen(t, "strict"), nil},
		{chosen(t, "open", "callee_gender:drop"), nil},
		{chosen(t, "strict", "raw:keep"), raw},
	} {
		p := deadPlan(ledger.Dead{Reject: call.NewReject(call.BrokenJSON, raw)})
		p.Units[0].Dead.CallID = "c9"
		records, _ := only(t, protectedEncoder(t, tt.choice, ""), p)
		got := decodeBy(t, schemas.DeadLetter(), 3, records[0].Value)
		if !reflect.DeepEqual(got["raw"], tt.want) || got["raw_size"] != int64(len(raw)) || got["raw_sha256"] == nil {
			t.Errorf("%s: got raw %q, size %v, sum %v", tt.choice.Header(), got["raw"], got["raw_size"], got["raw_sha256"])
		}
	}
}

// What is kept apart has to fit as the event has to.
func TestPrivateTooLarge(t *testing.T) {
	for _, tt := range []struct {
		size, limit int
		waits       bool
	}{
		{20_000, 10_000, true},
		{20_000, 1 << 20, false},
		{1_100_000, 1 << 20, false}, // given up: a dead letter
	} {
		row := markedRow()
		row.CallNotes = call.Some(strings.Repeat("x", tt.size))
		e := limitedEncoder(t, chosen(t, "lender"), "", limits("private", tt.limit))
		p := planOf(sampleTask(), &row)
		units, err := e.Plan(p)
		if err != nil {
			t.Fatal(err)
		}
		got := units[0]
		if tt.waits {
			waits(t, got, p.Units[0], "private", tt.limit)
			continue
		}
		var topics []string
		for _, r := range got.Records {
			topics = append(topics, r.Topic)
		}
		want := []string{"events", "private", "ledger"}
		if tt.size >= EventSize {
			want = []string{"dead", "ledger"}
		}
		if !slices.Equal(topics, want) {
			t.Errorf("%d bytes at most %d: the topics are %v, want %v", tt.size, tt.limit, topics, want)
		}
	}
}
