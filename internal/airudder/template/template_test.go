package template

import (
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestTemplate(t *testing.T) {
	f := Filling{
		Task: `a b+"é`, Page: 6, Offset: 600, Cursor: json.RawMessage(`"x\"\u00e9 &"`),
		Since: time.Date(2024, 5, 6, 7, 8, 9, 0, time.FixedZone("", 2*60*60)), Until: time.UnixMilli(1_700_000_000_123),
		Zone: time.FixedZone("+08:00", 8*60*60),
	}
	for _, tt := range []struct{ template, method, path, query, body string }{
		{"GET /list", "GET", "/list", "", ""},
		{"  GET   /list?  ", "GET", "/list", "", ""},
		{"GET /a%2Fb?n={page}", "GET", "/a%2Fb", "n=7", ""},
		{"GET /a?n={page0}&m={page0}", "GET", "/a", "n=6&m=6", ""},
		{"GET /task/{task}/rows?t={task}", "GET", "/task/a%20b+%22%C3%A9/rows", "t=a+b%2B%22%C3%A9", ""},
		{"GET /l?from={since}&to={until}&n={limit:50}&o={offset:100}", "GET", "/l",
			"from=2024-05-06T05%3A08%3A09Z&to=2023-11-14T22%3A13%3A20Z&n=50&o=600", ""},
		{"GET /l?from={since:2006-01-02 15:04:05}&u={until:unix}&m={until:unixms}", "GET", "/l",
			"from=2024-05-06+13%3A08%3A09&u=1700000000&m=1700000000123", ""},
		{"GET /l?c={cursor:data.next}", "GET", "/l", "c=x%22%C3%A9+%26", ""},
		{`POST /l {"page":{page},"q":{"a b":"p{page}","size":{limit:20},"since":{since},"at":{since:unix}}}`, "POST", "/l", "",
			`{"page":7,"q":{"a b":"p7","size":20,"since":"2024-05-06T05:08:09Z","at":1714972089}}`},
		{`POST /l {"c":{cursor:next},"d":"{cursor:next}"}`, "POST", "/l", "", `{"c":"x\"é \u0026","d":"x\"é \u0026"}`},
		{`POST /t?x=1 {"task":"<{task}>","id":{task},"quote":"\"{x}","pages":"{pages}"}`, "POST", "/t", "x=1",
			`{"task":"<a b+\"é>","id":"a b+\"é","quote":"\"{x}","pages":"{pages}"}`},
		{"POST /t\n{\"a\":\n{page0}}", "POST", "/t", "", "{\"a\":\n6}"},
	} {
		parsed, err := Parse(tt.template)
		if err != nil {
			t.Errorf("%s: %v", tt.template, err)
			continue
		}
		got := parsed.Fill(f)
		want := Request{Method: tt.method, Path: tt.path, Query: tt.query}
		if tt.body != "" {
			want.Body = []byte(tt.body)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got\n%s %s %s %s, want\n%s %s %s %s", tt.template, got.Method, got.Path, got.Query, got.Body,
				want.Method, want.Path, want.Query, want.Body)
		}
	}
}

// A first page has no cursor, and a cursor may be a number. Without a time since
// which, it is the epoch.
func TestTemplateWithoutValues(t *testing.T) {
	parsed, err := Parse(`POST /l?c={cursor:n}&s={since} {"c":{cursor:n},"t":"{cursor:n}"}`)
	if err != nil {
		t.Fatal(err)
	}
	q := parsed.Fill(Filling{Zone: time.UTC})
	if q.Query != "c=&s=1970-01-01T00%3A00%3A00Z" || string(q.Body) != `{"c":null,"t":""}` {
		t.Errorf("first Page: got %s %s", q.Query, q.Body)
	}
	q = parsed.Fill(Filling{Zone: time.UTC, Cursor: json.RawMessage(`12345678901234567890`)})
	if q.Query != "c=12345678901234567890&s=1970-01-01T00%3A00%3A00Z" || string(q.Body) != `{"c":12345678901234567890,"t":"12345678901234567890"}` {
		t.Errorf("a number: got %s %s", q.Query, q.Body)
	}
}

// Each bad template gets a sentence that says what is wrong and what would be right.
func TestTemplateBad(t *testing.T) {
	const (
		list   = "; give one such as GET /service/cloud/list?page={page}, or off for no list"
		detail = "; give one such as GET /service/cloud/detail?TaskID={task}"
	)
	for _, tt := range []struct{ template, want string }{
		{"page={page}", "does not begin with GET or POST"},
		{"get /list", "does not begin with GET or POST"},
		{"DELETE /list", "does not begin with GET or POST"},
		{"GET", "has no path that begins with a slash after GET"},
		{"GET list", "has no path that begins with a slash after GET"},
		{"GET https://api.airudder.com/list", "has no path that begins with a slash after GET"},
		{"GET /list?TaskID={task}", "has {task}, but the list is asked for without one"},
		{"GET /list?page={pages}", "has a brace before its body that belongs to no placeholder: the placeholders are {task}, {page}, {page0}, " +
			"{limit:100}, {offset:100}, {cursor:data.next}, {since} and {until}; write a brace as %7B or %7D"},
		{"GET /list?n={limit}", "has {limit} without what it needs, as in {limit:100}"},
		{"GET /list?n={offset:}", "has {offset} without what it needs, as in {offset:100}"},
		{"GET /list?n={cursor}", "has {cursor} without what it needs, as in {cursor:data.next}"},
		{"GET /list?n={cursor:a..b}", "has {cursor:a..b}, which names no member of the answer, as {cursor:data.next} does"},
		{"GET /list?n={offset:0}", "has {offset:0}, whose argument is no number of tasks, as in {offset:100}"},
		{"GET /list?n={limit:many}", "has {limit:many}, whose argument is no number of tasks, as in {limit:100}"},
		{"GET /list?n={page:5}", "has {page:5}: write {page}"},
		{"GET /list?n={since:}", "has {since:}: write {since}"},
		{"GET /list?n={since:YYYY-MM-DD}", "has {since:YYYY-MM-DD}, which holds no time: write the time of 2006-01-02 15:04:05 in the form that it should have, " +
			"as in {since:2006-01-02 15:04:05}"},
		{"GET /list?p={page}&o={offset:20}", "has both {page} and {offset:20}: keep one of them, since pages are asked for in one way"},
		{"GET /list?o={offset:10}&p={offset:20}", "has both {offset:10} and {offset:20}: keep one of them, since pages are asked for in one way"},
		{"GET /list?a=%zz", "has a query that is not escaped: write it as in name=a%20b"},
		{"GET /a%zz", "has a path that is not escaped: write it as in /a%20b"},
		{"GET /list#x", "has a path or query that is not escaped: write it as in name=a%20b"},
		{"GET /list?a=é", "has a path or query that is not escaped: write it as in name=a%20b"},
		{"GET /list?from=2024-01-01 00:00:00", `has something after its URL that is no JSON body once its placeholders are filled: ` +
			`write one as in POST /path {"page":{page}}, and a blank in a query as %20`},
		{`POST /list {"page":{pages}}`, `has something after its URL that is no JSON body once its placeholders are filled: ` +
			`write one as in POST /path {"page":{page}}, and a blank in a query as %20`},
	} {
		if _, err := ParseList(tt.template); err == nil || err.Error() != tt.want+list {
			t.Errorf("%s: got  %v\nwant %s", tt.template, err, tt.want+list)
		}
	}
	for template, want := range map[string]string{
		"off":                           "does not begin with GET or POST",
		"GET /detail":                   "does not say where the task's id goes",
		"GET /detail?t={task}&p={page}": "has {page}, but one answer holds the whole task",
	} {
		if _, err := ParseDetail(template); err == nil || err.Error() != want+detail {
			t.Errorf("%s: got  %v\nwant %s", template, err, want+detail)
		}
	}
	if list, err := ParseList("off"); list != nil || err != nil {
		t.Errorf("off: got %v and %v, want no request", list, err)
	}
}

// Whatever values a template is filled with, they stand in the request as one
// parameter, one part of the path or one value of the body, and nothing beside.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{DefaultList, DefaultDetail, `POST /a/{task}?p={page}&b={since:2006} {"a":"{task}","b":{task},"c":{cursor:x}}`,
		"GET /l?{offset:10}={cursor:a.b}", `POST / "{{page}}"`, "GET /%7b?{until:unixms}", `POST /x {"\"{task}":1}`} {
		f.Add(s, "t1", `"next"`)
		f.Add(s, `"}{/?&= \`, `7`)
	}
	f.Fuzz(func(t *testing.T, template, task, cursor string) {
		parsed, err := Parse(template)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n") && !strings.ContainsAny(template, "\n") {
				t.Fatalf("two lines: %v", err)
			}
			return
		}
		raw := json.RawMessage(cursor)
		if !json.Valid(raw) || text(raw) == "" {
			raw = nil
		}
		plain := parsed.Fill(Filling{Task: "t", Zone: time.UTC})
		got := parsed.Fill(Filling{Task: strings.ToValidUTF8(task, "?"), Cursor: raw, Zone: time.UTC})
		if strings.Count(got.Path, "/") != strings.Count(plain.Path, "/") {
			t.Fatalf("path %q, with other values %q", got.Path, plain.Path)
		}
		if _, err := url.PathUnescape(got.Path); err != nil {
			t.Fatalf("path %q: %v", got.Path, err)
		}
		if strings.Count(got.Query, "&") != strings.Count(plain.Query, "&") {
			t.Fatalf("query %q, with other values %q", got.Query, plain.Query)
		}
		if _, err := url.ParseQuery(got.Query); err != nil {
			t.Fatalf("query %q: %v", got.Query, err)
		}
		if got.Body != nil && !json.Valid(got.Body) {
			t.Fatalf("body %q", got.Body)
		}
	})
}
