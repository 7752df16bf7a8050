package airudder

import (
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

// A plan's or workflow's tasks are read by other requests; the base URL may have a
// path of its own.
func TestRequestsAreSettings(t *testing.T) {
	var got []string
	u := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, fmt.Sprintf("%s %s %s", r.Method, r.RequestURI, body))
		if strings.Contains(r.URL.Path, "taskdetail") {
			io.WriteString(w, `{"data":{`+header+`,"detail":[]},"code":200}`)
			return
		}
		io.WriteString(w, `{"data":["t1"],"code":200}`)
	})
	cfg := testConfig(u.URL)
	cfg.ListRequest = `POST /proxy%2Fa/workflow/list?v=2 {"size":{limit:50}}`
	cfg.DetailRequest = `POST /workflow/taskdetail/{task} {"task_id":"{task}"}`
	c := newClient(t, cfg)
	listed, err := c.List(t.Context(), time.Time{})
	if err != nil || !reflect.DeepEqual(taskIDs(listed), []string{"t1"}) {
		t.Errorf("list: got %q and %v", taskIDs(listed), err)
	}
	if _, _, err := collect(t, c, "t1", none); err != nil {
		t.Errorf("detail: %v", err)
	}
	want := []string{`POST /proxy%2Fa/workflow/list?v=2 {"size":50}`, `POST /workflow/taskdetail/t1 {"task_id":"t1"}`}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestListByCursorAndOffset(t *testing.T) {
	for name, tt := range map[string]struct {
		request string
		answers map[string]string // by query
	}{
		"cursor": {"?c={cursor:data.next}", map[string]string{
			"c=": `{"list":["a","b"],"next":"n 1"}`, "c=n+1": `{"list":["b"],"next":7}`, "c=7": `{"list":[],"next":"n 2"}`, "c=n+2": `{"list":["c"],"next":null}`,
		}},
		"repeated cursor":     {"?c={cursor:data.next}", map[string]string{"c=": `{"list":["a","b"],"next":"n"}`, "c=n": `{"list":["c"],"next":"n"}`}},
		"empty cursor":        {"?c={cursor:data.next}", map[string]string{"c=": `{"list":["a","b","c"],"next":""}`}},
		"no cursor":           {"?c={cursor:data.next}", map[string]string{"c=": `{"list":["a","b","c"]}`}},
		"offset":              {"?o={offset:2}", map[string]string{"o=0": `["a","b"]`, "o=2": `["c"]`, "o=3": `[]`}},
		"offset, capped":      {"?o={offset:100}", map[string]string{"o=0": `["a","b"]`, "o=2": `["c"]`, "o=3": `[]`}},
		"offset, nothing new": {"?o={offset:3}", map[string]string{"o=0": `["a","b","c"]`, "o=3": `["a","b","c"]`}},
		"page from 0":         {"?p={page0}", map[string]string{"p=0": `["a","b"]`, "p=1": `["c"]`, "p=2": `[]`}},
	} {
		t.Run(name, func(t *testing.T) {
			asked := map[string]bool{}
			u := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
				data, ok := tt.answers[r.URL.RawQuery]
				if !ok || asked[r.URL.RawQuery] {
					t.Errorf("asked for %s", r.URL.RawQuery)
				}
				asked[r.URL.RawQuery] = true
				fmt.Fprintf(w, `{"data":%s,"code":200}`, data)
			})
			cfg := testConfig(u.URL)
			cfg.ListRequest = DefaultList + tt.request
			got, err := newClient(t, cfg).List(t.Context(), time.Time{})
			if want := []string{"a", "b", "c"}; err != nil || !reflect.DeepEqual(taskIDs(got), want) || len(asked) != len(tt.answers) {
				t.Errorf("got %q, %v and %d requests, want %q", taskIDs(got), err, len(asked), want)
			}
		})
	}
}
