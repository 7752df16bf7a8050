// Package compat tries on throw-away topics, and a throw-away subject, what the promise
// needs of a Kafka and of a schema registry, through the code that a run uses.
//
//	compat.go    Run: the plan, one try after the other, the end
//	place.go     throw-away names; topics made, deleted, and found from a check that died
//	log.go       transactions as the log shows them
//	fence.go     what becomes of whoever was fenced
//	shard.go     a shard's producer, sizes, times, the consumer group
//	registry.go  the schema registry
//
// Everything that it makes has a name with the time and random digits in it. It is deleted
// at the end, also after an error or an interrupt. A check that was killed leaves it
// behind: the next one finds it by its name and deletes it once it is an hour old, since a
// younger one may belong to a check that runs beside it.
package compat
