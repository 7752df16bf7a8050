package airudder

import (
	"testing"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

func TestInstants(t *testing.T) {
	at := time.Date(2023, 10, 19, 6, 13, 17, 0, time.UTC)
	notSet := time.Time{}
	for _, tt := range []struct {
		text string
		want time.Time
		ok   bool
	}{
		{"2023-10-19T06:13:17Z", at, true},
		{"2023-10-19T09:13:17+03:00", at, true},
		{"2023-10-19T14:13:17", at, true}, // at +08:00, since it names no zone
		{"2023-10-19 14:13:17", at, true},
		{"", notSet, true},
		{"0000-00-00 00:00:00", notSet, true},
		{"0001-01-01T00:00:00Z", notSet, true},
		{"0001-01-01 00:00:00", notSet, true},
		{"1970-01-01T00:00:00Z", notSet, true},
		{"1970-01-01T23:59:59.999Z", notSet, true},
		{"1970-01-01 00:00:00", notSet, true},
		{"1970-01-01T00:00:00+14:00", notSet, true}, // by its own zone
		{"1969-12-31T19:00:00-05:00", notSet, true}, // in UTC
		{"1969-12-31T16:00:00Z", notSet, true},      // in the zone of the settings
		{"1970-01-02T00:00:00Z", time.Unix(86400, 0), true},
		{"1969-12-31T15:59:59Z", time.Unix(-8*3600-1, 0), true},
		{"2023-10-19", notSet, false},
		{"1697696000", notSet, false},
		{"9999-12-31T23:59:59-23:59", notSet, false},
		{"--", notSet, false},
	} {
		if got, ok := parseInstant(tt.text, defaultZone()); ok != tt.ok || !got.Equal(tt.want) {
			t.Errorf("%q: got %v and %v, want %v and %v", tt.text, got, ok, tt.want, tt.ok)
		}
	}
}

// A time that names no zone is in the one of the settings, wherever it stands.
func TestZoneOfEveryTime(t *testing.T) {
	const text = `"2023-10-19 06:13:17"`
	zone, want := time.FixedZone("", -3*60*60), time.Date(2023, 10, 19, 9, 13, 17, 0, time.UTC)
	cfg := testConfig(newUpstream(t, body(`{"data":{"TaskID":"t1","Status":"calling","ScheduleEndTime":`+text+`,"detail":[`+
		`{"CallID":"a","Status":"finished","CallEndTime":`+text+`,"RedailCall":[{"CallStartTime":`+text+`}]}]},"code":200}`)).URL)
	cfg.Zone = zone
	c := newClient(t, cfg)
	var rows []call.Row
	reading, err := c.Read(t.Context(), "t1", none, func(p call.Part) error { rows = append(rows, p.Rows...); return nil })
	if err != nil || len(rows) != 1 {
		t.Fatalf("got %d rows and %v", len(rows), err)
	}
	entry, _ := readEntry(jsonrows.Keep([]byte(`{"TaskID":"t1","schedule_end_time":`+text+`}`)), zone)
	for what, got := range map[string]time.Time{
		"the list": entry.ScheduleEnd, "the task": reading.Task.ScheduleEnd, "a row": rows[0].CallEnd, "a redial": rows[0].Redials[0].CallStart,
	} {
		if !got.Equal(want) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
}
