package contract

import (
	"fmt"
	"time"
)

// chapter is a part of the document that is about all topics.
type chapter struct {
	title     string
	sentences []string
}

// chapters are what holds for all topics.
func (d Document) chapters() []chapter {
	return []chapter{
		{"Reading", d.reading()},
		{"Promised", d.promised()},
		{"Not promised", d.notPromised()},
	}
}

func (d Document) reading() []string {
	compressed := "Batches are not compressed."
	if c := d.cfg.Compression; c != "" && c != "none" {
		compressed = "Batches are compressed with " + c + ", but for the ledger's: a client needs that codec."
	}
	return []string{
		"Read committed data only (isolation.level=read_committed). A reader of uncommitted data sees the records of aborted transactions too: calls that are published again.",
		"Offsets have gaps: each transaction ends with a marker that takes an offset and is never delivered.",
		fmt.Sprintf("The open transaction of an exporter that died holds readers back until another one takes over, or until the broker ends it: after %s, and up to 10 s later by a broker's default.", span(d.cfg.Transaction)),
		"A value in Avro is in Confluent's wire format: a zero byte, the schema's id in four bytes (big-endian), then the record. The schema's subject is `<topic>-value`.",
		"Keys and headers are plain UTF-8. The partition is that of Java's default partitioner: murmur2 of the key.",
		"A record's timestamp is the time of publishing, never the call's. The time of the call is occurred_at.",
		"A field that may be null is null where AIRudder sent nothing or what does not fit the field. An empty string is what AIRudder sent.",
		"Times in Avro are UTC, milliseconds since the epoch. What AIRudder sends without a zone, as in redials, is taken to be in the zone " + d.cfg.Zone + ".",
		compressed,
		"A topic that `airudder-exporter replay` has made holds copies: key, value, timestamp, headers and partition are the original's, and there are two headers more, airudder_replay (the replay's name and a digest of what it selects) and airudder_origin (topic/partition/offset of the original).",
		"Partitions, retention and settings are those with which a topic is created. One that exists may have others.",
	}
}

func (d Document) promised() []string {
	of := []string{
		"A read_committed reader finds exactly one CallCompleted for each account, task_id and call_id that a response of AIRudder showed as its row's current attempt with the status finished.",
		"That holds through kills, restarts, doubled exporters, lost answers, cut responses and failures of brokers, as long as no broker loses what it has acknowledged (min.insync.replicas of 2 or more, no unclean leader election), the ledger is not lost, and only the exporter writes it.",
		"task_sequence is 1, 2, 3 and so on within a task, in the order of publishing, without gaps. All events are there once the distinct numbers are as many as the highest, and as many as a TaskStatusChanged says in exported.",
		"A TaskStatusChanged is committed in a later transaction than every event that it tells of. A reader that has reached event_offsets of a seal in every partition has all events that the seal tells of.",
	}
	if _, there := d.cfg.Topics[CallPrivate]; there {
		of = append(of, "Each event has one CallPrivate with its key, in the partition of the same number, from the same transaction.")
	}
	if _, there := d.cfg.Topics[CallRevised]; there {
		of = append(of, "What a reading shows changed in a published call's row is published once, as the call's next revision, in order.")
	}
	return append(of,
		"A row that became a dead letter and is sound later becomes its event, once; never the reverse.",
		"The schemas only grow: a new field may be null and is so by default, and no field goes, gets another name or another type.",
	)
}

func (d Document) notPromised() []string {
	revised := "What AIRudder changes in a row after the event."
	if _, there := d.cfg.Topics[CallRevised]; there {
		revised = "What AIRudder changes in a row after the event and changes back before the next reading, or after the task is closed."
	}
	return []string{
		"An event for an attempt that a redial replaced between two readings. It is in redials of the later event.",
		"An event for a row that is broken or too large whenever it is shown. It is a dead letter.",
		"The calls of tasks whose schedule ended before the export began (export_since in the ledger's meta), unless these tasks are named by hand.",
		"An order between partitions, or between two keys. Of two results, take the one with the later occurred_at, not the one that arrives later.",
		revised,
		fmt.Sprintf("A call that finishes after its task's seal, unless the list shows that the task changed. A task is sealed %s after its end, by responses that agree, and closed %s after that.",
			span(d.cfg.AfterEnd), span(d.cfg.Retention)),
		"Records that are older than their topic's retention.",
		"The side effects of a consumer, and copies in other clusters: a mirror is not atomic over topics. Deduplicate there by ce_id.",
	}
}

// personal says what becomes of personal data, in words; the table stands beside it.
func (d Document) personal() []string {
	p := d.cfg.Privacy
	all := []string{fmt.Sprintf("The preset is %s. Each event has the header airudder_privacy with the value %s.", p.Preset, code(p.Header))}
	if !p.hides() {
		return append(all, "All values are published as AIRudder sends them.")
	}
	all = append(all, "So null may also mean: not shown.")
	if p.Key != "" {
		all = append(all, "A pseudonym is a token, "+code(p.Key+".<22 characters>")+": base64url of the first 16 bytes of HMAC-SHA-256 over `number:` and a number's digits, without `00` in front, "+
			"or over `text:` and a text without outer blanks (of any kind that Unicode has). One value has one token in all tasks, so tokens join as values do. An empty text stays empty.")
	}
	if _, there := d.cfg.Topics[CallPrivate]; there {
		all = append(all, "A private value stands in CallPrivate alone.")
	}
	if p.has("mask") {
		all = append(all, "A masked value shows its last four characters (of a number: digits) where it has eight or more; the others are `*`.")
	}
	return all
}

// kept says how long a topic keeps its records.
func (t Topic) kept() string {
	if t.Configs["cleanup.policy"] == "compact" {
		return "compacted: the last record of each key"
	}
	ms, err := time.ParseDuration(t.Configs["retention.ms"] + "ms")
	if err != nil {
		return "as the cluster does"
	}
	return "deleted after " + span(ms)
}

// span is a duration as people say it.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d > day && d%day == 0:
		return fmt.Sprintf("%d days", d/day)
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%g s", d.Seconds())
}
