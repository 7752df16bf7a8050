// Package alerttest holds the alerts of deploy/prometheus against what exporters really
// say: in a quiet day, a first start, a backfill, a rolling restart and an outage of
// minutes nobody is paged, and each trouble fires exactly the alerts that the table
// names.
//
// All of it is in its tests. In the virtual time of testing/synctest run the real
// exporter and the real client against a simulated AIRudder and a broker in memory, and
// are scraped every half minute. Each scenario becomes a file of promtool's, which
// .ci/prometheus.sh runs:
//
//	go test ./internal/alerttest -out DIR
//
// # File map
//
//	scenarios_test.go  the table: what happens, and which alerts it fires
//	world_test.go      AIRudder, Kafka and the exporters
//	record_test.go     the scrapes, and promtool's files
package alerttest
