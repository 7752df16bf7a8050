// Package shards says which shards of a ledger are ours: those that Kafka's
// consumer group gives to this process, or all of them.
//
// To own a shard is not to be the only one that may write it. Ownership is
// advice: a process that was paused believes that it owns its shards for the rest
// of the pause. What keeps two owners from publishing a call twice is the fence of
// the shard's producer, which is package kafka's. So losing a shard late harms
// nothing, and this package prefers to keep what it has: while the group does not
// answer, what is owned stays owned, and a shard that the next generation gives
// back never notices.
//
//	shards.go    Assign: runs one function for each owned shard
//	group.go     the consumer group: joins, follows its generations, leaves
//	balancer.go  how the group's leader splits the shards among the members
//	confirm.go   AfterFence, AfterDoubt: is the shard still ours?
//	backoff.go   how fast fences that follow each other are answered
package shards
