package airudder

import (
	"reflect"
	"strings"
	"testing"

	"airudder-exporter/internal/call"
)

// What a row's status says, in any spelling: whether the row is an event, and how it
// counts.
func TestRowStatuses(t *testing.T) {
	const finished, cancelled, open, missing, unknown = "finished", "cancelled", "open", "missing", "unknown"
	words := []string{"answered:finished", " Black Listed :cancelled", "3:FINISHED", "no_answer:canceled", "busy:open",
		"ringing:cancelled", "12:open", "a:b:finished", "finished:finished"}
	for status, want := range map[string]string{
		`"finished"`: finished, `"FINISHED"`: finished, `" Finished\t"`: finished, `"finish\u0065d"`: finished,
		`"Canceled"`: cancelled, `"CANCELLED"`: cancelled,
		`"created"`: open, `"Pending"`: open, `"calling"`: open, `"PAUSED "`: open,
		`"queued"`: open, `"waiting"`: open, `"Dialing"`: open, `"ringing"`: cancelled, // as the settings have it
		`"answered"`: finished, `"Answered "`: finished, `"black listed"`: cancelled, `3`: finished, `"3"`: finished,
		`"no_answer"`: cancelled, `"Busy"`: open, `12`: open, `"A:B"`: finished,
		`null`: missing, `""`: missing, `"  "`: missing, `true`: missing, `{}`: missing, `["finished"]`: missing,
		`"complete"`: unknown, `"finished!"`: unknown, `4`: unknown, `3.0`: unknown, `"\ud800"`: unknown,
	} {
		d := testDetail(testMetrics(), none, nil)
		d.words = rowWords(words)
		got := readDetail(d, strings.NewReader(detailBody(`{"CallID":"a","Status":`+status+`}`)))
		n := got.reading.Counts
		counts := map[string]int64{finished: n.Finished, cancelled: n.Cancelled, open: n.Open() - n.NoStatus - n.Unknown, missing: n.NoStatus, unknown: n.Unknown}
		for what, n := range counts {
			if (n == 1) != (what == want) {
				t.Errorf("%s: got %+v, want it to be %s", status, got.reading.Counts, want)
			}
		}
		rows := rowsOf(got.parts)
		if got.err != nil || (len(rows) == 1) != (want == finished) || len(got.reading.Rejects) > 0 {
			t.Errorf("%s: got %d rows, %d rejects and %v", status, len(rows), len(got.reading.Rejects), got.err)
		}
		for _, row := range rows {
			if !row.Complete() || strings.Trim(status, `"`) != row.Status && !strings.Contains(status, `\`) {
				t.Errorf("%s: got the status %q, which means %v", status, row.Status, row.Means)
			}
		}
	}
}

// Rows of a status that nobody knows are counted in each answer, apart if they show
// the end of a call. Words are shown only if they are plain, and a few.
func TestUnknownStatuses(t *testing.T) {
	row := func(members string) string { return `{"id":1,` + members + `}` }
	const end = `,"CallEndTime":"2023-10-19T06:13:17Z"`
	for _, tt := range []struct {
		name         string
		rows         []string
		count, ended int64
		words        []string
	}{
		{"one", []string{row(`"Status":"complete","CallID":"a"` + end)}, 1, 1, []string{"complete"}},
		{"twice the same", []string{row(`"Status":"done","CallID":"a"` + end), row(`"Status":" done ","CallID":"b"`)}, 2, 1, []string{"done"}},
		{"without a CallID", []string{row(`"Status":"done"` + end), row(`"Status":"done","CallID":""` + end), row(`"Status":"done","CallID":null` + end)}, 3, 0, []string{"done"}},
		{"without an end", []string{row(`"Status":"done","CallID":"a","CallEndTime":""`), row(`"Status":"done","CallID":"b","CallEndTime":"1970-01-01T00:00:00Z"`),
			row(`"Status":"done","CallID":"c","CallEndTime":7`), row(`"Status":"done","CallID":"d","x":{"CallEndTime":"2023-10-19T06:13:17Z"}`)}, 4, 0, []string{"done"}},
		{"a number", []string{row(`"Status":4,"CallID":7` + end)}, 1, 1, []string{"4"}},
		{"a row that is not JSON", []string{`{"Status":"done","CallID":"a","x":01` + end + `}`}, 1, 0, []string{"done"}},
		{"no plain word", []string{row(`"Status":"Budi Santoso"`), row(`"Status":"é"`), row(`"Status":"+6281234567"`), row(`"Status":"6281234567"`),
			row(`"Status":"` + strings.Repeat("x", 33) + `"`), row(`"Status":"a.b"`)}, 6, 0, nil},
		{"many", []string{row(`"Status":"a-1"`), row(`"Status":"b_2"`), row(`"Status":"c"`), row(`"Status":"d"`), row(`"Status":"e"`)}, 5, 0, []string{"a-1", "b_2", "c", "d"}},
	} {
		m := testMetrics()
		got := readBytes(m, strings.NewReader(detailBody(append(tt.rows, finished("z"))...)), none)
		want := call.Counts{Rows: tt.count + 1, Finished: 1, Unknown: tt.count, UnknownEnded: tt.ended}
		if got.err != nil || got.reading.Counts != want || !reflect.DeepEqual(got.reading.Words, tt.words) {
			t.Errorf("%s: got %+v, %q and %v; want %+v and %q", tt.name, got.reading.Counts, got.reading.Words, got.err, want, tt.words)
		}
		counted(t, m.oddStatus, float64(tt.count))
		counted(t, m.oddEnded, float64(tt.ended))
	}
}

// Rows that are no objects may be calls all the same: a header and the values, or JSON
// in strings.
func TestRowsThatAreNoObjects(t *testing.T) {
	m := testMetrics()
	got := readBytes(m, strings.NewReader(detailBody(`["CallID","Status"]`, `["a","finished"]`, `"{}"`, `null`, finished("z"))), none)
	if want := (call.Counts{Rows: 5, Finished: 1, NoStatus: 3}); got.err != nil || got.reading.Counts != want {
		t.Errorf("got %+v and %v, want %+v", got.reading.Counts, got.err, want)
	}
	counted(t, m.noStatus, 3)
}

func TestRowStatusesSetting(t *testing.T) {
	for entries, want := range map[string]string{
		"": "",
		"answered:finished,blacklisted:cancelled,queued:open": "",
		"3:finished, Answered : Finished ":                    "",
		"calling:open,canceled:cancelled":                     "", // as they are
		"a:finished,A:finished":                               "",
		"waiting:finished":                                    "",
		"answered":                                            `RowStatuses: "answered" holds "answered" without a meaning: give word:meaning, as in answered:finished`,
		":finished":                                           `RowStatuses: ":finished" holds ":finished" without a word: give word:meaning, as in answered:finished`,
		"answered:done":                                       `RowStatuses: "answered:done" gives "answered" the meaning "done": give finished, cancelled or open`,
		"answered:":                                           `RowStatuses: "answered:" gives "answered" the meaning "": give finished, cancelled or open`,
		"x:open,Calling:finished":                             `RowStatuses: "x:open,Calling:finished" gives "calling" another meaning: it is a status of AIRudder's documentation`,
		"finished:open":                                       `RowStatuses: "finished:open" gives "finished" another meaning: it is a status of AIRudder's documentation`,
		"cancelled:finished":                                  `RowStatuses: "cancelled:finished" gives "canceled" another meaning: it is a status of AIRudder's documentation`,
		"a:finished,A:open":                                   `RowStatuses: "a:finished,A:open" gives "a" two meanings: leave one`,
	} {
		cfg := testConfig("http://127.0.0.1")
		if entries != "" {
			cfg.RowStatuses = strings.Split(entries, ",")
		}
		got := ""
		for _, problem := range cfg.Check() {
			got += problem.Error()
		}
		if got != want {
			t.Errorf("%s\ngot  %s\nwant %s", entries, got, want)
		}
	}
}
