// Package kafka commits records in one transaction, replays a ledger
// partition, assigns partitions and checks topics. It knows no call and no
// Avro: a record is bytes with a topic. What a batch is as bytes, and which ones
// are committed, is package batch's.
//
// # One shard's producer
//
// A shard is one partition of the ledger topic and whatever is written
// together with it. Behind each stands one transactional id,
// "<ledger topic>-<partition>", and at any time at most one Producer that can
// commit. Client.Producer makes one in three steps, each of which leaves
// something behind if the process dies after it:
//
//	fence    InitProducerId           no older producer of the shard commits any more;
//	                                  what it left open is aborted
//	barrier  one transaction          an entry of our own stands in the partition:
//	                                  everything committed before it is decided
//	replay   the whole partition      nothing; the caller's memory holds every entry
//	                                  that was committed before the barrier
//
// and each commit in four, of which only the last decides:
//
//	AddPartitionsToTxn   nothing to see; the coordinator times it out
//	produce              records that no read_committed reader sees
//	check the offsets    the same
//	EndTxn               answered: committed. Not answered: the next producer's
//	                     replay tells
//
// After any failure whose outcome is not known, and after any other that is
// not retried in place, the Producer is finished and sends nothing more. It
// never sends EndTxn(abort): the markers would carry the epoch that a late
// batch of ours may still arrive with. The next fence aborts with a higher
// epoch.
//
// # Where things are
//
//	client.go      Config, Dial, one round trip
//	cluster.go     leaders, partition counts, topic limits, forced refresh
//	retry.go       which answers are asked again, and how long to wait
//	errors.go      what callers branch on
//	session.go     a transactional id at one epoch: fence, write
//	produce.go     one request per leader, every answer looked at
//	producer.go    Producer: Prepare, commit; start.go: fence, barrier, replay
//	writeonce.go   the one transaction that does not belong to a shard
//	fetch.go       raw fetch; stream.go: one after the other, ahead of the reader
//	replay.go      the ledger's replay; scan.go and tail.go: other readers;
//	               settled.go: once no transaction is open; later.go: who
//	               took a shard over
//	waiting.go     what the cluster is asked for in vain
//	metrics.go     airudder_kafka_…
//	topics*.go     topics created and checked; assign*.go, balancer.go: which
//	               shards are ours; security*.go: TLS, SASL and rights
package kafka
