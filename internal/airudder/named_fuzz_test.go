package airudder

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzTaskIDsFile: each line of the file of named tasks is a task that can be
// one, nothing, or counted; a line that cannot be read takes no other with it.
func FuzzTaskIDsFile(f *testing.F) {
	for _, s := range []string{"", "a\nb\n", "a\r\nb # the second\r\n\r\n#\n", "\ufeffa", "a b\nc", strings.Repeat("x", 70_000) + "\ny", "a\x00\n\xff\nb", "a\na"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		insane := 0
		n := newNamed(Config{TaskIDs: []string{"fixed"}}, slog.New(slog.DiscardHandler), func() { insane++ })
		n.keep(n.parse(raw))
		want, odd := []string{"fixed"}, 0
		for line := range strings.SplitSeq(strings.TrimPrefix(string(raw), "\ufeff"), "\n") {
			id, _, _ := strings.Cut(line, "#")
			switch id = strings.TrimSpace(id); {
			case id == "":
			case !saneTaskID(id):
				odd++
			case !slices.Contains(want, id):
				want = append(want, id)
			}
		}
		if got, err := n.look(); err != nil || !slices.Equal(got, want) || insane != odd {
			t.Fatalf("got %q, %v and %d that can be no task, want %q and %d", got, err, insane, want, odd)
		}
	})
}

// FuzzRetryAfter: whatever a server asks for, it is waited for no longer than
// maxPause and never less than not at all.
func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, s := range []string{"", "0", "1", "-1", "120", "1e3", " 5", "99999999999999999999", "2147483648", "9223372036854775807",
		now.Add(time.Hour).Format(http.TimeFormat), now.Add(-time.Hour).Format(http.TimeFormat),
		"Fri, 31 Dec 9999 23:59:59 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got := retryAfter(http.Header{"Retry-After": {value}}, now)
		if got < 0 || got > maxPause {
			t.Fatalf("%q: got %s, want 0 to %s", value, got, maxPause)
		}
		if digits := strings.Trim(value, "0123456789") == ""; digits && len(value) > 0 && len(value) < 9 && strings.Trim(value, "0") != "" && got < time.Second {
			t.Fatalf("%q: got %s, want a second or more", value, got)
		}
	})
}
