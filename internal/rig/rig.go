// Package rig is what the tests hold the exporter with: Kafka and a registry,
// the program as a process, topics made, spoilt and read back, and one checker.
//
// It is for tests alone. Nothing here uses the exporter's own code: topics are
// read with franz-go, values decoded with twmb/avro, and what was true is what
// the simulated AIRudder says. So it checks the interfaces that consumers see.
//
// Kafka is an in-process broker or, where TEST_KAFKA_BROKERS is set, those
// brokers; the registry is an in-process one or TEST_SCHEMA_REGISTRY_URL.
//
// # File map
//
//	kafka.go     brokers and a registry, in process or real
//	topics.go    what operators, other programs and mistakes do to topics
//	read.go      topics read back whole, or followed
//	decode.go    their values, by the registry's schemas
//	world.go     one test's Kafka, topics and upstream
//	program.go   the exporter, built once
//	process.go   a program as a process
//	exporter.go  the exporter as a process, one life after another
//	capture.go   what the upstream's responses showed
//	evidence.go  the checker: all that was published, held against the truth
//	record.go    the records that it looks at
//	check_*.go   what it checks; check_replay.go: a replay, by itself
//	history.go   what happened around the first wrong call
package rig

import (
	"testing"
	"time"
)

const (
	// Patience is how long anything is waited for on a busy machine.
	Patience = 2 * time.Minute
	// Grace is how long an exporter may take to end: what Kubernetes gives a pod.
	Grace = 30 * time.Second
)

// Eventually waits for a condition that other processes bring about. One that
// takes long to look at is looked at less often, and leaves them the machine.
func Eventually(t testing.TB, what string, patience time.Duration, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		began := time.Now()
		if holds() {
			return
		}
		select {
		case <-time.After(max(10*time.Millisecond, 4*time.Since(began))):
		case <-deadline.C:
			t.Fatalf("after %s still not: %s", patience, what)
		}
	}
}

// Repeat does something again and again until the test ends.
func Repeat(t testing.TB, every time.Duration, do func()) {
	t.Helper()
	stop, stopped := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() {
		close(stop)
		<-stopped
	})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			do()
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
}
