// Package soaktest lets days of everything going wrong pass in seconds.
//
// All of it is in its tests. In the virtual time of testing/synctest run the
// real exporter, the real client and the real encoders, against a simulated
// AIRudder that is served over pipes and has every fault at once, and a broker
// in memory that keeps what Kafka keeps: a transaction is there whole or not at
// all, a fenced writer writes no more, and nobody can tell a commit that was
// lost from one whose answer was. Processes end, are killed and are doubled at
// random; clocks jump by hours. At the end a checker that shares nothing with
// the exporter but its schemas holds what was published against the truth.
//
// The seed is printed with a failure. Which goroutine runs first is not part of
// it, so a seed brings back the same world, not the same run.
//
// # File map
//
//	broker_test.go    what goes wrong with Kafka (exporter/fakekafka)
//	upstream_test.go  the simulated AIRudder behind a network of pipes
//	process_test.go   exporters, and how they end
//	mischief_test.go  what happens to the tasks
//	check_test.go     what was published, held against the truth
//	soak_test.go      the soak
package soaktest
