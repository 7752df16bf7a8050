package exporter

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/call"
)

// A change that the list shows of a sealed task while no exporter runs is seen
// by the next one; without a change the task is left alone.
func TestListedChangeWhileNoneRan(t *testing.T) {
	for _, changed := range []bool{false, true} {
		t.Run(fmt.Sprintf("changed %v", changed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, kafka := newFakeSource(t), newFakeKafka()
				source.set("a", call.Finished, 3, 1)
				w := start(t, testConfig(), source, kafka)
				time.Sleep(3 * time.Hour)
				w.stop()
				once(t, kafka, 2, "change/a/") // first sight and the seal
				reads := source.count("a")
				if changed {
					source.set("a", call.Finished, 4, 0)
					source.tasks["a"].print++
				}
				w = start(t, testConfig(), source, kafka)
				time.Sleep(2 * time.Minute)
				w.stop()
				if more := source.count("a") > reads; more != changed {
					t.Errorf("read again: %v", more)
				}
				if changed {
					once(t, kafka, 4, "call/a/")
				} else {
					once(t, kafka, 3, "call/a/")
				}
			})
		})
	}
}
