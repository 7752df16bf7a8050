package kafka

import (
	"fmt"
	"slices"
	"testing"

	kafkago "github.com/segmentio/kafka-go"
)

// A group's offsets are those that it has committed, and -1 elsewhere.
func TestGroupOffsets(t *testing.T) {
	checkLeaks(t)
	s := newShop(t, 1, 2)
	c := s.dial(t)
	topic := c.cfg.EventTopic
	group := "group-of-" + topic
	if got, err := c.GroupOffsets(t.Context(), group, topic); err != nil || !slices.Equal(got, []int64{-1, -1}) {
		t.Errorf("before any commit: %v, %v", got, err)
	}
	committer := &kafkago.Client{Addr: c.addr, Transport: c.transport}
	for _, offset := range []int64{7, 9} {
		res, err := committer.OffsetCommit(t.Context(), &kafkago.OffsetCommitRequest{
			GroupID: group, GenerationID: -1,
			Topics: map[string][]kafkago.OffsetCommit{topic: {{Partition: 1, Offset: offset}}},
		})
		if err != nil || res.Topics[topic][0].Error != nil {
			t.Fatal(fmt.Sprint(res), err)
		}
		if got, err := c.GroupOffsets(t.Context(), group, topic); err != nil || !slices.Equal(got, []int64{-1, offset}) {
			t.Errorf("got %v, %v, want -1 and %d", got, err, offset)
		}
	}
	if _, err := c.GroupOffsets(t.Context(), group, "no-such-topic"); err == nil {
		t.Error("of a topic that is not one of the client's: no error")
	}
}
