package call_test

import (
	"strings"
	"testing"

	"airudder-exporter/internal/call"
)

func TestTaskStatuses(t *testing.T) {
	for _, tt := range []struct {
		status             string
		folded             string
		terminal, underway bool
	}{
		{call.Created, call.Created, false, false},
		{call.Pending, call.Pending, false, false},
		{call.Calling, call.Calling, false, true},
		{call.Paused, call.Paused, false, true},
		{call.Finished, call.Finished, true, false},
		{call.Canceled, call.Canceled, true, false},
		{call.Cancelled, call.Canceled, true, false},
		{"", "", false, false},
		{"Finished", call.Finished, true, false},
		{" FINISHED\n", call.Finished, true, false},
		{"CANCELLED", call.Canceled, true, false},
		{"\u00a0Paused\u00a0", call.Paused, false, true},
		{"complete", "complete", false, false},
		{"fin ished", "fin ished", false, false},
	} {
		if got := call.Fold(tt.status); got != tt.folded {
			t.Errorf("Fold(%q): got %q, want %q", tt.status, got, tt.folded)
		}
		if got := (call.Task{Status: call.Some(tt.status)}).Terminal(); got != tt.terminal {
			t.Errorf("%q is terminal: got %v, want %v", tt.status, got, tt.terminal)
		}
		if got := call.Underway(tt.status); got != tt.underway {
			t.Errorf("%q is under way: got %v, want %v", tt.status, got, tt.underway)
		}
	}
	if (call.Task{}).Terminal() {
		t.Error("a task without a status is terminal")
	}
}

func TestRowStatuses(t *testing.T) {
	words := call.Words{
		"answered": call.MeansFinished, "blacklisted": call.MeansCancelled, "3": call.MeansFinished, "завершён": call.MeansFinished,
		call.Calling: call.MeansFinished, // which no words can make of it
	}
	long := strings.Repeat("x", 1000)
	for status, want := range map[string]call.Meaning{
		"finished": call.MeansFinished, "FINISHED": call.MeansFinished, "\tFinished ": call.MeansFinished,
		"canceled": call.MeansCancelled, "Cancelled": call.MeansCancelled,
		"created": call.MeansOpen, "Pending": call.MeansOpen, "calling": call.MeansOpen, "PAUSED": call.MeansOpen,
		"answered": call.MeansFinished, " ANSWERED": call.MeansFinished, "BlackListed": call.MeansCancelled, "3": call.MeansFinished,
		"Завершён ": call.MeansFinished,
		"":          call.MeansNothing, "  ": call.MeansNothing, "complete": call.MeansNothing, "finished!": call.MeansNothing,
		"\u212aalling": call.MeansNothing, long: call.MeansNothing, "\xff": call.MeansNothing,
	} {
		if got := words.Meaning([]byte(status)); got != want {
			t.Errorf("%q: got %v, want %v", status, got, want)
		}
	}
	if got := call.MeaningOf("answered"); got != call.MeansNothing {
		t.Errorf("answered means %v without words", got)
	}
}

func TestMeaningAllocatesNothing(t *testing.T) {
	words := call.Words{"answered": call.MeansFinished}
	for _, status := range []string{"finished", "Finished", " calling", "Answered", "complete", strings.Repeat("x", 60)} {
		raw := []byte(status)
		if n := testing.AllocsPerRun(100, func() { words.Meaning(raw) }); n > 0 {
			t.Errorf("%q: %v allocations", status, n)
		}
	}
}
