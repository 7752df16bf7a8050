package prooftest

import (
	"encoding/binary"
	"io"
	"slices"
	"strings"

	"airudder-exporter/internal/rig"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// refusal is the answer of a broker that does nothing of what it was asked.
func (r *request) refusal() []byte {
	res := kmsg.ResponseForKey(r.api)
	res.SetVersion(r.version)
	switch req := r.msg.(type) {
	case *kmsg.AddPartitionsToTxnRequest:
		res := res.(*kmsg.AddPartitionsToTxnResponse)
		for _, t := range req.Topics {
			topic := kmsg.NewAddPartitionsToTxnResponseTopic()
			topic.Topic = t.Topic
			for _, p := range t.Partitions {
				partition := kmsg.NewAddPartitionsToTxnResponseTopicPartition()
				partition.Partition = p
				topic.Partitions = append(topic.Partitions, partition)
			}
			res.Topics = append(res.Topics, topic)
		}
	case *kmsg.ProduceRequest:
		res = refusedTopics(req.Topics)
		res.SetVersion(r.version)
	}
	setCode(res, r.fate.refuse)
	return r.answer(res)
}

// refusedTopics is the answer for topics whose batches were not written.
func refusedTopics(topics []kmsg.ProduceRequestTopic) *kmsg.ProduceResponse {
	res := kmsg.NewPtrProduceResponse()
	for _, t := range topics {
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			partition := kmsg.NewProduceResponseTopicPartition()
			partition.Partition, partition.BaseOffset = p.Partition, -1
			topic.Partitions = append(topic.Partitions, partition)
		}
		res.Topics = append(res.Topics, topic)
	}
	return res
}

// divide takes out of a Produce what its fate does not spare, as if the leaders
// of the topics were several brokers.
func (r *request) divide(frame []byte) []byte {
	req, ok := r.msg.(*kmsg.ProduceRequest)
	if !ok {
		return frame
	}
	name, others := strings.CutPrefix(r.fate.spares, "!")
	var going []kmsg.ProduceRequestTopic
	for _, t := range req.Topics {
		if (t.Topic == name) != others {
			going = append(going, t)
		} else {
			r.withheld = append(r.withheld, t)
		}
	}
	part := *req
	part.Topics = going
	return part.AppendTo(slices.Clip(r.head))
}

// setCode puts a code wherever an answer has room for one. A fetch says it of
// the partition, as brokers do, and then brings no records.
func setCode(res kmsg.Response, code int16) {
	for _, place := range rig.ErrorCodes(res) {
		*place = code
	}
	if fetch, ok := res.(*kmsg.FetchResponse); ok {
		fetch.ErrorCode = 0
		for i := range fetch.Topics {
			for j := range fetch.Topics[i].Partitions {
				fetch.Topics[i].Partitions[j].RecordBatches = nil
			}
		}
	}
}

// codeOf is the first error code in an answer that is not 0.
func codeOf(res kmsg.Response) int16 {
	for _, code := range rig.ErrorCodes(res) {
		if *code != 0 {
			return *code
		}
	}
	return 0
}

// writeHalf writes a frame's size and the first half of it.
func writeHalf(to io.Writer, frame []byte) error {
	_, err := to.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame[:len(frame)/2]...))
	return err
}
