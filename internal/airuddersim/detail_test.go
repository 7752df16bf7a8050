package airuddersim

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden is a task with a row of every kind.
func golden() (*Sim, string) {
	s := New(Config{Seed: 20, Start: start})
	id := s.AddTask(TaskSpec{Status: Calling, ScheduleEnd: start.Add(3 * time.Hour), Rows: []RowSpec{
		{Status: Finished},
		{Status: Finished, Attempts: 3},
		{Status: Pending},
		{Status: Pending, Attempts: 1},
		{Status: Calling},
		{Status: Cancelled},
		{Status: Cancelled, Attempts: 1},
	}})
	return s, id
}

func TestDetailGolden(t *testing.T) {
	s, id := golden()
	r := serveSim(t, s).detail(id)
	parse(t, r)
	path := filepath.Join("testdata", "detail.json")
	if *update {
		if err := os.WriteFile(path, r.body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(r.body, want) {
		t.Errorf("the detail differs from %s:\n%s", path, r.body)
	}
}

// documented are a row's fields in the order of the documented sample.
var documented = strings.Fields(`id RobotID CalleeName CalleeGender CalleeNumber CallStartTime CallEndTime Status Intention
	intention_description CallID CallTimes Comments PlatformName RingType HangupType ExtraA ExtraB ExtraC AsrResult EventLabel
	RingTime TalkRound RedailCall NerSlots call_notes caller_number`)

func TestFieldsAreThoseOfTheDocumentedSample(t *testing.T) {
	s, id := golden()
	for i := range s.byID[id].Rows {
		var names []string
		for _, f := range s.rowFields(s.byID[id], i) {
			names = append(names, f.name)
			if !json.Valid(f.raw) {
				t.Errorf("row %d: %s is no JSON: %s", i, f.name, f.raw)
			}
		}
		if !slices.Equal(names, documented) {
			t.Errorf("row %d has the fields %v, want %v", i, names, documented)
		}
	}
}

func TestRowsByTheirStatus(t *testing.T) {
	s, id := golden()
	rows := parse(t, serveSim(t, s).detail(id)).Data.Detail
	isTime := func(text *string) bool {
		if text == nil {
			return false
		}
		at, err := time.Parse(time.RFC3339, *text)
		return err == nil && at.Year() > 1
	}
	for i, want := range []struct {
		status               string
		call, begin, end     bool
		times, redials, asrs int
	}{
		{Finished, true, true, true, 1, 0, 1},
		{Finished, true, true, true, 3, 2, 1},
		{Pending, false, false, false, 0, 0, 0},
		{Pending, true, true, true, 1, 0, 0},
		{Calling, true, true, false, 1, 0, 0},
		{Cancelled, false, false, false, 0, 0, 0},
		{Cancelled, true, false, false, 1, 0, 0},
	} {
		row := rows[i]
		if row.Status != want.status || (row.CallID != "") != want.call || isTime(row.CallStartTime) != want.begin ||
			isTime(row.CallEndTime) != want.end || row.CallTimes != want.times || len(row.RedailCall) != want.redials ||
			min(1, len(row.AsrResult)) != want.asrs {
			t.Errorf("row %d: got %+v, want %+v", i, row, want)
		}
	}
	for _, earlier := range rows[1].RedailCall {
		at, err := time.Parse(time.DateTime, earlier.CallStartTime)
		if err != nil || !at.Add(-8*time.Hour).Before(start) || at.Before(start) {
			t.Errorf("a redial began at %q, want a zone-less time at +08:00 before %v", earlier.CallStartTime, start)
		}
		if earlier.CallID == rows[1].CallID || earlier.CalleeNumber != rows[1].CalleeNumber {
			t.Errorf("redial %+v of row %+v", earlier, rows[1])
		}
	}
}

func TestContentIsConsistentAndFictitious(t *testing.T) {
	s := played(t, Config{Seed: 31, Tasks: 3, Rate: 20, RowsPerTask: 150})
	size, rows := 0, 0
	for _, task := range s.tasks {
		comments := map[string]bool{}
		labels := map[string]string{"F": "F", "": ""}
		for _, talk := range s.products[task.Product].talks {
			labels[talk.intention] = talk.events[len(talk.events)-1].value
		}
		b := s.detailBody(task, nil)
		for i, shown := range b.rows {
			var row wireRow
			if err := json.Unmarshal(shown.raw, &row); err != nil {
				t.Fatalf("row %d: %v", i, err)
			}
			size, rows = size+len(shown.raw), rows+1
			if !strings.HasPrefix(row.CalleeNumber, "+62000") || !strings.HasPrefix(row.CallerNumber, "+62000") {
				t.Errorf("row %d calls %s from %s: these may belong to somebody", i, row.CalleeNumber, row.CallerNumber)
			}
			if bytes.ContainsAny(shown.raw, "{}") && bytes.Contains(shown.raw, []byte("{name}")) {
				t.Errorf("row %d has a placeholder: %s", i, shown.raw)
			}
			if comments[row.Comments.(string)] {
				t.Errorf("two rows have the reference %v", row.Comments)
			}
			comments[row.Comments.(string)] = true
			want, known := labels[row.Intention]
			if got, _ := row.EventLabel["final_label"].(string); !known || got != want {
				t.Errorf("row %d: label %q of intention %q, want %q", i, got, row.Intention, want)
			}
		}
	}
	if mean := size / rows; mean < 1200 || mean > 1700 {
		t.Errorf("a row has %d bytes on average, want 1,200 to 1,700", mean)
	}
}

func TestDrift(t *testing.T) {
	s := New(Config{Seed: 20, Start: start, DriftAfter: time.Minute})
	id := s.AddTask(TaskSpec{Rows: FinishedRows(1)})
	c := serveSim(t, s)
	kinds := func() string {
		row := parse(t, c.detail(id)).Data.Detail[0]
		var out strings.Builder
		for _, v := range []any{row.Comments, row.RingTime, row.EventLabel["score"]} {
			switch v.(type) {
			case string:
				out.WriteString("string ")
			case float64:
				out.WriteString("number ")
			default:
				out.WriteString("none ")
			}
		}
		return out.String()
	}
	if got := kinds(); got != "string number none " {
		t.Errorf("before the drift: %s", got)
	}
	s.Advance(time.Minute)
	if got := kinds(); got != "number string number " {
		t.Errorf("after the drift: %s", got)
	}
	if body := string(c.detail(id).body); !strings.Contains(body, `"AgentScore":0.82`) || !strings.Contains(body, `"Region":"ID"`) {
		t.Error("after the drift there are no new fields")
	}
	s.SetDrift(false)
	if got := kinds(); got != "string number none " {
		t.Errorf("after the drift was taken back: %s", got)
	}
}

func TestGzip(t *testing.T) {
	s := New(Config{Start: start, Gzip: true})
	id := s.AddTask(TaskSpec{Rows: FinishedRows(10)})
	c := serveSim(t, s)
	usual := c.detail(id)
	if usual.header.Get("Content-Encoding") != "" {
		t.Error("compressed, though it was not accepted")
	}
	r := c.do("GET", "/service/cloud/detail?TaskID="+id, "", "Accept-Encoding", "gzip")
	zip, err := gzip.NewReader(bytes.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(zip)
	if err != nil || !bytes.Equal(body, usual.body) {
		t.Errorf("decompressed: %v, %d bytes, want %d", err, len(body), len(usual.body))
	}
	if len(r.body) > len(body)/2 {
		t.Errorf("%d bytes compressed of %d", len(r.body), len(body))
	}
}

// BenchmarkDetail serves a 50,000-row task, its rows rendered before.
func BenchmarkDetail(b *testing.B) {
	s := New(Config{Start: start})
	id := s.AddTask(TaskSpec{Status: Calling, Rows: FinishedRows(50_000)})
	task := s.byID[id]
	b.SetBytes(s.detailBody(task, nil).size())
	for b.Loop() {
		s.mu.Lock()
		body := s.detailBody(task, nil)
		s.mu.Unlock()
		n, err := body.writeTo(io.Discard, body.size())
		if err != nil {
			b.Fatal(err)
		}
		s.settle(body, n, true)
	}
}

// BenchmarkRender renders finished rows for the first time.
func BenchmarkRender(b *testing.B) {
	s := New(Config{Start: start})
	task := s.byID[s.AddTask(TaskSpec{Rows: FinishedRows(1000)})]
	for i := 0; b.Loop(); i++ {
		task.Rows[i%1000].shown = nil
		s.row(task, i%1000)
	}
}
