package prooftest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// faultTally is what came of the rows of a fault table, by request and way.
type faultTally map[string]*faultCount

type faultCount struct {
	rows, hits, recovered int
	longest               time.Duration // from the last hit to going on
}

func (t faultTally) book(key string, hits int, took time.Duration) {
	line := t[key]
	if line == nil {
		line = &faultCount{}
		t[key] = line
	}
	line.rows++
	line.hits += hits
	line.recovered++ // else the test had ended
	line.longest = max(line.longest, took)
}

// report shows a table, and how many calls the checker found doubled or lost at
// its end.
func (t faultTally) report(tb testing.TB, name string, doubled, lost int) {
	tb.Helper()
	line := func(name string, l faultCount) string {
		return fmt.Sprintf("%-72s %5d %5d %9d %8s", name, l.rows, l.hits, l.recovered, l.longest.Round(time.Millisecond))
	}
	var sum faultCount
	lines := []string{fmt.Sprintf("%-72s %5s %5s %9s %8s", "fault", "rows", "hits", "recovered", "longest")}
	for _, key := range slices.Sorted(maps.Keys(t)) {
		one := *t[key]
		lines = append(lines, line(key, one))
		sum.rows += one.rows
		sum.hits += one.hits
		sum.recovered += one.recovered
		sum.longest = max(sum.longest, one.longest)
	}
	lines = append(lines, fmt.Sprintf("fault table, %s: rows %d · hits %d · recovered %d · longest %s · duplicates %d · losses %d",
		name, sum.rows, sum.hits, sum.recovered, sum.longest.Round(time.Millisecond), doubled, lost))
	tb.Log("\n" + strings.Join(lines, "\n"))
}
