// Package benchtest measures the exporter whole, from outside, each figure
// beside its baseline in the same run.
//
// All of it is in its tests. The exporter runs as a process of its own, built
// from this checkout and configured by its environment alone; so does the
// *obvious program* that it is compared with (obvious_test.go), which the test
// binary itself becomes. The upstream, the broker and the registry are in the
// parent, so that what the children take is their own.
//
// Nothing is asserted on time. What a program published is counted, so that no
// figure comes from work left out. Ratios are of medians over turns taken in
// alternation, so that a busy machine hits both sides alike.
//
//	go test -run '^$' -bench . -benchtime 5x ./internal/benchtest
//
// With TEST_KAFKA_BROKERS set, BenchmarkRecover, BenchmarkFirstPoll, BenchmarkAudit and
// BenchmarkSeals also run there, and BenchmarkLag at all; the registry is then
// TEST_SCHEMA_REGISTRY_URL, where that is set.
//
//	benchmark           what is measured                                     target
//	BenchmarkPoll       a 5,000-row task of which 200 are new, calls/s       5 × the obvious program
//	BenchmarkMemory     82 MB, 50,000 rows, all new: peak RSS                60 MB
//	BenchmarkRecover    a ledger of a million entries: replay, heap          1.5 × franz-go's fetch, 60 B an entry
//	BenchmarkFirstPoll  the same ledger: from a process's start to its       that of BenchmarkRecover and 0.5 s
//	                    first request for a task
//	BenchmarkAudit      half a million calls held against their events       200,000 calls/s
//	BenchmarkSeals      the seals of 100,000 tasks                           seconds
//	BenchmarkReplay     600,000 events copied into a topic of their own,     100,000 calls/s on a real
//	                    its plan included, calls/s                           broker, 0.8 × a plain copy
//	BenchmarkLag        polled every 200 ms: call finished → event read      median 160 ms
//
// What a single room costs is measured in the room: reading a response in
// airudder, encoding in record, transactions against none in kafka, memory an
// entry in ledger.
package benchtest
