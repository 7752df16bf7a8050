package exporter

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/call"
)

// A list that is not whole is told with its numbers and the setting; a whole one shows
// nothing.
func TestOfListing(t *testing.T) {
	cfg := Config{SettingName: func(field string) string { return "THE_" + field }}
	for name, tt := range map[string]struct {
		listing call.Listing
		cause   string
		says    []string
	}{
		"total":      {call.Listing{Entries: 20, Total: 35, TotalName: "total"}, "list_total", []string{"35", "total", "20", "THE_ListRequest", "THE_TotalFields"}},
		"more":       {call.Listing{Entries: 20, More: "has_more"}, "list_more", []string{"has_more", "THE_ListRequest"}},
		"next":       {call.Listing{Entries: 20, More: "nextToken"}, "list_more", []string{"nextToken", "{cursor:data.nextToken}", "THE_ListRequest"}},
		"nameless":   {call.Listing{Entries: 20, Nameless: 7}, "list_nameless", []string{"7 of the task list's 20 entries", "THE_TaskIDs"}},
		"page again": {call.Listing{Entries: 20, Repeated: 20}, "list_repeats_page", []string{"20", "THE_ListRequest"}},
		"pushed out": {call.Listing{Entries: 20, Pushes: 3}, "list_pushes_out", []string{"20", "THE_ListRequest"}},
		"pages":      {call.Listing{Entries: 2000, Pages: 1000}, "list_pages", []string{"1000", "THE_ListRequest"}},
		"whole":      {call.Listing{Entries: 35, Total: 35, TotalName: "total", Pushes: 2}, "", nil},
		"empty":      {call.Listing{}, "", nil},
	} {
		seen := cfg.OfListing(tt.listing)
		if tt.cause == "" {
			if len(seen) > 0 {
				t.Errorf("%s: got %+v", name, seen)
			}
			continue
		}
		if len(seen) != 1 || seen[0].Cause != tt.cause {
			t.Errorf("%s: got %+v, want %s", name, seen, tt.cause)
			continue
		}
		for _, word := range tt.says {
			if !strings.Contains(seen[0].Text+seen[0].Cure, word) {
				t.Errorf("%s: %q is not in %+v", name, word, seen[0])
			}
		}
	}
}

func TestOfBudget(t *testing.T) {
	cfg := Config{SettingName: func(field string) string { return "THE_" + field }}
	for slowed, want := range []int{0, 0, 1, 1} { // a single 429 is nothing
		seen := cfg.ofBudget(call.Listing{Speed: 0.25, Slowed: slowed})
		if len(seen) != want {
			t.Errorf("slowed %d times: got %+v", slowed, seen)
		}
		if len(seen) > 0 && (!strings.Contains(seen[0].Text, "25%") || !strings.Contains(seen[0].Cure, "THE_RequestsPerSecond")) {
			t.Errorf("got %+v", seen[0])
		}
	}
}

// A single listing that fails between good ones costs no line: those of minutes do.
func TestListThatFailsIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(t)
		w := start(t, testConfig(), source, newFakeKafka())
		fails := func(why string) {
			source.change(func() { source.listErr = errors.New(why) })
			for w.Totals().List.Error == "" {
				time.Sleep(100 * time.Millisecond)
			}
		}
		lines := func(when string, want int) {
			t.Helper()
			if got := w.logs("task list can") - w.logs("task list can", " for="); got != want {
				t.Errorf("%s: %d lines, want %d:\n%s", when, got, want, w.log)
			}
		}
		for range 3 {
			time.Sleep(3 * time.Minute)
			fails("for a moment")
			source.change(func() { source.listErr = nil })
		}
		time.Sleep(3 * time.Minute)
		lines("after single failures", 0)
		fails("for long")
		time.Sleep(10 * time.Minute)
		lines("after many in a row", 1)
		source.change(func() { source.listErr = nil })
		time.Sleep(3 * time.Minute)
		lines("once it can be read again", 2)
		w.stop()
	})
}
