package airuddersim

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// odd are oddities as the program's flags name them.
func odd(texts ...string) map[Oddity]string {
	out := map[Oddity]string{}
	for _, text := range texts {
		name, value, err := ParseOddity(text)
		try(err)
		out[name] = value
	}
	return out
}

func TestListOddities(t *testing.T) {
	zone := time.FixedZone("", 8*3600)
	span := func(format func(time.Time) string) string {
		return "since=" + url.QueryEscape(format(start.Add(150*time.Minute))) + "&until=" + url.QueryEscape(format(start.Add(24*time.Hour)))
	}
	unix := func(t time.Time) string { return fmt.Sprint(t.Unix()) }
	local := func(t time.Time) string { return t.In(zone).Format(time.DateTime) }
	tests := []struct {
		name  string
		size  int // of a page
		odd   string
		query string
		want  string
	}{
		{"capped", 0, "list_cap=2", "", `["C","B"]`},
		{"capped, with the total", 0, "list_cap=2 list_total", "page=2", `{"total":3,"list":["C","B"]}`},
		{"total of another name", 2, "list_total=recordCount", "", `{"recordCount":3,"list":["C","B"]}`},
		{"has more", 2, "list_more", "page=1", `{"has_more":true,"list":["C","B"]}`},
		{"has no more", 2, "list_more=more", "page=2", `{"more":false,"list":["A"]}`},
		{"next page", 1, "list_next", "page=2", `{"next_page":3,"list":["B"]}`},
		{"no next page", 1, "list_next", "page=3", `{"next_page":null,"list":["A"]}`},
		{"page ignored", 2, "list_page_ignored", "page=2", `["C","B"]`},
		{"pages from 0", 2, "list_page_from_0", "page=1", `["A"]`},
		{"pages from 0, next page", 2, "list_page_from_0 list_next", "page=0", `{"next_page":1,"list":["C","B"]}`},
		{"page after the last", 2, "list_page_clamped", "page=7", `["A"]`},
		{"page 2 of 1", 20, "list_page_clamped", "page=2", `["C","B","A"]`},
		{"offset", 2, "list_offset", "page=2&offset=1&limit=1", `["B"]`},
		{"offset left out", 2, "list_offset", "page=2", `["C","B"]`},
		{"cursor", 2, "list_cursor", "", `{"next":"c+2/=","list":["C","B"]}`},
		{"cursor, next", 2, "list_cursor", "cursor=" + url.QueryEscape("c+2/="), `{"next":null,"list":["A"]}`},
		{"range left out", 0, "list_range=local", "", `[]`},
		{"range of another format", 0, "list_range=local", span(unix), `[]`},
		{"range, local", 0, "list_range=local", span(local), `["C"]`},
		{"range, unix", 0, "list_range=unix", span(unix), `["C"]`},
		{"window", 0, "list_window=90m", "", `["C"]`},
		{"one level down", 0, "list_depth=1", "", `{"list":["C","B","A"]}`},
		{"three levels down", 0, "list_depth=3 list_total", "", `{"result":{"page":{"total":3,"list":["C","B","A"]}}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, ids := threeTasks(Config{ListShape: ListStrings, ListPageSize: tt.size, Oddities: odd(strings.Fields(tt.odd)...)})
			if got := serveSim(t, s).listed(tt.query, ids); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestListEntriesAreOdd(t *testing.T) {
	s, ids := threeTasks(Config{})
	c := serveSim(t, s)
	try(s.SetOddities(odd("list_cap=1", "list_id=taskCode", "task_words=calling:RUNNING", "zoneless", "end_1970", "bom")))
	want := "\ufeff" + `{"data":[{"taskCode":"C","TaskName":"C","Status":"RUNNING","ScheduleStartTime":"2026-03-02 12:00:00","ScheduleEndTime":"1970-01-01 08:00:00","CalleeCount":2}],"status":"OK","code":200}`
	if got := strings.ReplaceAll(string(c.do("GET", "/service/cloud/list", "").body), ids["C"], "C"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	try(s.SetOddities(odd("list_range=unix", "list_range_error")))
	if got := string(c.do("GET", "/service/cloud/list", "").body); !strings.Contains(got, `"code":400`) {
		t.Errorf("a range that is left out is answered with %s", got)
	}
}

func TestParametersOfAPOST(t *testing.T) {
	s, ids := threeTasks(Config{ListShape: ListStrings, ListPageSize: 1})
	c := serveSim(t, s)
	if got := string(c.do("POST", "/service/cloud/list", `{"page":2}`).body); !strings.Contains(got, `["`+ids["B"]+`"]`) {
		t.Errorf("the list answers %s", got)
	}
	for _, path := range []string{"detail", "workflow/taskdetail"} {
		if d := parse(t, c.do("POST", "/service/cloud/"+path, `{"TaskID":"`+ids["A"]+`"}`)); d.Data.TaskName != "A" {
			t.Errorf("%s answers %+v", path, d)
		}
	}
}

func TestDetailOddities(t *testing.T) {
	rows := append(append(FinishedRows(3), RowSpec{Status: Cancelled}), PendingRows(1)...)
	tests := []struct {
		odd   string
		want  string
		shown int // of three finished calls
	}{
		{"detail_cap=2 detail_total", `"total":5,"detail":[`, 2},
		{"detail_total=recordCount", `"recordCount":5,"detail":[`, 3},
		{"call_count", `"call_count":3,"detail":[`, 3},
		{"row_words=finished:answered,cancelled:blacklisted", `"Status":"answered"`, 3},
		{"row_words=finished:answered,cancelled:blacklisted", `"Status":"blacklisted"`, 3},
		{"row_words=finished:3", `"Status":3`, 3},
		{"task_words=calling:CALLING", `"Status":"CALLING"`, 3},
		{"late_per_row=1ms", `"Status":"finished"`, 3},
		{"code=0", `"code":0}`, 0},
		{"zoneless", `"ScheduleStartTime":"2026-03-02 10:00:00"`, 3},
	}
	for _, tt := range tests {
		s := New(Config{Seed: 8, Start: start})
		id := s.AddTask(TaskSpec{Status: Calling, Rows: rows})
		c := serveSim(t, s)
		try(s.SetOddities(odd(strings.Fields(tt.odd)...)))
		r := c.detail(id)
		if !r.isJSON() || !strings.Contains(string(r.body), tt.want) {
			t.Errorf("%s: %s is not in %.600s", tt.odd, tt.want, r.body)
		}
		if got := len(s.Truth().Shown()); got != tt.shown {
			t.Errorf("%s: %d calls were shown, want %d", tt.odd, got, tt.shown)
		}
	}
}

func TestSharedCallIDs(t *testing.T) {
	s := New(Config{Seed: 8, Start: start, Oddities: odd("shared_call_id=3")})
	id := s.AddTask(TaskSpec{Status: Calling, Rows: FinishedRows(6)})
	rows := parse(t, serveSim(t, s).detail(id)).Data.Detail
	if rows[1].CallID != rows[2].CallID || rows[4].CallID != rows[5].CallID || rows[0].CallID == rows[1].CallID || rows[1].ID == rows[2].ID {
		t.Errorf("rows %+v", rows)
	}
	if got := len(s.Truth().Shown()); got != 4 {
		t.Errorf("%d calls were shown, want 4", got)
	}
}

func TestRateLimit(t *testing.T) {
	now := start
	s := New(Config{Start: start, Clock: func() time.Time { return now }, Oddities: odd("rate_limit=2")})
	c := serveSim(t, s)
	var got []int
	for range 3 {
		got = append(got, c.do("GET", "/service/cloud/list", "").status)
	}
	r := c.detail("none")
	now = now.Add(time.Second)
	got = append(got, r.status, c.do("GET", "/service/cloud/list", "").status)
	if fmt.Sprint(got) != "[200 200 429 429 200]" || r.header.Get("Retry-After") != "" {
		t.Errorf("got %v, Retry-After %q", got, r.header.Get("Retry-After"))
	}
}

func TestOdditiesByOrder(t *testing.T) {
	s, _ := threeTasks(Config{})
	c := serveSim(t, s)
	r := c.do("POST", "/faults", `{"oddities":{"list_cap":"1"}}`)
	var report FaultReport
	if json.Unmarshal(r.body, &report) != nil || report.Oddities[ListCap] != "1" {
		t.Errorf("an order is answered with %d %s", r.status, r.body)
	}
	for body, want := range map[string]string{
		`{"oddities":{"list_cup":"1"}}`:           `no oddity is called "list_cup"`,
		`{"oddities":{"list_cap":"x"}}`:           `oddity list_cap: "x" is no number`,
		`{"oddities":{"bom":"yes"}}`:              `oddity bom: it takes no value`,
		`{"oddities":{"row_words":"finished"}}`:   `oddity row_words: "finished" is no status:word`,
		`{"oddities":{"list_range":"yesterday"}}`: `oddity list_range: "yesterday" is none of`,
	} {
		if r := c.do("POST", "/faults", body); r.status != 400 || !strings.Contains(string(r.body), want) {
			t.Errorf("%s is answered with %d %s", body, r.status, r.body)
		}
	}
	if r := c.do("POST", "/faults", `{"oddities":{}}`); r.status != 200 || strings.Contains(string(r.body), "list_cap") {
		t.Errorf("an order to end them is answered with %d %s", r.status, r.body)
	}
}
