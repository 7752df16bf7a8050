package notice_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"airudder-exporter/internal/notice"
)

func gauge(t *testing.T, reg *prometheus.Registry, want string) {
	t.Helper()
	head := "# HELP airudder_notice 1 while events flow, but something needs the operator, by cause; else 0.\n" +
		"# TYPE airudder_notice gauge\n"
	if err := testutil.GatherAndCompare(reg, strings.NewReader(head+want), "airudder_notice"); err != nil {
		t.Error(err)
	}
}

func TestBoard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		b := notice.New(reg,
			notice.Cause{Name: "twice", After: 2}, notice.Cause{Name: "once", After: 1})
		gauge(t, reg, "airudder_notice{cause=\"once\"} 0\nairudder_notice{cause=\"twice\"} 0\n")
		twice := notice.Sighting{Cause: "twice", Text: "it is odd", Cure: "mend it"}

		b.Observe("b", twice)
		b.Observe("b")
		b.Observe("b", twice)
		b.Observe("a", twice)
		if got := b.Notices(); len(got) != 0 {
			t.Fatalf("before two observations in a row: got %+v", got)
		}
		began := time.Now()
		b.Observe("b", twice)
		time.Sleep(time.Minute)
		b.Observe("a", twice, notice.Sighting{Cause: "once", Text: "another"})
		got := b.Notices()
		want := notice.Notice{Cause: "twice", Since: began, Subjects: 2, Example: "a", Text: "it is odd", Cure: "mend it"}
		if len(got) != 2 || got[0].Cause != "once" || got[1] != want {
			t.Fatalf("got %+v, want once and %+v", got, want)
		}
		gauge(t, reg, "airudder_notice{cause=\"once\"} 1\nairudder_notice{cause=\"twice\"} 1\n")

		b.Observe("a")
		if got := b.Notices(); len(got) != 1 || got[0].Subjects != 1 || got[0].Example != "b" {
			t.Errorf("after one subject recovered: got %+v", got)
		}
		b.Forget(func(subject string) bool { return subject == "b" })
		if got := b.Notices(); len(got) != 0 {
			t.Errorf("after all have recovered: got %+v", got)
		}
		gauge(t, reg, "airudder_notice{cause=\"once\"} 0\nairudder_notice{cause=\"twice\"} 0\n")
		if b.Left("once") || !b.Left("twice") {
			t.Error("of the two, twice is what this process no longer observes")
		}
	})
}
