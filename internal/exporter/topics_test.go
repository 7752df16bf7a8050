package exporter

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"airudder-exporter/internal/call"
)

// A topic that was given more partitions is told of until a producer uses them; what
// breaks the promise is told of until it is set right.
func TestTopicsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, kafka := newFakeSource(t), newFakeKafka()
		source.set("a", call.Calling, 3, 3)
		w := start(t, testConfig(), source, kafka)
		time.Sleep(time.Minute)
		seen := func(change func(events, ledger *TopicStatus)) Snapshot {
			events := TopicStatus{Name: "events", Partitions: 1, Replicas: 3, CleanupPolicy: "delete", RetentionMS: 1}
			ledger := TopicStatus{Name: ledgerTopic, Partitions: 1, Replicas: 3, CleanupPolicy: "compact"}
			change(&events, &ledger)
			w.TopicsSeen([]TopicStatus{events, ledger})
			return w.Totals()
		}
		notice := func(s Snapshot) string {
			if len(s.Notices) != 1 {
				t.Fatalf("got %d notices, want one: %+v", len(s.Notices), s.Notices)
			}
			n := s.Notices[0]
			return n.Cause + ", " + n.Example + ": " + n.Text + ". " + n.Cure
		}
		s := seen(func(_, _ *TopicStatus) {})
		if len(s.Notices) > 0 || len(s.Topics) != 2 || s.Topics[0].Used != 1 || s.Topics[1].Used != 1 || !s.TopicsAt.Equal(time.Now()) {
			t.Errorf("sound topics show %+v at %s, and %+v", s.Topics, s.TopicsAt, s.Notices)
		}
		s = seen(func(events, ledger *TopicStatus) { events.Partitions, ledger.Partitions = 8, 3 })
		if got := notice(s); !strings.HasPrefix(got, "topic_grown, topic events: topic events has 8 partitions, but records still go to the 1 ") {
			t.Errorf("got %q", got)
		}
		if s.Topics[1].Used != 1 || !s.Ready {
			t.Errorf("a ledger with partitions that are not its shards shows %+v; ready is %v: %s", s.Topics[1], s.Ready, s.Why)
		}
		s = seen(func(_, ledger *TopicStatus) {
			ledger.Odd = []TopicSetting{
				{Setting: "min.insync.replicas", Got: "1", Want: "2 or more", Why: "brokers fail"},
				{Setting: "cleanup.policy", Got: "delete", Want: "compact", Why: "entries are forgotten", Breaks: true},
			}
		})
		want := "topic_settings, topic ledger: the exporter continues, but could not start again: topic ledger: " +
			"cleanup.policy is delete, should be compact: entries are forgotten. set it right before the brokers act on it: " +
			"kafka-configs.sh --alter --entity-type topics --entity-name ledger --add-config cleanup.policy=compact"
		if got := notice(s); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		if got := notice(seen(func(events, _ *TopicStatus) { *events = TopicStatus{Name: "events"} })); !strings.Contains(got, "topic events is missing. create it again") {
			t.Errorf("got %q", got)
		}
		if got := notice(seen(func(_, ledger *TopicStatus) { ledger.Partitions = 0 })); !strings.Contains(got, "the ledger, is missing. bring it back") {
			t.Errorf("got %q", got)
		}
		if s := seen(func(_, _ *TopicStatus) {}); len(s.Notices) > 0 {
			t.Errorf("set right again: %+v", s.Notices)
		}
		w.stop()
	})
}
