package soaktest

import (
	"airudder-exporter/internal/batch"
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A checker that finds nothing wrong has to be able to.
func TestCheckerSees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := soak(t, *seed, time.Hour)
		log := w.broker.Log()
		if problems, _ := check(w, log); len(problems) > 0 {
			t.Fatalf("wrong before anything was damaged: %s", problems[0])
		}
		first := func(topic, keyPrefix string) int {
			return slices.IndexFunc(log, func(r batch.Record) bool {
				return r.Topic == topic && bytes.HasPrefix(r.Key, []byte(keyPrefix)) && r.Value != nil
			})
		}
		for name, damage := range map[string]func([]batch.Record) []batch.Record{
			"an event twice": func(l []batch.Record) []batch.Record {
				at := first(eventTopic, "")
				return slices.Insert(l, at, l[at])
			},
			"an event less": func(l []batch.Record) []batch.Record {
				at := first(eventTopic, "")
				return slices.Delete(l, at, at+1)
			},
			"an event and its entry less": func(l []batch.Record) []batch.Record {
				at := first(eventTopic, "")
				return slices.Delete(l, at, at+2)
			},
			"an entry less": func(l []batch.Record) []batch.Record {
				at := first(ledgerTopic, "call/")
				return slices.Delete(l, at, at+1)
			},
			"a change less": func(l []batch.Record) []batch.Record {
				at := first(statusTopic, "")
				return slices.Delete(l, at, at+1)
			},
			"an early tombstone": func(l []batch.Record) []batch.Record {
				at := first(ledgerTopic, "call/")
				return slices.Insert(l, at+1, batch.Record{Topic: ledgerTopic, Key: l[at].Key})
			},
		} {
			if problems, _ := check(w, damage(slices.Clone(log))); len(problems) == 0 {
				t.Errorf("%s: not seen", name)
			}
		}
	})
}
