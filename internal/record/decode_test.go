package record

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/schemas"
)

// newTestDecoder returns a Decoder on a registry that holds the three schemas,
// and others from id 4 on, and a counter of requests.
func newTestDecoder(t testing.TB, others ...string) (*Decoder, *atomic.Int32) {
	t.Helper()
	fake := srfake.NewRegistry()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		fake.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	cfg := Registry{URL: server.URL, AutoRegister: true}
	if ids, err := Register(t.Context(), cfg, testTopics()); err != nil || ids != (IDs{CallCompleted: 1, TaskStatus: 2, DeadLetter: 3}) {
		t.Fatalf("ids %v, error %v", ids, err)
	}
	for i, schema := range others {
		fake.SeedSchema("other", i+1, i+4, sr.Schema{Schema: schema, Type: sr.TypeAvro})
	}
	d, err := NewDecoder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	asked.Store(0)
	return d, &asked
}

func decodeJSON(t *testing.T, d *Decoder, r batch.Record) string {
	t.Helper()
	got, err := d.JSON(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(got) || bytes.ContainsRune(got, '\n') {
		t.Errorf("not one line of JSON: %s", got)
	}
	return string(got)
}

// TestDecodeJSON holds the JSON of the documented sample against a file, and
// the registry is asked once.
func TestDecodeJSON(t *testing.T) {
	d, asked := newTestDecoder(t)
	row := sampleRow()
	row.Additional = map[string]string{"Later": "1"}
	records, _ := only(t, newTestEncoder(t, EncoderConfig{}), planOf(sampleTask(), &row))
	got := decodeJSON(t, d, records[0])
	golden(t, "testdata/sample_tail.json", []byte(got+"\n"))
	decodeJSON(t, d, records[0])
	if n := asked.Load(); n != 1 {
		t.Errorf("the registry was asked %d times for one schema", n)
	}
}

func TestDecodeOthers(t *testing.T) {
	d, _ := newTestDecoder(t)
	e := newTestEncoder(t, EncoderConfig{})
	p := ledger.Plan{Task: call.Task{ID: "t1"}, ObservedAt: observedAt(),
		Units: []ledger.Unit{{Changes: []ledger.StatusChange{
			{Sequence: 4, Previous: call.Some("finished"), Status: "finished",
				Counts:   call.Counts{Rows: 3, Finished: 1, Cancelled: 1},
				Exported: 1, Unexported: 2, Seal: &ledger.Seal{Number: 1, Digest: "ab", Ends: []int64{0, 7}}},
		}}}}
	records, _ := only(t, e, p)
	want := `{"account":null,"exported":1,"observed_at":"2023-10-18T23:20:21.123Z","previous_status":"finished","rows":3,` +
		`"rows_cancelled":1,"rows_finished":1,"rows_open":1,"schedule_end_time":null,"schedule_start_time":null,` +
		`"seal":{"digest":"ab","event_offsets":[0,7],"event_topic":"events","seal_number":1},` +
		`"sequence":4,"status":"finished","task_id":"t1","task_name":null,"unexported":2}`
	if got := decodeJSON(t, d, records[0]); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}

	records, _ = only(t, e, deadPlan(ledger.Dead{Reject: call.Reject{Reason: call.InvalidUTF8, Raw: []byte("\xff<"),
		RawSize: 2}, RowKey: "7"}))
	want = `{"account":null,"call_id":null,"detail":null,"key":"7","observed_at":"2023-10-18T23:20:21.123Z","raw":"/zw=",` +
		`"raw_sha256":"` + strings.Repeat("0", 64) + `","raw_size":2,"reason":"invalid_utf8","resolved":false,"row_id":null,` +
		`"task_id":"82caed2ecc5029c9eb7efea50e83466f"}`
	if got := decodeJSON(t, d, records[0]); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}

	if got := decodeJSON(t, d, batch.Record{Topic: "events"}); got != "null" {
		t.Errorf("a tombstone gives %s", got)
	}
}

// TestDecodeEvent reads a call that another library wrote, by a later schema.
func TestDecodeEvent(t *testing.T) {
	later := strings.Replace(schemas.CallCompleted(), `{"name": "task_id"`,
		`{"name": "tags", "type": {"type": "array", "items": "string"}, "default": []}, {"name": "task_id"`, 1)
	d, _ := newTestDecoder(t, later)
	observed := time.Date(2026, 1, 2, 3, 4, 5, 6000000, time.UTC)
	full := map[string]any{
		"tags": []any{"x"}, "task_id": "t1", "task_name": "March", "call_id": "c1", "status": "finished", "comments": "L-77",
		"callee_number": "+62811", "intention": "B", "duration_ms": int64(61500),
		"call_end_time": observed.Add(-time.Second), "occurred_at": observed.Add(-time.Second), "observed_at": observed,
		"task_sequence": int64(1),
	}
	bare := map[string]any{"tags": []any{}, "task_id": "t1", "call_id": "c2", "status": "finished",
		"task_sequence": int64(2), "occurred_at": observed, "observed_at": observed}
	for _, c := range []struct {
		value map[string]any
		want  Event
	}{
		{full, Event{TaskID: "t1", TaskName: "March", CallID: "c1", Comments: "L-77", CalleeNumber: "+62811", Intention: "B",
			Duration: call.Some(61500 * time.Millisecond), CallEnd: observed.Add(-time.Second), ObservedAt: observed}},
		{bare, Event{TaskID: "t1", CallID: "c2", ObservedAt: observed}},
	} {
		r := batch.Record{Topic: "events", Value: encodeBy(t, later, 4, c.value)}
		got, err := d.Event(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if got != c.want {
			t.Errorf("got %+v, want %+v", got, c.want)
		}
		if line := decodeJSON(t, d, r); !strings.Contains(line, `"tags":[`) {
			t.Errorf("JSON does not follow the writer's schema: %s", line)
		}
	}
}

// encodeBy encodes a value as another producer would.
func encodeBy(t *testing.T, schema string, id int, value any) []byte {
	t.Helper()
	b, err := parse(t, schema).AppendEncode(appendFrame(nil, id), value)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// allTypes is what a schema of a later day may hold.
const allTypes = `{"type": "record", "name": "All", "namespace": "x", "fields": [
		{"name": "b", "type": "boolean"},
		{"name": "i", "type": "int"},
		{"name": "f", "type": "float"},
		{"name": "d", "type": ["null", "double"]},
		{"name": "nan", "type": "double"},
		{"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["P", "Q"]}},
		{"name": "e2", "type": ["null", "E"]},
		{"name": "day", "type": {"type": "int", "logicalType": "date"}},
		{"name": "clock", "type": {"type": "int", "logicalType": "time-millis"}},
		{"name": "fix", "type": ["null", {"type": "fixed", "name": "y.F", "size": 2}]},
		{"name": "m", "type": {"type": "map", "values": ["null", "long", "string"]}},
		{"name": "n", "type": {"type": "record", "name": "N",
			"fields": [{"name": "next", "type": ["null", "N"]}, {"name": "v", "type": "string"}]}},
		{"name": "a", "type": {"type": "array", "items": ["null", "x.N"]}}
	]}`

func TestDecodeAllTypes(t *testing.T) {
	d, _ := newTestDecoder(t, allTypes)
	leaf := map[string]any{"next": nil, "v": "<leaf>&"}
	got := decodeJSON(t, d, batch.Record{Topic: "other", Value: encodeBy(t, allTypes, 4, map[string]any{
		"b": true, "i": int32(-3), "f": float32(0.5), "d": 1.25, "nan": math.NaN(), "e": "Q", "e2": "P",
		"day": time.Date(2026, 5, 6, 0, 0, 0, 0, time.UTC), "clock": time.Minute, "fix": []byte{1, 2},
		"m": map[string]any{"z": nil, "y": int64(math.MaxInt64), "x": "s"},
		"n": map[string]any{"next": leaf, "v": "top"}, "a": []any{leaf, nil},
	})})
	want := `{"a":[{"next":null,"v":"<leaf>&"},null],"b":true,"clock":60000,"d":1.25,"day":"2026-05-06T00:00:00Z",` +
		`"e":"Q","e2":"P","f":0.5,"fix":"AQI=","i":-3,"m":{"x":"s","y":9223372036854775807,"z":null},` +
		`"n":{"next":{"next":null,"v":"<leaf>&"},"v":"top"},"nan":"NaN"}`
	if got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

// TestDecodeRefuses: what cannot be read is an error without a value in it.
func TestDecodeRefuses(t *testing.T) {
	d, _ := newTestDecoder(t, `"string"`, `{"type": "array", "items": "null"}`,
		`{"type": "record", "name": "Endless", "fields": [{"name": "again", "type": "Endless"}]}`)
	d2, err := NewDecoder(Registry{URL: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	row := sampleRow()
	row.Comments = call.Some("SECRET")
	records, _ := only(t, newTestEncoder(t, EncoderConfig{}), planOf(sampleTask(), &row))
	good := records[0].Value
	unknown := append([]byte{0, 0, 0, 0, 99}, good[5:]...)
	for _, c := range []struct {
		name  string
		by    *Decoder
		value []byte
		want  string
	}{
		{"no frame", d, []byte{0, 0, 0}, "does not begin with a schema id"},
		{"JSON", d, []byte(`{"at":"SECRET"}`), "does not begin with a schema id"},
		{"unknown schema", d, unknown, "look up schema 99: the schema registry does not have it: is URL http://"},
		{"bytes after it", d, append(bytes.Clone(good), 0), "not one of schema 1"},
		{"2^30 items of no bytes", d, []byte{0, 0, 0, 0, 5, 0x80, 0x80, 0x80, 0x80, 0x08, 0}, "not one of schema 5"},
		{"a schema without an end", d, []byte{0, 0, 0, 0, 6}, "not one of schema 6"},
		{"another schema's", d, append([]byte{0, 0, 0, 0, 3}, good[5:]...), "not one of schema 3"},
		{"no registry", d2, good, "nothing listens at URL http://127.0.0.1:1"},
	} {
		_, err := c.by.JSON(t.Context(), batch.Record{Topic: "events", Value: c.value})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	for n := range good {
		if got, err := d.JSON(t.Context(), batch.Record{Topic: "events", Value: good[:n:n]}); err == nil {
			t.Errorf("cut to %d bytes it reads as %s", n, got)
		}
	}
	other := batch.Record{Topic: "other", Value: encodeBy(t, `"string"`, 4, "SECRET")}
	if _, err := d.Event(t.Context(), other); err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("a string as an event: error %v", err)
	}
	if _, err := d.Event(t.Context(), batch.Record{Topic: "events"}); err == nil {
		t.Error("a tombstone is no event, want an error")
	}
}

// FuzzDecode reads any bytes by a schema of all types: never a panic, no memory
// to speak of, and what can be read is sound to the other library as well.
func FuzzDecode(f *testing.F) {
	leaf := map[string]any{"next": nil, "v": "leaf"}
	good, err := parse(f, allTypes).Encode(map[string]any{
		"b": true, "i": int32(-3), "f": float32(0.5), "d": nil, "nan": 1.5, "e": "Q", "e2": nil,
		"day": time.Unix(0, 0), "clock": time.Hour, "fix": []byte{1, 2},
		"m": map[string]any{"z": nil, "y": int64(5), "x": "s"},
		"n": map[string]any{"next": leaf, "v": "top"}, "a": []any{leaf, nil},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(append(bytes.Clone(good[:len(good)-6]), 0xfe, 0xff, 0xff, 0xff, 0x0f)) // an array of 2^31-1 items
	f.Add([]byte{})
	w, err := newWriter(sr.Schema{Schema: allTypes, Type: sr.TypeAvro})
	if err != nil {
		f.Fatal(err)
	}
	other, err := goavro.NewCodec(allTypes)
	if err != nil {
		f.Fatal(err)
	}
	d := &Decoder{writers: map[int]writer{1: w}}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := d.JSON(t.Context(), batch.Record{Topic: "t", Value: append(appendFrame(nil, 1), b...)})
		if err != nil {
			return
		}
		if !json.Valid(got) {
			t.Errorf("not JSON: %s", got)
		}
		_, rest, err := other.NativeFromBinary(b)
		if err != nil && (strings.Contains(err.Error(), "boolean") || strings.Contains(err.Error(), "duplicate key")) {
			return // the specification leaves these to readers; goavro is the stricter one
		}
		if err != nil || len(rest) > 0 {
			t.Errorf("read as %s, but goavro says %v, %d bytes left", got, err, len(rest))
		}
	})
}
