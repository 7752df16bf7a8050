package exporter

import (
	"bytes"
	"os"
	"reflect"
	"testing"
	"time"

	"airudder-exporter/internal/call"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// TestNoticesAreDocumented: the operator's table has a row for each cause.
func TestNoticesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../deploy/OPERATING.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range causes {
		if !bytes.Contains(page, []byte("\n| `"+c.Name+"` | ")) {
			t.Errorf("the table of notices has no row for %s", c.Name)
		}
	}
}

// What a reading shows, in the operator's words: each cause once, and none for a
// healthy account.
func TestNoticesOfReadings(t *testing.T) {
	cfg := Config{SettingName: func(field string) string { return "the setting " + field }}
	for _, tt := range []struct {
		name    string
		reading call.Reading
		want    map[string]string // cause: text
	}{
		{"nothing at all", call.Reading{}, nil},
		{"a healthy task", call.Reading{Counts: call.Counts{Rows: 1000, Finished: 900, Cancelled: 40}}, nil},
		{"a total of all rows", call.Reading{Counts: call.Counts{Rows: 1000}, Total: 1000}, nil},
		{"a total of fewer rows", call.Reading{Counts: call.Counts{Rows: 1000}, Total: 1}, nil},
		{"a total of more rows", call.Reading{Counts: call.Counts{Rows: 1000}, Total: 2500}, map[string]string{
			"detail_total": "the answer counts 2500 rows, but shows 1000: the others give no event, and their task is not sealed"}},
		{"more rows", call.Reading{Counts: call.Counts{Rows: 1000}, More: "has_more"}, map[string]string{
			"detail_more": "the answer says by its field has_more that there are more than the 1000 rows that it shows: " +
				"the others give no event, and their task is not sealed"}},
		{"shared CallIDs", call.Reading{Counts: call.Counts{Rows: 10, Finished: 10}, SharedIDs: 9}, map[string]string{
			"call_id_shared": "9 of 10 rows show a CallID that a row of another id shows, too: one event stands for all of them"}},
		{"rows without a status", call.Reading{Counts: call.Counts{Rows: 10, NoStatus: 3}}, map[string]string{
			"row_status_missing": "3 of 10 rows have no Status that can be read: nothing of them is published, and their task is not sealed"}},
		{"a task that is paused beyond its schedule", call.Reading{Started: noon.Add(1000 * time.Hour),
			Task: call.Task{Status: call.Some(" PAUSED"), ScheduleEnd: noon}}, nil},
		{"a status that nobody knows", call.Reading{Started: noon.Add(160 * time.Hour),
			Task: call.Task{Status: call.Some("stopped"), ScheduleEnd: noon}}, nil},
		{"the same a week after the schedule's end", call.Reading{Started: noon.Add(169 * time.Hour),
			Task: call.Task{Status: call.Some("stopped"), ScheduleEnd: noon}}, map[string]string{
			"task_unsealed": "the task's schedule ended 7 days ago, and its Status is none that the exporter knows: " +
				"its calls are published, but it is read on and never sealed"}},
		{"unknown words", call.Reading{Counts: call.Counts{Rows: 10, Finished: 1, Unknown: 5, UnknownEnded: 4}, Words: []string{"answered", "busy"}}, map[string]string{
			"row_status_unknown": "5 of 10 rows have a Status that the exporter does not know (answered, busy): nothing of them is published, " +
				"and their task is not sealed; 4 of them have a CallID and an end"}},
		{"unknown words that cannot be shown", call.Reading{Counts: call.Counts{Rows: 2, Unknown: 2, NoStatus: 0}}, map[string]string{
			"row_status_unknown": "2 of 2 rows have a Status that the exporter does not know: nothing of them is published, " +
				"and their task is not sealed; 0 of them have a CallID and an end"}},
	} {
		got := map[string]string{}
		for _, s := range cfg.ofReading(tt.reading, 0) {
			got[s.Cause] = s.Text
			if s.Cure == "" {
				t.Errorf("%s: %s has no cure", tt.name, s.Cause)
			}
			known := false
			for _, c := range causes {
				known = known || c.Name == s.Cause && c.After <= 2
			}
			if !known {
				t.Errorf("%s: %s is no cause of the board", tt.name, s.Cause)
			}
		}
		if len(got)+len(tt.want) > 0 && !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", tt.name, got, tt.want)
		}
	}
}
