package prooftest

import (
	"encoding/binary"
	"io"
	"reflect"
	"slices"
	"strings"

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
	codes(reflect.ValueOf(res), func(v reflect.Value) bool {
		v.SetInt(int64(code))
		return true
	})
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
func codeOf(res kmsg.Response) (code int16) {
	codes(reflect.ValueOf(res), func(v reflect.Value) bool {
		code = int16(v.Int())
		return code == 0
	})
	return code
}

// codes shows every error code of an answer; false: that is enough.
func codes(v reflect.Value, show func(reflect.Value) bool) bool {
	switch v.Kind() {
	case reflect.Pointer:
		return v.IsNil() || codes(v.Elem(), show)
	case reflect.Slice:
		for i := range v.Len() {
			if v.Type().Elem().Kind() == reflect.Struct && !codes(v.Index(i), show) {
				return false
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			switch {
			case !field.IsExported():
			case field.Name == "ErrorCode":
				if !show(v.Field(i)) {
					return false
				}
			case !codes(v.Field(i), show):
				return false
			}
		}
	}
	return true
}

// writeHalf writes a frame's size and the first half of it.
func writeHalf(to io.Writer, frame []byte) error {
	_, err := to.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame[:len(frame)/2]...))
	return err
}
