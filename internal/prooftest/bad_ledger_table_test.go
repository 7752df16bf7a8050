//go:build unix

package prooftest

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// misdeeds are what can happen to the ledger topic itself.
func misdeeds() []misdeed {
	lost := []string{"ledger refused", "meta entry", "KAFKA_TOPIC_LEDGER"}
	moved := []string{"ledger refused", "created again"}
	remade := func(partitions int) func(m *mischief) {
		return func(m *mischief) {
			m.Remove(m.Topics.Ledger)
			m.Create(m.Topics.Ledger, partitions, compacted)
		}
	}
	return []misdeed{
		{
			name: "ledger truncated", start: atStart, running: atProducer,
			do: func(m *mischief) {
				m.Set(m.Topics.Ledger, "cleanup.policy=compact,delete") // a broker deletes no records of a compacted topic
				m.Truncate(m.Topics.Ledger, 5)
				m.Set(m.Topics.Ledger, compacted)
			},
			says:    []string{"ledger refused", "offset 5"},
			saysRun: []string{"ledger refused", "begin"},
		},
		{
			name: "ledger deleted and made anew", start: atStart, running: inTransaction,
			do: remade(1), says: lost, saysRun: moved,
		},
		{
			name: "ledger deleted and made anew with more partitions", start: atStart, running: inTransaction,
			do: remade(3), says: lost, saysRun: moved,
		},
		{
			name: "ledger deleted and made anew with fewer partitions", parts: 4, start: atStart, running: inTransaction,
			do: remade(2), says: lost, saysRun: []string{"ledger refused", "created again"},
		},
		{
			name: "ledger deleted, to be created by the exporter", start: atStart, running: waits,
			do:      func(m *mischief) { m.Remove(m.Topics.Ledger) },
			says:    lost,
			saysRun: []string{"the ledger topic", "is missing: it was deleted", "a new one is refused"},
		},
		{
			name: "ledger deleted, and made anew while that is waited for", running: waits,
			do:     func(m *mischief) { m.Remove(m.Topics.Ledger) },
			says:   []string{"is missing: it was deleted"},
			repair: func(m *mischief) { m.one.Expect(); m.Create(m.Topics.Ledger, 1, compacted) },
			then:   inTransaction,
		},
		{
			name: "ledger deleted, and not to be created", start: atStart,
			do:       func(m *mischief) { m.Remove(m.Topics.Ledger) },
			settings: func(*mischief) []string { return []string{"KAFKA_CREATE_TOPICS=false"} },
			says:     []string{"missing", "--config cleanup.policy=compact"},
		},
		{
			name: "ledger set to be deleted", start: atStart, running: atStart,
			do:     func(m *mischief) { m.Set(m.Topics.Ledger, "cleanup.policy=delete") },
			says:   []string{"cleanup.policy is delete"},
			repair: func(m *mischief) { m.Set(m.Topics.Ledger, compacted) },
		},
		{
			name: "ledger set to be deleted as well", start: atStart, running: atStart,
			do:     func(m *mischief) { m.Set(m.Topics.Ledger, "cleanup.policy=compact,delete") },
			says:   []string{"cleanup.policy is compact,delete"},
			repair: func(m *mischief) { m.Set(m.Topics.Ledger, compacted) },
		},
		{
			name: "ledger with partitions added", start: survives, running: survives,
			do:      func(m *mischief) { m.Grow(m.Topics.Ledger, 3) },
			says:    []string{"more partitions"},
			saysRun: []string{},
		},
	}
}

// strangers are what others may write into the ledger topic.
func strangers() []misdeed {
	meta := func(m *mischief, id string) string {
		return fmt.Sprintf(`{"format":2,"ledger_id":%q,"partitions":%d,"event_topic":%q,"event_key":"row"}`, id, m.Shards, m.Topics.Events)
	}
	entryAnew := func(m *mischief) *kgo.Record {
		call := m.seen.keys()[0]
		return m.entryOf(m.busyShard(), "call/"+call.TaskID+"/"+call.CallID, fmt.Sprintf(`{"at":%q,"as":"event"}`, time.Now().UTC().Format(time.RFC3339)))
	}
	return []misdeed{
		{
			name: "a stranger's keys", start: survives, running: survives,
			do: func(m *mischief) {
				m.MustWrite(
					m.entryOf(0, "order-4711", `{"total":12}`), m.entryOf(0, "\x00\xff\xfe", "\x01\x02\x03"), m.entryOf(0, "hello", ""),
					m.entryOf(0, "call/no-such-task/c1", `{"at":"2026-01-02T03:04:05Z","as":"event"}`))
				if err := m.Write(&kgo.Record{Topic: m.Topics.Ledger, Value: []byte("no key")}); m.Real && err == nil {
					m.T.Error("a broker took a record without a key for a compacted topic")
				}
			},
			says:    []string{"somebody else writes to the ledger topic"},
			saysRun: []string{},
		},
		{
			name: "a stranger's value under a call's key", parts: 2, start: atStart, running: atProducer,
			do: func(m *mischief) {
				bad := entryAnew(m)
				bad.Value = []byte("\x00\x01garbage")
				m.MustWrite(bad)
			},
			says:   []string{"ledger refused", "1 of kind call"},
			repair: func(m *mischief) { m.MustWrite(entryAnew(m)) },
		},
		{
			name: "a stranger's call without a task", start: atStart, running: atProducer,
			do: func(m *mischief) {
				m.MustWrite(m.entryOf(0, "call/c1", `{"at":"2026-01-02T03:04:05Z","as":"event"}`))
			},
			says:   []string{"ledger refused", "1 of kind call"},
			repair: func(m *mischief) { m.MustWrite(m.entryOf(0, "call/c1", "")) },
		},
		{
			name: "a meta entry that cannot be read", start: atStart, running: atProducer,
			do:   func(m *mischief) { m.MustWrite(m.entryOf(0, "meta", "{")) },
			says: []string{"ledger refused", "1 meta"},
		},
		{
			name: "a partition without its meta entry", parts: 2, start: atStart, running: atProducer,
			do:   func(m *mischief) { m.MustWrite(m.entryOf(m.busyShard(), "meta", "")) },
			says: []string{"ledger refused", "meta entry"},
		},
		{
			name: "a partition with another deployment's meta entry", parts: 2, start: atStart, running: atProducer,
			do: func(m *mischief) {
				m.MustWrite(m.entryOf(m.busyShard(), "meta", meta(m, "00000000-0000-4000-8000-000000000000")))
			},
			says: []string{"ledger refused", "00000000-0000-4000-8000-000000000000", "KAFKA_TOPIC_LEDGER"},
		},
	}
}

// besideTheLedger is what can happen to the other topics.
func besideTheLedger() []misdeed {
	gone := func(topic func(m *mischief) string) misdeed {
		return misdeed{
			start: survives, running: waits,
			do:      func(m *mischief) { m.Remove(topic(m)) },
			saysRun: []string{"is missing: it was deleted", "Create it again, or restart the exporter with KAFKA_CREATE_TOPICS=true"},
			repair:  func(m *mischief) { m.Create(topic(m), 1) },
		}
	}
	events := gone(func(m *mischief) string { return m.Topics.Events })
	events.name, events.lost = "event topic deleted", true
	status := gone(func(m *mischief) string { return m.Topics.Status })
	status.name = "status topic deleted"
	dead := gone(func(m *mischief) string { return m.Topics.Dead })
	dead.name = "dead-letter topic deleted"
	return []misdeed{
		events, status, dead,
		{
			name: "event topic deleted and made anew", start: survives, running: survives, lost: true,
			do: func(m *mischief) { m.Remove(m.Topics.Events); m.Create(m.Topics.Events, 6) },
		},
		{
			name: "event topic deleted and made anew with fewer partitions", running: survives, lost: true,
			do: func(m *mischief) { m.Remove(m.Topics.Events); m.Create(m.Topics.Events, 2) },
		},
		{
			name: "event topic with partitions added", start: survives, running: survives,
			do: func(m *mischief) { m.Grow(m.Topics.Events, 9) },
		},
		{
			name: "another event topic in the configuration", start: atStart,
			do: func(m *mischief) {
				m.Create(m.Topics.Events+"-2", 1)
				m.T.Cleanup(func() { m.Remove(m.Topics.Events + "-2") })
			},
			settings: func(m *mischief) []string { return []string{"KAFKA_TOPIC_CALL_COMPLETED=" + m.Topics.Events + "-2"} },
			says:     []string{"ledger refused", "KAFKA_TOPIC_CALL_COMPLETED"},
		},
	}
}

// entryOf is a record for a partition of the ledger; an empty value is a
// tombstone.
func (w *world) entryOf(partition int, key, value string) *kgo.Record {
	r := &kgo.Record{Topic: w.Topics.Ledger, Partition: int32(partition), Key: []byte(key)}
	if value != "" {
		r.Value = []byte(value)
	}
	return r
}
