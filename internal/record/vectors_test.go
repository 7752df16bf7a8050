package record

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record/privacy"
	"airudder-exporter/schemas"
)

// This file writes schemas/testdata with -update, and holds it against the code without.
// .ci/vectors.py holds the same files against programs that are not ours.

// vectorTopics are the topics of the vectors and what is in each; the file is named
// after the schema.
func vectorTopics() []vectorFile {
	return []vectorFile{
		{Topic: "airudder.call-completed", Schema: "call_completed", ID: 1, text: schemas.CallCompleted()},
		{Topic: "airudder.task-status", Schema: "task_status_changed", ID: 2, text: schemas.TaskStatusChanged()},
		{Topic: "airudder.call-dead-letter", Schema: "dead_letter", ID: 3, text: schemas.DeadLetter()},
		{Topic: "airudder.call-private", Schema: "call_private", ID: 4, text: schemas.CallPrivate()},
		{Topic: "airudder.call-revised", Schema: "call_revised", ID: 5, text: schemas.CallRevised()},
	}
}

type vectorFile struct {
	Topic   string   `json:"topic"`
	Schema  string   `json:"schema"`
	ID      uint32   `json:"schema_id"`
	Records []vector `json:"records"`

	text string
}

// vector is one record as it is on the wire, and what it says.
type vector struct {
	About     string            `json:"about"`
	Key       string            `json:"key"`
	Partition int               `json:"partition_of_6"`
	Headers   map[string]string `json:"headers"`
	Value     string            `json:"value_hex"`
	Decoded   any               `json:"decoded"`
}

// vectorCase is a plan of which the published records are vectors.
type vectorCase struct {
	about string
	cfg   EncoderConfig
	plan  ledger.Plan
}

func TestVectorsOfRecords(t *testing.T) {
	files := vectorTopics()
	for _, c := range vectorCases(t) {
		c.cfg.Topics = Topics{
			CallCompleted: files[0].Topic, TaskStatus: files[1].Topic, DeadLetter: files[2].Topic, CallPrivate: files[3].Topic,
			Ledger: "airudder.call-ledger",
		}
		if c.cfg.EventKey.CanRevise() == nil {
			c.cfg.Topics.CallRevised = files[4].Topic
		}
		c.cfg.IDs = IDs{CallCompleted: 1, TaskStatus: 2, DeadLetter: 3, CallPrivate: 4, CallRevised: 5}
		units, err := newTestEncoder(t, c.cfg).Plan(c.plan)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range units {
			for _, r := range u.Records {
				if i := slices.IndexFunc(files, func(f vectorFile) bool { return f.Topic == r.Topic }); i >= 0 {
					files[i].Records = append(files[i].Records, vectorOf(t, files[i], c.about, r))
				}
			}
		}
	}
	if all, err := filepath.Glob("../../schemas/*.avsc"); err != nil || len(all) != len(files) {
		t.Errorf("there are vectors for %d of %d schemas (%v)", len(files), len(all), err)
	}
	for _, f := range files {
		name := f.Schema + ".json"
		f.Schema += ".avsc"
		vectorGolden(t, name, f)
	}
}

func vectorOf(t *testing.T, f vectorFile, about string, r batch.Record) vector {
	t.Helper()
	v := vector{
		About: about, Key: string(r.Key), Partition: batch.PartitionFor(r.Key, 6), Headers: map[string]string{},
		Value: hex.EncodeToString(r.Value), Decoded: plainValue(decodeBy(t, f.text, f.ID, r.Value)),
	}
	for _, h := range r.Headers {
		v.Headers[h.Key] = string(h.Value)
	}
	return v
}

// plainValue has what JSON lacks in another form: times as milliseconds, bytes as hex.
func plainValue(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.UnixMilli()
	case []byte:
		return hex.EncodeToString(v)
	case map[string]any:
		for k := range v {
			v[k] = plainValue(v[k])
		}
	case []any:
		for i := range v {
			v[i] = plainValue(v[i])
		}
	}
	return v
}

func vectorGolden(t *testing.T, name string, v any) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	golden(t, "../../schemas/testdata/"+name, b.Bytes())
}

func vectorCases(t *testing.T) []vectorCase {
	sample := sampleRow()
	bare := call.Row{CallID: "c0ffee", Status: call.Finished}
	empty := bare
	empty.ID, empty.Comments, empty.RingTime = call.Some[int64](0), call.Some(""), call.Some[int64](0)
	empty.AsrResult, empty.Redials = []call.Turn{}, []call.Redial{}
	empty.EventLabel, empty.NerSlots, empty.Additional = map[string]string{}, map[string]string{}, map[string]string{}
	odd := sampleRow()
	odd.CallID, odd.Status, odd.CallEnd = "Ünïque/42", "FINISHED", time.Time{}
	odd.Additional = map[string]string{"NewField": `{"x": [1, 2]}`, "RingTime": `"soon"`}
	talk := sampleRow()
	talk.Comments, talk.MultiIntention = call.Some(" C-0042 "), call.Some(`[{"a":1}]`)
	talk.Additional = map[string]string{"CampaignCode": `"spring"`, "CalleNumber": `"+6212345678"`}
	numbered := func(row call.Row, last int64) ledger.Plan {
		p := planOf(sampleTask(), &row)
		p.Last = last
		return p
	}
	slashed := numbered(odd, 6)
	slashed.Task = call.Task{ID: "50%/a", Name: call.Some("")}
	revised := numbered(sample, 0)
	later := sample
	later.Intention = call.Some("B")
	revised.Units[0].Call, revised.Units[0].Revised = nil, &ledger.Revised{Row: &later, Revision: 1, N: 1}
	some := chosen(t, "open", "callee_number:private", "additional_fields:private", "additional_fields.CampaignCode:keep", "comments:mask")
	cases := []vectorCase{
		{"the sample of AIRudder's documentation", EncoderConfig{}, numbered(sample, 0)},
		{"a row that says nothing but its CallID and its status: no row id, so the key ends with the CallID", EncoderConfig{}, numbered(bare, 1)},
		{"empty is not null", EncoderConfig{}, numbered(empty, 2)},
		{"an account, a TaskID that is escaped in the key, a CallID that is not hex, a call without an end, fields that the schema does not know or that did not fit",
			EncoderConfig{Account: "id-1"}, slashed},
		{"keyed by callee_number", EncoderConfig{EventKey: KeyCalleeNumber}, numbered(sample, 3)},
		{"privacy lender, keyed by the token of callee_number", EncoderConfig{EventKey: KeyCalleeNumber, Privacy: chosen(t, "lender")}, numbered(talk, 4)},
		{"privacy strict", EncoderConfig{Privacy: chosen(t, "strict")}, numbered(talk, 5)},
		{"comments masked, callee_number and all but one of additional_fields private", EncoderConfig{Privacy: some}, numbered(talk, 6)},
		{"the sample with another label later", EncoderConfig{}, revised},
	}
	return append(append(cases, statusCases()...), letterCases(t)...)
}

func statusCases() []vectorCase {
	of := func(changes ...ledger.StatusChange) ledger.Plan {
		return ledger.Plan{Task: sampleTask(), ObservedAt: observedAt(), Units: []ledger.Unit{{Changes: changes}}}
	}
	ids := []string{sampleRow().CallID, "c0ffee", "Ünïque/42"}
	return []vectorCase{
		{"first sight", EncoderConfig{}, of(ledger.StatusChange{Sequence: 1, Status: "calling", Counts: call.Counts{Rows: 5}})},
		{"a change; one finished row has no event", EncoderConfig{}, of(ledger.StatusChange{
			Sequence: 2, Previous: call.Some("calling"), Status: "finished", Counts: call.Counts{Rows: 5, Finished: 4, Cancelled: 1}, Exported: 3, Unexported: 1})},
		{"a seal of the events " + ids[0] + ", " + ids[1] + " and " + ids[2], EncoderConfig{Account: "id-1"}, of(ledger.StatusChange{
			Sequence: 3, Previous: call.Some("finished"), Status: "finished", Counts: call.Counts{Rows: 5, Finished: 4, Cancelled: 1}, Exported: 3, Unexported: 1,
			Seal: &ledger.Seal{Number: 1, Digest: ledger.Digest(ids), Ends: []int64{0, 12, 7, 0, 3, 40}}})},
	}
}

func letterCases(t *testing.T) []vectorCase {
	id := call.NewReject(call.NoCallID, []byte(`{"id":15744008,"Status":"finished","CalleeName":"name1"}`))
	id.RowID, id.Detail = call.Some[int64](15744008), "a finished row has no CallID"
	broken := call.NewReject(call.BrokenJSON, []byte("{\"id\": \xff}"))
	broken.Detail = "the row is not JSON"
	large := call.NewReject(call.TooLarge, []byte(`{"CallID":"c0ffee"}`))
	large.CallID, large.RowID = "c0ffee", call.Some[int64](15744009)
	letter := func(r call.Reject) ledger.Plan {
		d := ledger.Dead{Reject: r}
		if r.CallID == "" {
			d.RowKey = ledger.RowKey(r.RowID, r.RawSHA256)
		}
		return deadPlan(d)
	}
	end := letter(id)
	end.Units = []ledger.Unit{{Resolved: []ledger.Resolution{
		{Key: "15744008", CallID: "c0ffee", RowID: call.Some[int64](15744008), Reason: call.NoCallID}}}}
	return []vectorCase{
		{"a row without a CallID", EncoderConfig{}, letter(id)},
		{"its end: the row has shown a call", EncoderConfig{}, end},
		{"a row that cannot be read", EncoderConfig{}, letter(broken)},
		{"a row with a CallID; privacy drops the row itself", EncoderConfig{Privacy: chosen(t, "lender")}, letter(large)},
	}
}

// What a seal's digest is.
func TestVectorsOfDigests(t *testing.T) {
	type set struct {
		About   string   `json:"about"`
		CallIDs []string `json:"call_ids"`
		Digest  string   `json:"digest"`
	}
	many := make([]string, 40)
	for i := range many {
		many[i] = hex.EncodeToString(bytes.Repeat([]byte{byte(i*37 + 11)}, 16))
	}
	var sets []set
	for _, s := range []set{
		{About: "no event", CallIDs: []string{}},
		{About: "one", CallIDs: []string{sampleRow().CallID}},
		{About: "many, in the order of arrival", CallIDs: many},
		{About: "not hex: sorted by the bytes of their UTF-8, each as it is", CallIDs: []string{"b", "a", "B", "ab", "Ünïque/42", "10", "9", "\uffee", "😀", " x"}},
	} {
		s.Digest = ledger.Digest(slices.Clone(s.CallIDs))
		sets = append(sets, s)
	}
	vectorGolden(t, "digests.json", map[string]any{"sets": sets})
}

// What a pseudonym is.
func TestVectorsOfTokens(t *testing.T) {
	type token struct {
		Kind  string `json:"kind"`
		Value string `json:"value"`
		Token string `json:"token"`
	}
	type ofKey struct {
		Key    string  `json:"key"`
		Tokens []token `json:"tokens"`
	}
	values := map[string][]string{
		"callee_number": {"+6281234567890", "6281234567890", "006281234567890", " +62 812-3456.7890 ", "tel:+62(812)34567890", "081234567890",
			"00", "+", " anonymous", "٠٨١٢", "", " "},
		"comments": {"LN-1", " LN-1\t", "ln-1", "00042", "Łukasz Żółty", "\u00a0x\u3000", "", " "},
	}
	var keys []ofKey
	for _, line := range []string{privacyKey, "k-2_B:____-___A_8_____v_7-__8AAAAAAAAAAAAAAAAAAAA"} {
		c, err := Privacy{Fields: []string{"callee_number:pseudonym", "comments:pseudonym"}, Key: line}.Choice()
		if err != nil {
			t.Fatal(err)
		}
		of := ofKey{Key: line}
		for _, f := range []struct{ field, kind string }{{"callee_number", "number"}, {"comments", "text"}} {
			show, _ := c.Show(f.field)
			for _, v := range values[f.field] {
				of.Tokens = append(of.Tokens, token{f.kind, v, show(v)})
			}
		}
		keys = append(keys, of)
	}
	kinds := map[string]string{}
	for _, f := range privacy.Fields() {
		switch f.Kind {
		case privacy.Number:
			kinds[f.Name] = "number"
		case privacy.Text:
			kinds[f.Name] = "text"
		}
	}
	vectorGolden(t, "tokens.json", map[string]any{"kinds": kinds, "keys": keys})
}

// Where a record goes.
func TestVectorsOfPartitions(t *testing.T) {
	type place struct {
		Key        string         `json:"key"`
		Partitions map[string]int `json:"partition_of"`
	}
	var places []place
	for _, key := range []string{
		"82caed2ecc5029c9eb7efea50e83466f/15744007", "82caed2ecc5029c9eb7efea50e83466f/c0ffee", "82caed2ecc5029c9eb7efea50e83466f",
		"50%25%2Fa/Ünïque/42", "+6212345678", "C12345567", "k1.BO424xFNTaXa7MroPAWrsA", "a", "ab", "abc", "abcd", "", "借款-0042", "😀",
	} {
		of := place{key, map[string]int{}}
		for n, name := range map[int]string{1: "1", 3: "3", 6: "6", 12: "12", 50: "50", 128: "128"} {
			of.Partitions[name] = batch.PartitionFor([]byte(key), n)
		}
		places = append(places, of)
	}
	vectorGolden(t, "partitions.json", map[string]any{"keys": places})
}
