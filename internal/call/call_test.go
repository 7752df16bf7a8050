package call_test

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/call"
)

func TestComplete(t *testing.T) {
	for _, tt := range []struct {
		name string
		row  call.Row
		want bool
	}{
		{"finished with a CallID", call.Row{Status: call.Finished, CallID: "c"}, true},
		{"finished without a CallID", call.Row{Status: call.Finished}, false},
		{"cancelled", call.Row{Status: call.Cancelled, CallID: "c"}, false},
		{"canceled", call.Row{Status: call.Canceled, CallID: "c"}, false},
		{"calling", call.Row{Status: call.Calling, CallID: "c"}, false},
		{"pending", call.Row{Status: call.Pending}, false},
		{"no status", call.Row{CallID: "c"}, false},
		{"another case", call.Row{Status: "FINISHED", CallID: "c"}, true},
		{"a word of the settings", call.Row{Status: "answered", CallID: "c", Means: call.MeansFinished}, true},
		{"another one", call.Row{Status: "blacklisted", CallID: "c", Means: call.MeansCancelled}, false},
		{"a documented one, whatever the settings say", call.Row{Status: "calling", CallID: "c", Means: call.MeansFinished}, false},
		{"an unknown one", call.Row{Status: "complete", CallID: "c"}, false},
	} {
		if got := tt.row.Complete(); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestDuration(t *testing.T) {
	start := time.Date(2023, 10, 19, 6, 13, 17, 0, time.UTC)
	for _, tt := range []struct {
		name       string
		start, end time.Time
		want       time.Duration
		ok         bool
	}{
		{"a call", start, start.Add(42 * time.Second), 42 * time.Second, true},
		{"no length", start, start, 0, true},
		{"across zones", start, start.Add(time.Minute).In(time.FixedZone("", 8*3600)), time.Minute, true},
		{"no start", time.Time{}, start, 0, false},
		{"no end", start, time.Time{}, 0, false},
		{"neither", time.Time{}, time.Time{}, 0, false},
		{"end before start", start, start.Add(-time.Second), 0, false},
	} {
		got, ok := call.Row{CallStart: tt.start, CallEnd: tt.end}.Duration()
		if got != tt.want || ok != tt.ok {
			t.Errorf("%s: got %v, %v; want %v, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

func TestOpt(t *testing.T) {
	var unset call.Opt[string]
	if unset.Set {
		t.Error("the zero Opt is set")
	}
	if some := call.Some(""); !some.Set || some == unset {
		t.Error("an empty string is the same as none")
	}
}

func TestCountsOpen(t *testing.T) {
	if got := (call.Counts{Rows: 10, Finished: 6, Cancelled: 3}).Open(); got != 1 {
		t.Errorf("got %d open rows, want 1", got)
	}
}

func TestNewReject(t *testing.T) {
	for _, size := range []int{0, 1, call.MaxRaw - 1, call.MaxRaw, call.MaxRaw + 1, 3 * call.MaxRaw} {
		raw := []byte(strings.Repeat("x", size))
		got := call.NewReject(call.TooLarge, raw)
		if got.Reason != call.TooLarge || got.RawSize != int64(size) || got.RawSHA256 != sha256.Sum256(raw) {
			t.Errorf("%d bytes: got reason %s, size %d, sum %x", size, got.Reason, got.RawSize, got.RawSHA256)
		}
		if want := raw[:min(size, call.MaxRaw)]; !bytes.Equal(got.Raw, want) {
			t.Errorf("%d bytes: kept %d of them, want %d", size, len(got.Raw), len(want))
		}
		if size > 0 {
			if raw[0] = 'y'; got.Raw[0] != 'x' {
				t.Errorf("%d bytes: the reject shares the caller's bytes", size)
			}
		}
	}
}
