// Package embedded runs an in-process Kafka broker and a schema registry, for
// the demo and for tests. Both speak the real protocols on loopback TCP, so that
// any client can use them, and keep everything in memory.
//
// The broker's own compaction is switched off, because it moves the log start,
// which Apache Kafka's does not; Cluster().Compact() still runs it by hand.
package embedded
