package airudder

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/airudder/template"
	"airudder-exporter/internal/call"
)

// entries are JSON entries of tasks from one number to another.
func entries(from, to int) string {
	var all []string
	for i := from; i < to; i++ {
		all = append(all, fmt.Sprintf(`{"TaskID":"t%d"}`, i))
	}
	return "[" + strings.Join(all, ",") + "]"
}

// An account of 35 tasks whose list is not as the request has it: what an answer says
// of more than it shows is told, and what shows nothing that could be a task is an error.
// Healthy lists, however odd, say nothing.
func TestListWhole(t *testing.T) {
	const all = 35
	slice := func(from, size int) string { return entries(min(max(from, 0), all), min(max(from, 0)+size, all)) }
	number := func(r *http.Request, name string) int { n, _ := strconv.Atoi(r.URL.Query().Get(name)); return n }
	always := func(data string) func(*http.Request) string { return func(*http.Request) string { return data } }
	for name, tt := range map[string]struct {
		request string
		data    func(*http.Request) string
		want    call.Listing // without its tasks
		says    string       // of an error
	}{
		"total ignored":    {"", always(`{"total":35,"list":` + entries(0, 20) + `}`), call.Listing{Entries: 20, Total: 35, TotalName: "total"}, ""},
		"total beside":     {"", always(`{"list":` + entries(0, 20) + `,"pagination":{"record_count":"35"}}`), call.Listing{Entries: 20, Total: 35, TotalName: "record_count"}, ""},
		"has_more ignored": {"", always(`{"has_more":true,"list":` + entries(0, 20) + `}`), call.Listing{Entries: 20, More: "has_more"}, ""},
		"next ignored":     {"", always(`{"list":` + entries(0, 20) + `,"next_token":"abc"}`), call.Listing{Entries: 20, More: "next_token"}, ""},
		"total pages":      {"", always(`{"list":` + entries(0, 20) + `,"pageInfo":{"page":1,"totalPages":"2"}}`), call.Listing{Entries: 20, More: "totalPages"}, ""},
		"page ignored":     {"?page={page}", always(slice(0, 20)), call.Listing{Entries: 20, Repeated: 20}, ""},
		"page and limit ignored": {"?page={page}&n={limit:20}", always(`{"list":` + slice(0, 20) + `,"hasMore":true}`),
			call.Listing{Entries: 20, Repeated: 20, More: "hasMore"}, ""},
		"offset ignored": {"?o={offset:10}", always(slice(0, 10)), call.Listing{Entries: 10, Repeated: 10}, ""},
		"pages from 0": {"?page={page}", func(r *http.Request) string {
			return `{"total":35,"list":` + slice(number(r, "page")*20, 20) + `}`
		}, call.Listing{Entries: 15, Total: 35, TotalName: "total"}, ""},
		"offset, the first task lost": {"?o={page}", func(r *http.Request) string {
			return `{"totalNum":35,"list":` + slice(number(r, "o"), 20) + `}`
		}, call.Listing{Entries: 34, Total: 35, TotalName: "totalNum"}, ""},
		"an array three levels down": {"", always(`{"result":{"page":{"columns":["a"],"tasks":` + entries(0, 35) + `}}}`), call.Listing{Entries: 35}, ""},
		"id for TaskID":              {"", always(`[{"id":7,"name":"x","a phone +62":1}]`), call.Listing{}, "the list's entries have no TaskID; their fields are id, name, …"},
		"id for TaskID, below":       {"", always(`{"list":[{"id":7}],"errors":[]}`), call.Listing{}, "the list's entries have no TaskID; their fields are id"},
		"another name, with a total": {"", always(`{"list":[{"uuid":7}],"errors":[],"total":35}`), call.Listing{}, "the list's entries have no TaskID; their fields are uuid"},
		"no ids":                     {"", always(`[null,{}]`), call.Listing{}, "the list's entries have no TaskID; their fields have names that are no plain words"},
		"nulls":                      {"", always(`[null]`), call.Listing{}, "the list's entries have no TaskID; the elements are no objects, and no ids"},
		"a date range required":      {"", always(`{"message":"from and to are required"}`), call.Listing{}, "data holds no array of entries; its fields are message"},
		"too deep":                   {"", always(`{"a":{"b":{"c":{"d":` + entries(0, 1) + `}}}}`), call.Listing{}, "data holds no array of entries; its fields are a"},

		"no tasks":                      {"", always(`[]`), call.Listing{}, ""},
		"no tasks, null":                {"", always(`null`), call.Listing{}, ""},
		"no tasks, null below":          {"", always(`{"list":null,"total":0}`), call.Listing{}, ""},
		"no tasks, nothing below":       {"", always(`{}`), call.Listing{}, ""},
		"no tasks, a total of 0":        {"", always(`{"total":0}`), call.Listing{}, ""},
		"no tasks, columns":             {"", always(`{"columns":[{"title":"x"}],"list":[],"total":0,"has_more":false,"next":""}`), call.Listing{}, ""},
		"a total that fits":             {"", always(`{"total":"20","list":` + entries(0, 20) + `}`), call.Listing{Entries: 20, Total: 20, TotalName: "total"}, ""},
		"page 2 of 1 is page 1":         {"?page={page}", always(`{"total":3,"list":` + entries(0, 3) + `}`), call.Listing{Entries: 3, Total: 3, TotalName: "total"}, ""},
		"page 2 of 1, fewer than asked": {"?page={page}&n={limit:100}", always(entries(0, 20)), call.Listing{Entries: 20}, ""},
		"1,000 entries":                 {"", always(entries(0, 1000)), call.Listing{Entries: 1000}, ""},
		"an entry without a TaskID":     {"", always(`{"total":2,"list":[{"TaskID":"a"},{"name":"draft"}]}`), call.Listing{Entries: 2, Total: 2, TotalName: "total"}, ""},
		"tasks without a TaskID":        {"", always(`{"list":[{"TaskID":"a"},{"id":7,"Status":"Calling"},{"TaskID":"b/c","Status":"finished"},{"Status":"created"}]}`), call.Listing{Entries: 4, Nameless: 2}, ""},
		"a task twice":                  {"", always(`{"total":2,"list":["a","a"]}`), call.Listing{Entries: 2, Total: 2, TotalName: "total"}, ""},
		"no more":                       {"", always(`{"has_more":false,"next_page":0,"nextCursor":null,"next":"","next_check":"soon","list":` + entries(0, 20) + `}`), call.Listing{Entries: 20}, ""},
		"another count":                 {"", always(`{"call_count":900,"pages":7,"list":` + entries(0, 20) + `}`), call.Listing{Entries: 20}, ""},
		"pages to the end": {"?page={page}&n={limit:20}", func(r *http.Request) string {
			return fmt.Sprintf(`{"total":35,"total_pages":2,"next_page":%d,"list":%s}`, number(r, "page")+1, slice((number(r, "page")-1)*20, 20))
		}, call.Listing{Entries: 35, Total: 35, TotalName: "total"}, ""},
		"a cursor to the end, which repeats": {"?c={cursor:data.next}", func(r *http.Request) string {
			n := min(number(r, "c")+20, 40)
			return fmt.Sprintf(`{"total":35,"next":"%d","list":%s}`, n, slice(number(r, "c"), 20))
		}, call.Listing{Entries: 35, Total: 35, TotalName: "total"}, ""},
	} {
		inBubble(t, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"data":%s,"status":"OK","code":200}`, tt.data(r))
		}, func(t *testing.T, c *Client) {
			var err error
			if c.list, err = template.ParseList(DefaultList + tt.request); err != nil {
				t.Fatal(err)
			}
			got, err := c.List(t.Context(), time.Time{})
			if tt.says != "" {
				if kindOf(err) != KindGarbage || !strings.HasSuffix(err.Error(), ": "+tt.says) {
					t.Errorf("%s: got %v, want an error that says %q", name, err, tt.says)
				}
				return
			}
			got.Tasks, got.Speed = nil, 0
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%s: got %+v and %v, want %+v", name, got, err, tt.want)
			}
		})
	}
}

func TestIsFull(t *testing.T) {
	var full []int
	for n := range 2001 {
		if isFull(n, 0) {
			full = append(full, n)
		}
	}
	if want := []int{10, 20, 50, 100, 200, 500, 1000, 2000}; !slices.Equal(full, want) {
		t.Errorf("got %d, want %d", full, want)
	}
	if isFull(99, 100) || !isFull(100, 100) || isFull(20, 100) {
		t.Error("a page of as many as were asked for is full, and no other")
	}
}

// New tasks push old ones out: others are there, as many as before.
func TestWindow(t *testing.T) {
	w := newWindow()
	for i, step := range []struct {
		from, to, want int
	}{
		{0, 20, 0}, {1, 21, 1}, {1, 21, 1}, {2, 22, 2}, {2, 22, 2}, {5, 25, 3}, {6, 26, 4}, // a quiet one counts for nothing
		{6, 27, 0}, {7, 28, 1}, {7, 27, 0}, // another number: it is no window
	} {
		var tasks []call.Listed
		for n := step.from; n < step.to; n++ {
			tasks = append(tasks, call.Listed{TaskID: strconv.Itoa(n)})
		}
		if i%2 == 0 {
			slices.Reverse(tasks) // the order does not count
		}
		if got := w.pushed(tasks, 0); got != step.want {
			t.Errorf("listing %d: got %d pushes, want %d", i, got, step.want)
		}
	}
}

// A list of the last week's tasks loses one that has ended as another comes: that is
// no limit. Twenty of them, or one that is still calling, are.
func TestWindowOfDays(t *testing.T) {
	for _, tt := range []struct {
		tasks, limit, want int
		oldest             string // its status
	}{
		{7, 0, 0, "FINISHED"}, {7, 0, 5, "calling"}, {20, 0, 5, "finished"}, {20, 100, 0, "finished"}, {7, 7, 5, "finished"},
	} {
		w := newWindow()
		got := 0
		for day := range 6 {
			var tasks []call.Listed
			for n := day; n < day+tt.tasks; n++ {
				status := "calling"
				if n == day {
					status = tt.oldest
				}
				tasks = append(tasks, call.Listed{TaskID: strconv.Itoa(n), Status: status})
			}
			got = w.pushed(tasks, tt.limit)
		}
		if got != tt.want {
			t.Errorf("%+v: got %d pushes", tt, got)
		}
	}
}
