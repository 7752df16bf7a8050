package batch

import "github.com/segmentio/kafka-go"

// PartitionFor is the partition of a key as Java's default partitioner,
// Kafka Streams and ksqlDB choose it (murmur2), so that topics of the same key
// and partition count are co-partitioned. A record without a key, which Java
// spreads over the partitions, goes where an empty key goes: one and the same
// record then always has one place.
func PartitionFor(key []byte, partitions int) int {
	var few [64]int
	all := few[:0]
	for i := range partitions {
		all = append(all, i)
	}
	return kafka.Murmur2Balancer{Consistent: true}.Balance(kafka.Message{Key: key}, all...)
}
