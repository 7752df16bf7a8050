package airudder

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

// What stands for a CallID and is none: the row is no event, and the dead letter says
// why, without a CallID under which others would be taken for it.
func TestCallIDsThatAreNone(t *testing.T) {
	for id, want := range map[string]string{
		`"0"`: "a placeholder", `"000"`: "a placeholder", `"-"`: "a placeholder", `"--"`: "a placeholder", `" "`: "a placeholder",
		`" -\t0 "`: "a placeholder", `0`: "a placeholder", `-0`: "a placeholder", `"0000-0000"`: "a placeholder",
		`""`: "is empty", `null`: "is null", `true`: "neither a string nor a number",
		`"` + strings.Repeat("a", maxCallID+1) + `"`: "longer than 1024 bytes",
		`"\ud800"`: "half of a surrogate pair", `"a\udc00b"`: "half of a surrogate pair", `"a\ufffd"`: "half of a surrogate pair", "\"\uFFFD\"": "half of a surrogate pair",
		`"a"`: "", `"0a"`: "", `"00000000000000000000000000000001"`: "", `7`: "", `1e3`: "", `"\ud83d\ude00"`: "", `"--1"`: "",
	} {
		judged := true
		got := readBytes(testMetrics(), strings.NewReader(detailBody(`{"id":4,"CallID":`+id+`,"Status":"finished"}`)), func(callID []byte, hash uint64) call.Verdict {
			judged = judged && (len(callID) > 0) == (want == "") && hash != 0
			return call.RowNew
		})
		if got.err != nil || !judged || len(rowsOf(got.parts))+len(got.reading.Rejects) != 1 || got.reading.Counts.Finished != 1 {
			t.Errorf("%s: got %d rows, %d rejects, %+v and %v", id, len(rowsOf(got.parts)), len(got.reading.Rejects), got.reading.Counts, got.err)
			continue
		}
		said, reason := "", call.NoCallID
		if strings.Contains(want, "surrogate") {
			reason = call.InvalidUTF8
		}
		for _, j := range got.reading.Rejects {
			if said = j.Detail; j.Reason != reason || j.CallID != "" || j.RowID != call.Some[int64](4) {
				t.Errorf("%s: got %s with the CallID %q and row %v, want %s", id, j.Reason, j.CallID, j.RowID, reason)
			}
		}
		if !strings.Contains(said, want) || (said == "") != (want == "") {
			t.Errorf("%s: said %q, want %q", id, said, want)
		}
	}
}

// Rows of different ids that show one CallID are counted, known ones too.
func TestSharedCallIDs(t *testing.T) {
	row := func(id, callID string) string {
		return `{"id":` + id + `,"CallID":` + callID + `,"Status":"finished"}`
	}
	for _, tt := range []struct {
		name string
		rows []string
		want int64
	}{
		{"none", []string{row("1", `"a"`), row("2", `"b"`)}, 0},
		{"one", []string{row("1", `"a"`), row("2", `"a"`), row("3", `"b"`)}, 1},
		{"three of one, two of another", []string{row("1", `"a"`), row("2", `"a"`), row("3", `"b"`), row("4", `"a"`), row("5", `"b"`)}, 3},
		{"a row twice", []string{row("1", `"a"`), row("1", `"a"`)}, 0},
		{"without an id", []string{row("1", `"a"`), row("null", `"a"`), `{"CallID":"a","Status":"finished"}`}, 0},
		{"placeholders", []string{row("1", `"0"`), row("2", `"0"`), row("3", `""`), row("4", `""`)}, 0},
		{"not finished", []string{row("1", `"a"`), `{"id":2,"CallID":"a","Status":"calling"}`}, 0},
		{"in two spellings", []string{row("1", `"7"`), row("2", `7`), row("3", `"\u0037"`)}, 2},
	} {
		for _, known := range []call.Judge{none, knows(func([]byte, uint64) bool { return true })} {
			got := readBytes(testMetrics(), strings.NewReader(detailBody(tt.rows...)), known)
			if got.err != nil || got.reading.SharedIDs != tt.want {
				t.Errorf("%s: got %d and %v, want %d", tt.name, got.reading.SharedIDs, got.err, tt.want)
			}
		}
	}
}

// Against a map, up to where the table is full, and past it.
func TestSharedIDsAgainstAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var s sharedIDs
	rows, want := map[string]string{}, int64(0)
	for i := range 3 * maxSharing / 2 {
		callID, row := fmt.Sprint("call ", rng.IntN(maxSharing)), fmt.Sprint(i)
		switch first, seen := rows[callID]; {
		case seen && first != row:
			want++
		case !seen && len(rows) < maxSharing/2:
			rows[callID] = row
		}
		s.note([]byte(callID), []byte(row))
	}
	if s.rows != want || len(s.table) != maxSharing || s.held != maxSharing/2 {
		t.Errorf("got %d, want %d; the table has %d places for %d calls", s.rows, want, len(s.table), s.held)
	}
}

// An entry whose TaskID lost a character is one without a TaskID.
func TestListedTaskIDsThatAreNone(t *testing.T) {
	for entry, want := range map[string]bool{
		`{"TaskID":"a"}`: true, `{"TaskID":"\ud83d\ude00"}`: true,
		`{"TaskID":"\ud800"}`: false, `{"TaskID":"a\udc00"}`: false, `"a\ud800"`: false, `{"TaskID":"a\ufffd"}`: false,
	} {
		if got, ok := readEntry(jsonrows.Keep([]byte(entry)), time.UTC); ok != want {
			t.Errorf("%s: got %q and %v, want %v", entry, got.TaskID, ok, want)
		}
	}
}

// A byte order mark before the JSON is passed over, in answers of every kind.
func TestByteOrderMark(t *testing.T) {
	const mark = "\uFEFF"
	for name, text := range map[string]string{
		"none": "", "one": mark, "one behind a blank": " " + mark, "two": mark + mark,
	} {
		good := name == "none" || name == "one"
		c := newClient(t, testConfig(newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "list") {
				io.WriteString(w, text+`{"data":[{"TaskID":"t1"}],"code":200}`)
				return
			}
			io.WriteString(w, text+detailBody(finished("a")))
		}).URL))
		_, _, err := collect(t, c, "t1", none)
		if (err == nil) != good {
			t.Errorf("%s, a detail: got %v", name, err)
		}
		if !good {
			continue // a list is asked for again and again
		}
		if got, err := c.List(t.Context(), time.Time{}); err != nil || len(got.Tasks) != 1 {
			t.Errorf("%s, the list: got %d tasks and %v", name, len(got.Tasks), err)
		}
	}
}

func TestUnmarked(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a": "a", "ab": "ab", "\uFEFF": "", "\uFEFFa": "a", "\xef\xbb": "\xef\xbb", "\xef\xbbx": "\xef\xbbx",
		strings.Repeat("x", 100): strings.Repeat("x", 100), "\uFEFF" + strings.Repeat("x", 100): strings.Repeat("x", 100),
	} {
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text))} {
			if got, err := io.ReadAll(newUnmarked(r)); err != nil || string(got) != want {
				t.Errorf("%q: got %q and %v, want %q", text, got, err, want)
			}
		}
	}
}
