package exporter

import (
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/call"
)

// What the list itself shows that the exporter does not export is told.
func TestListShowsMoreThanIsExported(t *testing.T) {
	for _, tt := range []struct {
		name, cause string
		odd, plain  func(*fakeSource)
	}{
		{"an empty list", causeListEmpty,
			func(s *fakeSource) { s.empty = true }, func(s *fakeSource) { s.empty = false }},
		{"an old task in a word that nobody knows", causePassedOver,
			func(s *fakeSource) { s.tasks["old"].task.Status = call.Some("3") }, func(s *fakeSource) { s.tasks["old"].task.Status = call.Some("finished") }},
		{"a closed task that is calling", causeClosedCalling,
			func(s *fakeSource) { s.tasks["closed"].task.Status = call.Some("Calling") }, func(s *fakeSource) { s.tasks["closed"].task.Status = call.Some("finished") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, kafka := newFakeSource(t), newFakeKafka()
				source.set("closed", call.Finished, 1, 0)
				source.set("calling", call.Calling, 1, 1)
				source.set("old", call.Finished, 1, 0)
				source.tasks["old"].task.ScheduleEnd = time.Now().Add(-1000 * time.Hour)
				w := start(t, quick(), source, kafka)
				time.Sleep(6 * time.Hour)
				for _, cause := range []string{causeListEmpty, causePassedOver, causeClosedCalling} {
					w.wantMetrics("notice cause=" + cause + " 0")
				}
				source.change(func() { tt.odd(source) })
				time.Sleep(2*quick().ListInterval - time.Minute)
				w.wantMetrics("notice cause=" + tt.cause + " 0") // a list needs three
				time.Sleep(2 * quick().ListInterval)
				w.wantMetrics("notice cause=" + tt.cause + " 1")
				source.change(func() { tt.plain(source) })
				time.Sleep(quick().ListInterval + time.Minute)
				w.wantMetrics("notice cause=" + tt.cause + " 0")
				w.stop()
			})
		})
	}
}
