package airuddersim

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// listed is what a list answers, with ids for the TaskIDs.
func (c *client) listed(query string, ids map[string]string) string {
	c.t.Helper()
	r := c.do("GET", "/service/cloud/list?"+query, "")
	if !r.isJSON() || r.status != 200 {
		c.t.Fatalf("list answered %d %q", r.status, r.body)
	}
	text := string(r.body)
	for name, id := range ids {
		text = strings.ReplaceAll(text, id, name)
	}
	text = strings.TrimPrefix(text, `{"data":`)
	return strings.TrimSuffix(text, `,"status":"OK","code":200}`)
}

// threeTasks are tasks A, B and C, one hour apart; C is the newest.
func threeTasks(cfg Config) (*Sim, map[string]string) {
	cfg.Start, cfg.Window = start, time.Hour
	s := New(cfg)
	ids := map[string]string{}
	for _, name := range []string{"A", "B", "C"} {
		ids[name] = s.AddTask(TaskSpec{Name: name, Status: Calling, Rows: PendingRows(2)})
		s.Advance(time.Hour)
	}
	return s, ids
}

// full is a task's entry with all that the list has.
func full(name string, hour int) string {
	return fmt.Sprintf(`{"TaskID":"%s","TaskName":"%s","Status":"calling","ScheduleStartTime":"2026-03-02T%02d:00:00Z","ScheduleEndTime":"2026-03-02T%02d:00:00Z","CalleeCount":2}`, name, name, hour, hour+1)
}

func TestListShapes(t *testing.T) {
	a, b, c := full("A", 2), full("B", 3), full("C", 4)
	since := "since=" + url.QueryEscape(start.Add(150*time.Minute).Format(time.RFC3339))
	until := "until=" + url.QueryEscape(start.Add(30*time.Minute).Format(time.RFC3339))
	tests := []struct {
		name  string
		cfg   Config
		query string
		want  string
	}{
		{"array", Config{}, "", "[" + c + "," + b + "," + a + "]"},
		{"nested", Config{ListShape: ListNested, ListName: "records"}, "", `{"total":3,"columns":[{"title":"Tugas"},{"title":"Status"}],"records":[` + c + "," + b + "," + a + "]}"},
		{"ids", Config{ListShape: ListIDs}, "", `[{"TaskID":"C"},{"TaskID":"B"},{"TaskID":"A"}]`},
		{"strings", Config{ListShape: ListStrings}, "", `["C","B","A"]`},
		{"null", Config{ListShape: ListNull}, "", `null`},
		{"page 1", Config{ListShape: ListStrings, ListPageSize: 2}, "page=1", `["C","B"]`},
		{"page 2", Config{ListShape: ListStrings, ListPageSize: 2}, "page=2", `["A"]`},
		{"page 3", Config{ListShape: ListStrings, ListPageSize: 2}, "page=3", `[]`},
		{"limit", Config{ListShape: ListStrings, ListPageSize: 2}, "page=3&limit=1", `["A"]`},
		{"no paging", Config{ListShape: ListStrings}, "page=9", `["C","B","A"]`},
		{"since", Config{ListShape: ListStrings}, since, `["C"]`},
		{"until", Config{ListShape: ListStrings}, until, `["A"]`},
		{"status", Config{ListShape: ListStrings}, "status=paused", `[]`},
		{"ignores filters", Config{ListShape: ListStrings, ListPageSize: 2, ListIgnoresFilters: true}, since + "&page=2", `["C","B"]`},
		{"without ids", Config{ListShape: ListIDs, ListWithoutID: true, ListPageSize: 1}, "page=2", `[{"TaskID":"B"},{},{"TaskID":""}]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, ids := threeTasks(tt.cfg)
			if got := serveSim(t, s).listed(tt.query, ids); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestListLagsBehindTheDetail(t *testing.T) {
	s := New(Config{Start: start, ListLag: time.Minute})
	c := serveSim(t, s)
	id := s.AddTask(TaskSpec{Name: "A", Status: Pending})
	if got := c.listed("", nil); got != "[]" {
		t.Errorf("a new task is listed at once: %s", got)
	}
	s.Advance(time.Minute)
	try(s.SetStatus(id, Calling))
	s.Advance(30 * time.Second)
	if got := c.listed("", nil); !strings.Contains(got, `"Status":"pending"`) {
		t.Errorf("the list does not lag: %s", got)
	}
	if got := parse(t, c.detail(id)).Data.Status; got != Calling {
		t.Errorf("the detail says %s", got)
	}
	s.Advance(30 * time.Second)
	if got := c.listed("", nil); !strings.Contains(got, `"Status":"calling"`) {
		t.Errorf("the list never catches up: %s", got)
	}
}
