// Package embedded runs an in-process Kafka broker and a schema registry, for
// the demo and for tests. Both speak the real protocols on loopback TCP, so
// that any client reads them; neither is meant for anything that must last.
//
// # What a data directory keeps
//
// With DataDir both survive a restart. After a Close everything is kept:
// topics with their settings, records, committed and aborted transactions,
// group offsets, producer ids with their epochs and sequences, and even a
// transaction that was open (its time-out pauses while the broker is away).
//
// After a kill the same holds, for every append is synced and a decision to
// commit is kept before it is carried out: a transaction that was open is
// aborted and its producer fenced, one that was decided is committed in all of
// its partitions. Two things differ from a real broker's restart: group members
// have to join again, and a log start that DeleteRecords had moved may move
// back to the beginning of its batch.
//
// The broker's own compaction is switched off, because it moves the log start,
// which Apache Kafka's does not; Cluster().Compact() still runs it by hand.
package embedded
