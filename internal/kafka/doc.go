// Package kafka commits records in one transaction, replays a ledger partition and
// reads topics. It knows no call and no Avro: a record is bytes with a topic. What
// a batch is as bytes, and which ones are committed, is package batch's; who owns
// a shard is package shards'; what the topics must be is package topics'.
//
// # One shard's producer
//
// A shard is one partition of the ledger topic and whatever is written together
// with it. Each has one transactional id, "<ledger topic>-<partition>", and at any
// time at most one Producer that can commit. Client.Producer makes one in three
// steps, each of which leaves something if the process dies after it:
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
// After any failure whose outcome is unknown, and after any other that is not
// asked again in place, the Producer is finished and sends nothing more. It never
// sends EndTxn(abort): the markers would carry the epoch with which a late batch of
// ours may still arrive. The next fence aborts with a higher epoch.
//
// # Where things are
//
//	config.go       Config; client.go: Dial
//	quota/          what a producer quota asks of us
//	access/         TLS and SASL; a broker's refusals in words
//	conn/           connections: encrypted, logged in, and again before their session ends
//	session.go      a transactional id at one epoch: fence, write
//	start.go        Client.Producer: fence, barrier, replay
//	producer.go     Producer: Prepare, Commit; partition.go: the loop's view of a shard
//	writeonce.go    the one transaction that does not belong to a shard
//	stream.go       fetches ahead of a reader; replay.go: the ledger's replay;
//	                scan.go, tail.go and look.go: other readers
//	ends.go         where the event topic's committed records end
//	later.go        who took a shard over; settled.go: once no transaction is open
//	log.go          a partition's log as it stands, for check
//	rights.go       which rights are missing
//	retry.go        which answers are asked again; errors.go: what callers branch on
//	unfit.go        brokers that lack what the promise rests on
//	waiting.go      what the cluster has not answered for a while
//	metrics.go      airudder_kafka_…
//
// Each request that we send has a file that bears its name and is headed by the
// versions that we speak, what it does, and the errors that we met:
// add_partitions_to_txn.go, api_versions.go, create_topics.go, delete_topics.go,
// describe_configs.go, describe_groups.go, end_txn.go, find_coordinator.go, heartbeat.go,
// init_producer_id.go (the fence), list_offsets.go, metadata.go, produce.go, and
// rawfetch/fetch.go; how any of them is sent is round_trip.go.
package kafka
