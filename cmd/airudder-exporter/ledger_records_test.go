package main

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// deleteRecords deletes all that a topic holds, as retention does.
func (s *surroundings) deleteRecords(topic string) {
	s.t.Helper()
	client := s.kafka()
	defer client.Close()
	metadata := kmsg.NewPtrMetadataRequest()
	of := kmsg.NewMetadataRequestTopic()
	of.Topic = &topic
	metadata.Topics = append(metadata.Topics, of)
	found, err := metadata.RequestWith(s.t.Context(), client)
	if err != nil {
		s.t.Fatal(err)
	}
	request := kmsg.NewPtrDeleteRecordsRequest()
	request.TimeoutMillis = 10_000
	records := kmsg.NewDeleteRecordsRequestTopic()
	records.Topic = topic
	for i := range found.Topics[0].Partitions {
		p := kmsg.NewDeleteRecordsRequestTopicPartition()
		p.Partition, p.Offset = int32(i), -1 // all there are
		records.Partitions = append(records.Partitions, p)
	}
	request.Topics = append(request.Topics, records)
	for _, shard := range client.RequestSharded(s.t.Context(), request) {
		if shard.Err != nil {
			s.t.Fatal(shard.Err)
		}
		for _, t := range shard.Resp.(*kmsg.DeleteRecordsResponse).Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					s.t.Fatalf("delete the records of %s[%d]: %v", topic, p.Partition, err)
				}
			}
		}
	}
}
