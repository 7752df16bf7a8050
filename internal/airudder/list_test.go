package airudder

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

func taskIDs(listing call.Listing) []string {
	all := []string{}
	for _, l := range listing.Tasks {
		all = append(all, l.TaskID)
	}
	return all
}

func TestListShapes(t *testing.T) {
	tests := []struct {
		name, data string
		want       []string
		passedOver float64
	}{
		{"array", `[{"TaskID":"a"},{"TaskID":"b"}]`, []string{"a", "b"}, 0},
		{"array below", `{"total":2,"whatever":[{"TaskID":"a"},{"TaskID":"b"}]}`, []string{"a", "b"}, 0},
		{"beside others", `{"columns":["x","y"],"list":[{"TaskID":"a"}],"robots":[{"RobotID":"r"}]}`, []string{"a"}, 0},
		{"in two arrays", `{"open":[{"TaskID":"a"}],"ended":[{"TaskID":"b"}]}`, []string{"a", "b"}, 0},
		{"bare ids", `["a","b"]`, []string{"a", "b"}, 0},
		{"bare ids below", `{"ids":["a","b"]}`, []string{"a", "b"}, 0},
		{"numbers", `[12345678901234567890,"7"]`, []string{"12345678901234567890", "7"}, 0},
		{"other spellings", `[{"task_id":"a"},{"taskId":"b"},{"TASKID":3}]`, []string{"a", "b", "3"}, 0},
		{"the right spelling beside others", `[{"TaskID":"a","task_id":77},{"task_id":78,"TaskID":"b"},{"task_id":"c","TaskID":null}]`, []string{"a", "b", "c"}, 0},
		{"duplicates", `[{"TaskID":"a"},{"TaskID":"b"},{"TaskID":"a"}]`, []string{"a", "b"}, 0},
		{"no TaskID", `[{"TaskID":"a"},{"x":1},{"TaskID":""},{"TaskID":null},null,[],{"TaskID":{}}]`, []string{"a"}, 6},
		{"no task id", `["a/b","\u0007","` + strings.Repeat("x", 129) + `","ok"]`, []string{"ok"}, 3},
		{"empty", `[]`, []string{}, 0},
		{"empty below", `{"list":[]}`, []string{}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, testConfig(newUpstream(t, body(`{"data":`+tt.data+`,"code":200}`)).URL))
			got, err := c.List(t.Context(), time.Time{})
			if err != nil || !reflect.DeepEqual(taskIDs(got), tt.want) {
				t.Errorf("got %q and %v, want %q", taskIDs(got), err, tt.want)
			}
			counted(t, c.metrics.listWithoutID, tt.passedOver)
		})
	}
}

func TestListEnvelopeInTwoSpellings(t *testing.T) {
	for _, text := range []string{
		`{"Data":null,"data":[{"TaskID":"a"}],"Code":500,"code":200}`, `{"data":[{"TaskID":"a"}],"Data":[],"code":200,"CODE":500}`,
		`{"Data":[{"TaskID":"a"}],"Code":200}`,
	} {
		c := newClient(t, testConfig(newUpstream(t, body(text)).URL))
		if got, err := c.List(t.Context(), time.Time{}); err != nil || !reflect.DeepEqual(taskIDs(got), []string{"a"}) {
			t.Errorf("%s: got %q and %v", text, taskIDs(got), err)
		}
	}
}

func TestListSaysMore(t *testing.T) {
	entry := `{"TaskID":"a","Status":"calling","ScheduleEndTime":"2023-10-19T06:20:20Z","rows":%d}`
	list := func(rows int) call.Listed {
		e, ok := readEntry(jsonrows.Keep(fmt.Appendf(nil, entry, rows)), time.UTC)
		if !ok {
			t.Fatal("no entry")
		}
		return e
	}
	got := list(1)
	if got.Status != "calling" || !got.ScheduleEnd.Equal(time.Date(2023, 10, 19, 6, 20, 20, 0, time.UTC)) {
		t.Errorf("got %+v", got)
	}
	if got.Fingerprint != list(1).Fingerprint || got.Fingerprint == list(2).Fingerprint || got.Fingerprint == 0 {
		t.Error("the fingerprint is not of the entry's bytes")
	}
}

func TestListPages(t *testing.T) {
	tests := []struct {
		name     string
		pages    []string // the last one repeats
		want     []string
		requests int64
	}{
		{"to the empty page", []string{`["a","b"]`, `["c"]`, `[]`}, []string{"a", "b", "c"}, 3},
		{"to null", []string{`["a"]`, `null`}, []string{"a"}, 2},
		{"to nothing new", []string{`["a","b"]`, `["b","c"]`, `["a"]`}, []string{"a", "b", "c"}, 3},
		{"that ignores its pages", []string{`["a"]`}, []string{"a"}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
				var page int
				fmt.Sscan(r.URL.Query().Get("p"), &page)
				fmt.Fprintf(w, `{"data":%s,"code":200}`, tt.pages[min(page, len(tt.pages))-1])
			})
			cfg := testConfig(u.URL)
			cfg.ListRequest = DefaultList + "?p={page}"
			got, err := newClient(t, cfg).List(t.Context(), time.Time{})
			if err != nil || !reflect.DeepEqual(taskIDs(got), tt.want) || u.requests.Load() != tt.requests {
				t.Errorf("got %q, %v, %d requests; want %q, %d", taskIDs(got), err, u.requests.Load(), tt.want, tt.requests)
			}
		})
	}
}

func TestListHasAPageCap(t *testing.T) {
	u := newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"data":["%s"]}`, r.URL.Query().Get("p"))
	})
	cfg := testConfig(u.URL)
	cfg.ListRequest = DefaultList + "?p={page}"
	if got, err := newClient(t, cfg).List(t.Context(), time.Time{}); err != nil || len(got.Tasks) != maxPages {
		t.Errorf("got %d tasks and %v, want %d", len(got.Tasks), err, maxPages)
	}
}

// Null, three times more asked for, is an empty list; a failing upstream is
// asked as often, and then an error.
func TestListTriesAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		answer   http.HandlerFunc
		requests int64
		kind     string
	}{
		"null":      {body(`{"data":null,"code":200}`), 4, "ok"},
		"absent":    {body(`{"code":200}`), 4, "ok"},
		"no array":  {body(`{"data":{"total":0},"code":200}`), 4, "ok"},
		"down":      {status(502, ""), 4, KindServer},
		"page":      {body(`<html>`), 4, KindHTML},
		"cut":       {body(`{"data":["a"`), 4, KindCut},
		"garbage":   {body(`{"data":7}`), 4, KindGarbage},
		"limited":   {status(429, ""), 1, KindRateLimited},
		"forbidden": {status(403, ""), 1, KindAuth},
		"refused":   {status(400, ""), 1, KindClient},
	} {
		var requests atomic.Int64
		inBubble(t, func(w http.ResponseWriter, r *http.Request) { requests.Add(1); tt.answer(w, r) }, func(t *testing.T, c *Client) {
			got, err := c.List(t.Context(), time.Time{})
			if kindOf(err) != tt.kind || len(got.Tasks) != 0 || requests.Load() != tt.requests {
				t.Errorf("%s: got %q, %v, %d requests; want kind %s, %d", name, taskIDs(got), err, requests.Load(), tt.kind, tt.requests)
			}
		})
	}
}

func TestListComesThroughFaults(t *testing.T) {
	var n atomic.Int64
	inBubble(t, func(w http.ResponseWriter, _ *http.Request) {
		switch n.Add(1) {
		case 1:
			w.WriteHeader(http.StatusInternalServerError)
		case 2:
			io.WriteString(w, `{"data":null}`)
		default:
			io.WriteString(w, `{"data":["a"]}`)
		}
	}, func(t *testing.T, c *Client) {
		got, err := c.List(t.Context(), time.Time{})
		if err != nil || !reflect.DeepEqual(taskIDs(got), []string{"a"}) {
			t.Errorf("got %q and %v, want a", taskIDs(got), err)
		}
	})
}

func TestListNamedByHand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ids")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# ours\n f1 \n\nf2 # two\r\nf1\nno/id\n")
	cfg := testConfig("http://127.0.0.1:1") // asked for nothing
	cfg.ListRequest, cfg.TaskIDs, cfg.TaskIDsFile = Off, []string{"c1", "f2"}, file
	c := newClient(t, cfg)
	if !c.Named("f1") || !c.Named("c1") || c.Named("f3") {
		t.Error("named before the first list: want f1 and c1, not f3")
	}
	check := func(want ...string) {
		t.Helper()
		if got, err := c.List(t.Context(), time.Time{}); err != nil || !reflect.DeepEqual(taskIDs(got), want) {
			t.Errorf("got %q and %v, want %q", taskIDs(got), err, want)
		}
	}
	check("c1", "f2", "f1")
	counted(t, c.metrics.listWithoutID, 1)
	write("f3\n")
	check("c1", "f2", "f3")
	if c.Named("f1") || !c.Named("f3") {
		t.Error("named after the change: want f3, not f1")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	got, err := c.List(t.Context(), time.Time{})
	if kindOf(err) != KindTaskIDs || !strings.Contains(err.Error(), file) || !reflect.DeepEqual(taskIDs(got), []string{"c1", "f2", "f3"}) {
		t.Errorf("got %q and %v, want those known and the file's name", taskIDs(got), err)
	}
	write("f4")
	check("c1", "f2", "f4")
}

func TestListMergesNamed(t *testing.T) {
	var down atomic.Bool
	u := newUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		io.WriteString(w, `{"data":[{"TaskID":"a","Status":"calling"}]}`)
	})
	cfg := testConfig(u.URL)
	cfg.TaskIDs = []string{"b", "a"}
	c := newClient(t, cfg)
	got, err := c.List(t.Context(), time.Time{})
	if err != nil || !reflect.DeepEqual(taskIDs(got), []string{"a", "b"}) || got.Tasks[0].Status != "calling" {
		t.Errorf("got %+v and %v, want a, calling, and b", got, err)
	}
	down.Store(true)
	got, err = c.List(t.Context(), time.Time{})
	if kindOf(err) != KindClient || !reflect.DeepEqual(taskIDs(got), []string{"b", "a"}) {
		t.Errorf("got %q and %v, want those named and the error", taskIDs(got), err)
	}
}

// Whatever a list holds, each task comes once, with an id that can be one.
func FuzzList(f *testing.F) {
	for _, s := range []string{`{"data":[{"TaskID":"a"}],"code":200}`, `{"data":{"x":["a",1,null]}}`, `{"data":null}`, `{"code":"401"}`, `<`,
		`{"data":{"a":[{"\u0054askID":"\u0061","ScheduleEndTime":"0001-01-01T00:00:00Z"}],"b":[[]]}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		envelope, err := readEnvelope(listEndpoint, strings.NewReader(string(raw)), maxList)
		if err == nil && !json.Valid(raw) {
			t.Fatal("accepted what is not JSON")
		}
		p := page{envelope: envelope}
		err = p.findEntries(newTotals([]string{"total"}))
		if p.null && (err != nil || len(p.arrays) > 0) {
			t.Fatalf("null with %d arrays and %v", len(p.arrays), err)
		}
		all := newListing(time.UTC)
		for _, array := range p.arrays {
			for it := jsonrows.ElementsOf(array); it.Next(); {
				all.add(it.Value)
			}
		}
		all.hear(p, newTotals([]string{"total"}), true, "")
		if all.said.Total < 0 || len(all.said.More) > 32 {
			t.Fatalf("said %+v", all.said)
		}
		seen := map[string]bool{}
		for _, l := range all.tasks {
			if seen[l.TaskID] || !saneTaskID(l.TaskID) {
				t.Fatalf("task %q: seen %v", l.TaskID, seen[l.TaskID])
			}
			seen[l.TaskID] = true
		}
	})
}

// A list that orders its fields anew with each answer shows no change by that.
func TestFingerprintIsOfTheFields(t *testing.T) {
	print := func(entry string) uint64 {
		t.Helper()
		e, ok := readEntry(jsonrows.Keep([]byte(entry)), time.UTC)
		if !ok || e.Fingerprint == 0 {
			t.Fatalf("%s: read %t, fingerprint %d", entry, ok, e.Fingerprint)
		}
		return e.Fingerprint
	}
	first := print(`{"TaskID":"t1","Status":"calling","a":1,"b":2}`)
	if got := print(`{"b":2,"Status":"calling","a":1,"TaskID":"t1"}`); got != first {
		t.Error("another order of the fields is taken for a change")
	}
	for _, changed := range []string{
		`{"TaskID":"t1","Status":"finished","a":1,"b":2}`, `{"TaskID":"t1","Status":"calling","a":2,"b":1}`,
		`{"TaskID":"t1","Status":"calling","a":1}`, `{"TaskID":"t1","Status":"calling","a":1,"c":2}`,
	} {
		if print(changed) == first {
			t.Errorf("%s: no change is seen", changed)
		}
	}
}
