package airudder

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

// decodeOne reads one row of CallID a; more are its other members.
func decodeOne(t *testing.T, m *metrics, more string) call.Row {
	t.Helper()
	got := readBytes(m, strings.NewReader(detailBody(`{"CallID":"a","Status":"finished"`+more+`}`)), none)
	rows := rowsOf(got.parts)
	if got.err != nil || len(rows) != 1 {
		t.Fatalf("got %v and %d rows", got.err, len(rows))
	}
	row := rows[0]
	row.Raw, row.Hash, row.CallID, row.Status = nil, 0, "", ""
	return row
}

func TestRowDrift(t *testing.T) {
	text := call.Some[string]
	at := time.Date(2023, 10, 19, 6, 13, 17, 0, time.UTC)
	tests := []struct {
		name, members string
		want          call.Row
		mismatch      string // the field that is counted
	}{
		{"nothing", ``, call.Row{}, ""},
		{"null", `,"id":null,"CalleeName":null,"CallStartTime":null,"AsrResult":null,"NerSlots":null,"RedailCall":null`, call.Row{}, ""},
		{"year 1", `,"CallStartTime":"0001-01-01T00:00:00Z","CallEndTime":"0001-01-01T08:00:00+08:00"`, call.Row{}, ""},
		{"empty", `,"CallStartTime":"","CalleeName":"","AsrResult":[],"EventLabel":{}`,
			call.Row{CalleeName: text(""), AsrResult: []call.Turn{}, EventLabel: map[string]string{}}, ""},
		{"times", `,"CallStartTime":"2023-10-19T14:13:17+08:00","CallEndTime":"2023-10-19 14:13:17"`, call.Row{CallStart: at, CallEnd: at}, ""},
		{"no time", `,"CallStartTime":"soon"`, call.Row{Additional: map[string]string{"CallStartTime": `"soon"`}}, "CallStartTime"},
		{"time past what can be written", `,"CallEndTime":"9999-12-31T23:59:59-08:00"`,
			call.Row{Additional: map[string]string{"CallEndTime": `"9999-12-31T23:59:59-08:00"`}}, "CallEndTime"},
		{"epoch time", `,"CallStartTime":1697696000`, call.Row{Additional: map[string]string{"CallStartTime": "1697696000"}}, "CallStartTime"},
		{"reference of digits", `,"Comments":12345678901234567890,"ExtraA":1.50,"ExtraB":-0,"ExtraC":1e9`,
			call.Row{Comments: text("12345678901234567890"), ExtraA: text("1.50"), ExtraB: text("-0"), ExtraC: text("1e9")}, ""},
		{"reference of neither", `,"Comments":true`, call.Row{Comments: text("true")}, "Comments"},
		{"reference of a list", `,"Comments":[1]`, call.Row{Additional: map[string]string{"Comments": "[1]"}}, "Comments"},
		{"number for a string", `,"RobotID":4565.10`, call.Row{RobotID: text("4565.10")}, "RobotID"},
		{"boolean for a string", `,"RingType":false`, call.Row{RingType: text("false")}, "RingType"},
		{"object for a string", `,"CalleeName":{"a":1}`, call.Row{Additional: map[string]string{"CalleeName": `{"a":1}`}}, "CalleeName"},
		{"string for a number", `,"RingTime":"3","TalkRound":"-0012"`,
			call.Row{RingTime: call.Some[int64](3), Additional: map[string]string{"TalkRound": `"-0012"`}}, "RingTime"},
		{"fraction", `,"TalkRound":1.5`, call.Row{Additional: map[string]string{"TalkRound": "1.5"}}, "TalkRound"},
		{"fraction of nothing", `,"TalkRound":1.00`, call.Row{TalkRound: call.Some[int64](1)}, "TalkRound"},
		{"boolean for a number", `,"TalkRound":true`, call.Row{Additional: map[string]string{"TalkRound": "true"}}, "TalkRound"},
		{"out of range", `,"id":9223372036854775808`, call.Row{Additional: map[string]string{"id": "9223372036854775808"}}, "id"},
		{"unknown", `,"new_field": { "a" : [1, 2] }`, call.Row{Additional: map[string]string{"new_field": `{ "a" : [1, 2] }`}}, ""},
		{"unknown name with escapes", `,"new\u005ffield":1`, call.Row{Additional: map[string]string{"new_field": "1"}}, ""},
		{"duplicates", `,"CalleeName":7,"CalleeName":"a","RingTime":1,"RingTime":"x"`,
			call.Row{CalleeName: text("a"), Additional: map[string]string{"RingTime": `"x"`}}, "RingTime"},
		{"another spelling", `,"calleename":"b","CALLEENAME":"c"`,
			call.Row{Additional: map[string]string{"calleename": `"b"`, "CALLEENAME": `"c"`}}, ""},
		{"another spelling after its own", `,"CalleeName":"a","calleename":"b"`,
			call.Row{CalleeName: text("a"), Additional: map[string]string{"calleename": `"b"`}}, ""},
		{"another spelling before its own", `,"calleename":"b","CalleeName":"a"`,
			call.Row{CalleeName: text("a"), Additional: map[string]string{"calleename": `"b"`}}, ""},
		{"escapes", `,"CalleeName":"a\"\u00e9\n\ud83d\ude00\ud800"`, call.Row{CalleeName: text("a\"é\n😀\ufffd")}, ""},
		{"labels of other types", `,"EventLabel":{"a":"x","b":5,"c":null}`,
			call.Row{EventLabel: map[string]string{"a": "x", "b": "5"}}, "EventLabel"},
		{"labels that are none", `,"EventLabel":{"a":true,"b":[5],"b":{}}`,
			call.Row{EventLabel: map[string]string{"a": "true"}, Additional: map[string]string{"EventLabel": `{"a":true,"b":[5],"b":{}}`}}, "EventLabel"},
		{"slots of another type", `,"NerSlots":[]`, call.Row{Additional: map[string]string{"NerSlots": "[]"}}, "NerSlots"},
		{"turns", `,"AsrResult":[{"time":"00:00:01","text":"x"},"y",{"text":1},{"text":"z","new":0}]`,
			call.Row{AsrResult: []call.Turn{{Time: text("00:00:01"), Text: text("x")}, {Text: text("1")}, {Text: text("z")}},
				Additional: map[string]string{"AsrResult": `[{"time":"00:00:01","text":"x"},"y",{"text":1},{"text":"z","new":0}]`}}, "AsrResult"},
		{"turns of other types", `,"AsrResult":[{"time":1,"text":true}]`, call.Row{AsrResult: []call.Turn{{Time: text("1"), Text: text("true")}}}, "AsrResult"},
		{"redials of other types", `,"RedailCall":[{"CallID":5,"RingTime":"7"}]`,
			call.Row{Redials: []call.Redial{{CallID: text("5"), RingTime: call.Some[int64](7)}}}, "RedailCall"},
		{"workflow", `,"workflow_id":12345678901234567890,"case_id":"c","nodetask_name":{}`,
			call.Row{WorkflowID: text("12345678901234567890"), CaseID: text("c"), Additional: map[string]string{
				"workflow_id": "12345678901234567890", "case_id": `"c"`, "nodetask_name": "{}"}}, "workflow_id"},
		{"redials", `,"RedailCall":[{"CallStartTime":"2023-10-19T06:13:17Z"},{"CallStartTime":"2023-10-19 14:13:17"},{"CallStartTime":"","RingTime":"x"}]`,
			call.Row{Redials: []call.Redial{{CallStart: at}, {CallStart: at}, {}}, Additional: map[string]string{
				"RedailCall": `[{"CallStartTime":"2023-10-19T06:13:17Z"},{"CallStartTime":"2023-10-19 14:13:17"},{"CallStartTime":"","RingTime":"x"}]`}}, "RedailCall"},
		{"status deeper inside", `,"x":{"Status":"calling","CallID":"b"}`, call.Row{Additional: map[string]string{"x": `{"Status":"calling","CallID":"b"}`}}, ""},
		{"multi intention", `,"Multi_intention":"{\"a\":1}"`, call.Row{MultiIntention: text(`{"a":1}`)}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := testMetrics()
			if got := decodeOne(t, m, tt.members); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			if tt.mismatch != "" {
				counted(t, m.mismatch.WithLabelValues(tt.mismatch), 1)
			}
		})
	}
}

// What one row holds is none of the next one's, however deep it was.
func TestRowAfterRow(t *testing.T) {
	full := `{"id":1,"CalleeName":"x","CallID":"a","Status":"finished","RingTime":3,"Multi_intention":"m","case_id":"c",` +
		`"AsrResult":[{"text":"t"},{"time":"u"}],"RedailCall":[{"CallID":"r"},{"RingTime":1}]}`
	got := readBytes(testMetrics(), strings.NewReader(detailBody(full, `{"CallID":"b","Status":"finished"}`, `{"CallID":"c","Status":"finished","AsrResult":[{}],"RedailCall":[{}]}`)), none)
	rows := rowsOf(got.parts)
	if got.err != nil || len(rows) != 3 {
		t.Fatalf("got %v and %d rows", got.err, len(rows))
	}
	for i, want := range []call.Row{{CallID: "b"}, {CallID: "c", AsrResult: []call.Turn{{}}, Redials: []call.Redial{{}}}} {
		row := rows[i+1]
		row.Raw, row.Hash, want.Status = nil, 0, "finished"
		if !reflect.DeepEqual(row, want) {
			t.Errorf("got  %+v\nwant %+v", row, want)
		}
	}
	if turns := rows[0].AsrResult; turns[1].Text.Set || !turns[1].Time.Set || rows[0].Redials[1].CallID.Set {
		t.Errorf("got %+v", rows[0])
	}
}

func TestTaskDrift(t *testing.T) {
	m := testMetrics()
	text := `{"data":{"detail":[` + finished("a") + `],"TaskID":"t1","TaskName":7,"Status":"calling","RepeatNumber":"x","RepeatNumber":2,` +
		`"ScheduleStartTime":"0001-01-01T00:00:00Z","ScheduleEndTime":"","plan":{"a":1}},"code":200}`
	got := readBytes(m, strings.NewReader(text), none)
	want := call.Task{ID: "t1", Status: call.Some("calling"), RepeatNumber: call.Some[int64](2),
		Name: call.Some("7"), Additional: map[string]string{"plan": `{"a":1}`}}
	if got.err != nil || !reflect.DeepEqual(got.reading.Task, want) || !reflect.DeepEqual(got.parts[0].Task, want) {
		t.Errorf("got %v, %+v\nwant %+v", got.err, got.reading.Task, want)
	}
	counted(t, m.mismatch.WithLabelValues("TaskName"), 1)
	counted(t, m.mismatch.WithLabelValues("RepeatNumber"), 1)
}

// A field of the task that the vendor adds, or blows up, stands in no row's way:
// what is kept of such fields is bounded, since every event carries it.
func TestTaskFieldsTooLargeAreLeftOut(t *testing.T) {
	const half, over = maxExtra/2 - 16, maxExtra + 1
	letters := func(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }
	array := "[" + strings.Repeat(`{"number":"1"},`, 200_000) + "0]"
	for _, tt := range []struct {
		name, members string
		kept          []string
		out           float64
	}{
		{"two that fit", `"a":` + letters(half) + `,"b":` + letters(half), []string{"a", "b"}, 0},
		{"a third", `"a":` + letters(half) + `,"b":` + letters(half) + `,"c":` + letters(half) + `,"d":1`, []string{"a", "b", "d"}, 1},
		{"one", `"a":` + letters(over) + `,"b":1`, []string{"b"}, 1},
		{"megabytes", `"a":` + letters(3<<20) + `,"b":` + array + `,"c":1`, []string{"c"}, 2},
		{"a documented one", `"SIPLine":` + array + `,"RepeatNumber":` + letters(over), nil, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := testMetrics()
			text := `{"new":` + array + `,"data":{"TaskID":"t1","Status":"calling",` + tt.members + `,"detail":[` + finished("a") + `]},"code":200}`
			got := readBytes(m, strings.NewReader(text), none)
			if got.err != nil || len(rowsOf(got.parts)) != 1 || got.reading.Task.Status != call.Some("calling") {
				t.Fatalf("got %v, %d rows, %+v", got.err, len(rowsOf(got.parts)), got.reading.Task.Status)
			}
			if kept := slices.Sorted(maps.Keys(got.parts[0].Task.Additional)); !slices.Equal(kept, tt.kept) {
				t.Errorf("kept: got %q, want %q", kept, tt.kept)
			}
			counted(t, m.mismatch.WithLabelValues("data"), tt.out)
		})
	}
}

// A name that differs from the API's, if by case alone, is another field: one
// that the vendor adds stops no campaign.
func TestAnotherSpellingIsAnotherField(t *testing.T) {
	row := `{"status":"archived","Status":"finished","STATUS":"x","callid":"other","CallID":"a","callID":"y","ID":7,"id":1}`
	rows := strings.Join(slices.Repeat([]string{row}, partRows+1), ",")
	for _, text := range []string{
		`{"data":{"TaskID":"t1","Status":"calling","status":"odd","Detail":[],"taskid":"t9","detail":[` + rows + `]},"Data":null,"code":200,"Code":500}`,
		`{"Code":0,"DATA":{},"data":{"taskid":"t9","status":"odd","Detail":[],"TaskID":"t1","Status":"calling","TaskName":null,` +
			`"RobotMethod":null,"RobotID":null,"SIPLine":null,"ScheduleStartTime":"","ScheduleEndTime":"","RepeatInterval":null,"RepeatNumber":null,` +
			`"detail":[` + rows + `]},"code":200}`,
	} {
		got := readBytes(testMetrics(), strings.NewReader(text), none)
		if got.err != nil || len(rowsOf(got.parts)) != partRows+1 {
			t.Fatalf("got %v and %d rows, want %d", got.err, len(rowsOf(got.parts)), partRows+1)
		}
		r := rowsOf(got.parts)[0]
		if r.CallID != "a" || r.Status != "finished" || r.ID != call.Some[int64](1) {
			t.Errorf("got CallID %q, status %q, id %v", r.CallID, r.Status, r.ID)
		}
		want := map[string]string{"status": `"archived"`, "STATUS": `"x"`, "callid": `"other"`, "callID": `"y"`, "ID": "7"}
		if !reflect.DeepEqual(r.Additional, want) {
			t.Errorf("the row's others: got %q, want %q", r.Additional, want)
		}
		want = map[string]string{"status": `"odd"`, "Detail": "[]", "taskid": `"t9"`}
		for _, p := range got.parts {
			if p.Task.Status.Value != "calling" || !reflect.DeepEqual(p.Task.Additional, want) {
				t.Errorf("got status %q and %q, want %q", p.Task.Status.Value, p.Task.Additional, want)
			}
		}
	}
}

// What the vendor renames shows at once: nothing stands for the documented name.
func TestRenamedFieldsShow(t *testing.T) {
	for _, tt := range []struct{ name, text, says string }{
		{"data", `{"Data":{"TaskID":"t1","Status":"calling","detail":[` + finished("a") + `]},"code":200}`, "the answer holds no data"},
		{"detail", `{"data":{"TaskID":"t1","Status":"calling","Detail":[` + finished("a") + `]},"code":200}`, "the answer holds no detail"},
	} {
		if got := readBytes(testMetrics(), strings.NewReader(tt.text), none); kindOf(got.err) != KindEmpty || !strings.Contains(got.err.Error(), tt.says) {
			t.Errorf("%s: got %v, want %s", tt.name, got.err, tt.says)
		}
	}
	m := testMetrics()
	got := readBytes(m, strings.NewReader(`{"data":{"TaskID":"t1","status":"calling","detail":[`+
		`{"CallID":"a","status":"finished"},{"callID":"b","Status":"finished"}]}}`), none)
	if got.err != nil || len(got.parts) != 0 || got.reading.Task.Status.Set {
		t.Errorf("got %v, %d parts and status %v", got.err, len(got.parts), got.reading.Task.Status)
	}
	if want := (call.Counts{Rows: 2, Finished: 1, NoStatus: 1}); got.reading.Counts != want {
		t.Errorf("got %+v, want %+v", got.reading.Counts, want)
	}
	if len(got.reading.Rejects) != 1 || got.reading.Rejects[0].Detail != "finished, but CallID is absent" {
		t.Errorf("got rejects %+v, want the row without a CallID", got.reading.Rejects)
	}
	counted(t, m.noStatus, 1)
	counted(t, m.mismatch.WithLabelValues("Status"), 1) // the task's
}

// The rows of another task are nobody's, wherever that is said.
func TestAnotherTaskAfterItsRows(t *testing.T) {
	rows := strings.Join(slices.Repeat([]string{finished("a")}, partRows+1), ",")
	for _, id := range []string{`"TaskID":"t2"`, `"taskid":"t1","TaskID":"t2"`} {
		text := `{"data":{"Status":"calling","detail":[` + rows + `],` + id + `}}`
		got := readBytes(testMetrics(), strings.NewReader(text), none)
		if kindOf(got.err) != KindWrongTask || len(got.parts) != 0 {
			t.Errorf("%s: got %v and %d parts", id, got.err, len(got.parts))
		}
	}
}

// A field of the task's that does not fit stands apart from the row's of its name.
func TestTaskFieldsThatRowsHave(t *testing.T) {
	text := `{"data":{"TaskID":"t1","RobotID":[7],"Status":{},"detail":[` + finished("a") + `]},"code":200}`
	got := readBytes(testMetrics(), strings.NewReader(text), none)
	if want := map[string]string{"data.RobotID": "[7]", "data.Status": "{}"}; got.err != nil || !reflect.DeepEqual(got.reading.Task.Additional, want) {
		t.Errorf("got %v, %q, want %q", got.err, got.reading.Task.Additional, want)
	}
}

// What follows the rows of a small response is in their events, whichever of the
// documented fields there are.
func TestTaskFieldsAfterTheRows(t *testing.T) {
	for _, text := range []string{
		strings.Replace(detailBody(finished("a")), `},"status"`, `,"workflow_id":"W"},"status"`, 1),
		`{"data":{"detail":[` + finished("a") + `],` + header + `,"workflow_id":"W"},"code":200}`,
		`{"data":{"TaskID":"t1","Status":"calling","detail":[` + finished("a") + `],"workflow_id":"W"},"code":200}`,
	} {
		got := readBytes(testMetrics(), strings.NewReader(text), none)
		if got.err != nil || len(got.parts) != 1 || got.parts[0].Task.Additional["workflow_id"] != `"W"` {
			t.Errorf("%s: got %v, %+v", text, got.err, got.parts)
		}
	}
}

// What data says of a workflow is said of its rows, unless they speak for themselves;
// who read it in the additional fields still finds it there.
func TestWorkflowOfTheTask(t *testing.T) {
	rows := []string{finished("a"), `{"CallID":"b","Status":"finished","workflow_id":"R"}`, `{"CallID":"c","Status":"finished","workflow_id":[],"case_id":null}`}
	for _, text := range []string{
		`{"data":{` + header + `,"workflow_id":"W","case_id":7,"detail":[` + strings.Join(rows, ",") + `]},"code":200}`,
		`{"data":{"detail":[` + strings.Join(rows, ",") + `],"case_id":7,` + header + `,"workflow_id":"W"},"code":200}`,
	} {
		got := readBytes(testMetrics(), strings.NewReader(text), none)
		all := rowsOf(got.parts)
		if got.err != nil || len(all) != 3 {
			t.Fatalf("got %v and %d rows", got.err, len(all))
		}
		for i, want := range []call.Opt[string]{call.Some("W"), call.Some("R"), {}} {
			if all[i].WorkflowID != want || all[i].CaseID != call.Some("7") || all[i].WorkflowName.Set {
				t.Errorf("%s: got %+v", all[i].CallID, all[i])
			}
		}
		if want := map[string]string{"workflow_id": `"W"`, "case_id": "7"}; !reflect.DeepEqual(got.parts[0].Task.Additional, want) {
			t.Errorf("kept raw: got %q, want %q", got.parts[0].Task.Additional, want)
		}
		if want := map[string]string{"workflow_id": `"R"`}; !reflect.DeepEqual(all[1].Additional, want) {
			t.Errorf("kept raw: got %q, want %q", all[1].Additional, want)
		}
	}
}

func TestNumericCallID(t *testing.T) {
	m := testMetrics()
	got := readBytes(m, strings.NewReader(detailBody(`{"CallID":12345678901234567890,"Status":"finished"}`)), none)
	rows := rowsOf(got.parts)
	if got.err != nil || len(rows) != 1 || rows[0].CallID != "12345678901234567890" || rows[0].Additional != nil {
		t.Errorf("got %v and %+v, want the literal digits", got.err, rows)
	}
	counted(t, m.mismatch.WithLabelValues("CallID"), 1)
}

func TestRedialAfterItsRow(t *testing.T) {
	m := testMetrics()
	decodeOne(t, m, `,"CallStartTime":"2023-10-19T06:13:17Z","RedailCall":[{"CallStartTime":"2023-10-19 14:13:18"},{"CallStartTime":"2023-10-19 14:13:17"},{}]`)
	counted(t, m.redialAfter, 1)
}

// Every documented name is there once.
func TestFieldTables(t *testing.T) {
	check := func(name string, names []string, want int) {
		seen := map[string]bool{}
		for _, n := range names {
			if seen[strings.ToLower(n)] {
				t.Errorf("%s: %s twice", name, n)
			}
			seen[strings.ToLower(n)] = true
		}
		if len(names) != want {
			t.Errorf("%s: got %d fields, want %d", name, len(names), want)
		}
	}
	check("task", names(taskFields), 10+5)
	check("row", names(rowFields), 28+5)
	check("turn", names(turnFields), 3)
	check("redial", names(redialFields), 8)
}

func names[T any](f fields[T]) (all []string) {
	for _, one := range f {
		all = append(all, one.name)
	}
	return all
}

// Every field of the domain is decoded from some field of the API: one that was
// added there alone would be null for ever.
func TestEveryFieldIsDecoded(t *testing.T) {
	everyField(t, taskFields, "Additional")
	everyField(t, rowFields, "Additional", "Raw", "Hash", "Means")
	everyField(t, turnFields)
	everyField(t, redialFields)
}

// everyField sets all documented fields of a T, each to a value of its type, and
// looks for fields of T that are not set by it; besides come from elsewhere.
func everyField[T any](t *testing.T, documented fields[T], besides ...string) {
	t.Helper()
	d := decoding{zone: time.UTC, mismatched: func(string) {}}
	var all T
	for _, f := range documented {
		if !slices.ContainsFunc([]string{`"2023-10-19T06:13:17Z"`, `1`, `[{}]`, `{"a":"b"}`}, func(value string) bool {
			return f.set(&d, &all, jsonrows.Keep([]byte(value)))&otherType == 0
		}) {
			t.Errorf("%T: no value fits %s", all, f.name)
		}
	}
	for v, i := reflect.ValueOf(all), 0; i < v.NumField(); i++ {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() && !slices.Contains(besides, name) {
			t.Errorf("%T.%s: no field of the API is decoded into it", all, name)
		}
	}
}
