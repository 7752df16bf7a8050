package exporter

import (
	"fmt"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/notice"
)

// The causes of notices: what an answer says that there is beyond what was taken, or
// what gives no event. Their names are the metric's labels and never change.
const (
	causeStatusUnknown = "row_status_unknown"
	causeStatusMissing = "row_status_missing"
	causeDetailTotal   = "detail_total"
)

// causes has each with the observations in a row that it takes.
var causes = []notice.Cause{
	{Name: causeStatusUnknown, After: 2},
	{Name: causeStatusMissing, After: 2},
	{Name: causeDetailTotal, After: 2},
}

// taskSubject is how notices name a task.
func taskSubject(taskID string) string { return "task " + taskID }

// ofListing is what a complete listing shows that the operator should know.
func (c Config) ofListing(call.Listing) (seen []notice.Sighting) { return seen }

// ofReading is what a complete reading of a task shows that the operator should know.
func (c Config) ofReading(r call.Reading) (seen []notice.Sighting) {
	if n := r.Counts.NoStatus; n > 0 {
		seen = append(seen, notice.Sighting{
			Cause: causeStatusMissing,
			Text:  fmt.Sprintf("%d of %d rows have no Status, so that nothing of them is published", n, r.Counts.Rows),
			Cure:  "AIRudder may have renamed or dropped the field: compare a detail answer with the documentation",
		})
	}
	return seen
}
