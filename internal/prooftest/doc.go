// Package prooftest holds the exporter's promise against what really happened,
// end to end, from outside.
//
// All of it is in its tests. The exporter runs as a process of its own, built
// from this checkout and configured by its environment alone. It polls a
// simulated AIRudder that knows the truth. Between it and the brokers stands a
// proxy that knows the Kafka protocol: it sees each step of a producer's life
// and can stop the world, or the network, at any of them. The checker of
// internal/rig then reads the four topics back and holds them against the truth
// and against the responses that were served.
//
// The brokers are an in-process one or, where TEST_KAFKA_BROKERS is set, those;
// the registry an in-process one or TEST_SCHEMA_REGISTRY_URL. Each test has
// topics of its own. PROOF_KILLS says how often the kill loops kill (40 in
// process, 100 on real brokers; a tenth of 20 and of 80 where a group has to
// notice each); a thousand take longer than go test waits by default. The fault
// tables run whole on real brokers, and a part of each in process, unless
// PROOF_FAULTS is "all", which takes ten minutes. The tests mostly wait, so
// with -parallel 8 they are over in a quarter of the time on a small machine.
//
// A fault that is arranged and never met fails its test.
//
// # What happens, and which test shows it
//
//	kill -9 at random and at each step of the protocol, with the request or its  TestKilledAnywhere, TestSeveralExporters
//	answer lost, or the request arriving after the next producer has begun
//	each request to a broker refused with every code that Kafka documents for    TestFaultTable
//	it, done but reported failed, lost, cut, late; once and for a while
//	each request to the upstream likewise                                        TestUpstreamFaultTable
//	one to three exporters come and go, stop for longer than their sessions, or  TestExportersComeAndGo, TestPausedForTooLong,
//	own one ledger by mistake                                                    TestTerminated
//	brokers end, die, hang, disappear; too few replicas; foreign transactions    TestBrokersDie, TestForeignTransaction
//	brokers refuse every record for its time                                     TestClocksDiffer
//	a quota allows less than a transaction in ten seconds                         TestProducerQuota
//	a topic takes less than an event has, for a while                             TestTopicSetTooSmall
//	the log cleaner goes through the ledger; tasks are sealed and closed while   TestCleaner, TestClosing
//	clocks and settings change
//	the ledger is truncated, deleted, created again, overwritten; rebuilt        TestBadLedger, TestFirstStart, TestRebuild
//	two accounts share the topics; a ledger is created beside events, adopted,   TestTwoAccounts
//	rebuilt from what is shared, by tools that are killed at each step
//	audits and replays beside exporters that are killed; replays killed, too     TestAuditBesideKills, TestReplayBesideKills
//	entries without events and events without entries, mended by tools that are  TestRepair
//	killed at each step beside exporters that are; two of them at once
//	the upstream lies, forgets, contradicts itself, never ends; days of it in    TestHostileDetail and TestHostileList (airudder),
//	virtual time                                                                 TestSoak (soaktest)
//	an account pages, spells, caches, hangs in ways of its own; is odd and       TestTroubles, TestHealthyOddities
//	healthy
//	a right, a password, a certificate, a token is wrong                         TestEachRightMissing, TestRefusedBySecurity, TestTokenTroubles
//	sessions on the broker end again and again, and tokens                       TestTokensEnd
//
// # File map
//
//	proxy_test.go      the network between an exporter and its brokers
//	steps_test.go      what each request is to the exporter's protocol
//	world_test.go      one test's exporters, each behind a network of its own
//	watch_test.go      a consumer that follows the events as they are committed
//	killer_test.go     kills, and where they fall
//	scale*_test.go     exporters that come and go, what a hand-over costs, or
//	                   were not meant to be two
//	hostile_test.go    an upstream that echoes
//	proxy_code_test.go answers that are codes, made up
//	fault*_test.go     every request gone wrong in every way, the first start's
//	                   included: the fault tables
//	bad_ledger*_test.go what may happen to the topics, and what comes of it: a table
//	trouble*_test.go   what an account may do that would cost events in silence, and
//	                   what is told of it: a table; healthy_test.go: what must cost
//	                   no word
//	cleaner_test.go    a real broker's cleaner; closing_test.go: sealed, closed, gone
//	acl_world_test.go  a world on the secured broker, and a user with few rights
//	broker_*_test.go   a cluster of three, what happens to its brokers, and how
//	                   deployments fare: only with TEST_KAFKA_CLUSTER;
//	                   broker_quota: on any real broker
//	accounts, quiet, kill, group, signals, marked, secret, acl, token,
//	broker, broker_foreign, limit, rebuild: the proofs
package prooftest
