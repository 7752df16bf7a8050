package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"airudder-exporter/internal/rig"
	"airudder-exporter/internal/seals"
)

// TestSeals seals a task, and has a group read it bit by bit.
func TestSeals(t *testing.T) {
	s := surround(t)
	s.run("seals").wantEnd(1, "airudder.task-status") // it is not there yet
	s.export(5)
	s.run("seals").wantEnd(0)
	if err := s.sim.SetStatus("task-1", "finished"); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AIRUDDER_POLL_AFTER_END": "10ms", "AIRUDDER_SEAL_OPEN_AFTER": "50ms",
		"AIRUDDER_POLL_MIN_INTERVAL": "10ms", "AIRUDDER_POLL_MAX_INTERVAL": "20ms",
	} {
		s.env[name] = value
	}
	p := s.start("run")
	p.until("a seal", p.shows("/metrics", "\nairudder_seals_total 1\n"))
	p.stop()
	for name := range s.env { // no secret is needed
		if strings.HasPrefix(name, "AIRUDDER_") {
			delete(s.env, name)
		}
	}
	p = s.run("seals", "--json", "--task", "task-1")
	p.wantEnd(0)
	var seal seals.Seal
	if err := json.Unmarshal([]byte(p.stdout.String()), &seal); err != nil {
		t.Fatalf("%v: %s", err, &p.stdout)
	}
	if seal.TaskID != "task-1" || seal.Number != 1 || seal.Events != 5 || seal.Stale || seal.Behind != nil {
		t.Errorf("got %+v", seal)
	}
	const behind = "the-crm has not read 1 of the seals to their end"
	s.run("seals", "--group", "the-crm").wantEnd(1, behind)
	last := len(seal.Ends) - 1
	for seal.Ends[last] == 0 {
		last--
	}
	for partition, end := range seal.Ends {
		at := end
		if partition == last {
			at--
		}
		s.commitOffset("the-crm", partition, at)
	}
	p = s.run("seals", "--group", "the-crm")
	p.wantEnd(1, behind)
	if want := "partition "; !strings.Contains(p.stdout.String(), want) {
		t.Errorf("%q is not in\n%s", want, &p.stdout)
	}
	s.commitOffset("the-crm", last, seal.Ends[last])
	p = s.run("seals", "--group", "the-crm")
	p.wantEnd(0)
	for _, want := range []string{"task    seal  events  unexported  sealed", "task-1  1     5       0           20", "  read\n", "1 of 1 tasks are sealed\n"} {
		if !strings.Contains(p.stdout.String(), want) {
			t.Errorf("%q is not in\n%s", want, &p.stdout)
		}
	}
	s.run("seals", "--task", "task-9").wantEnd(1, "airudder.task-status has nothing of the task task-9")
}

// commitOffset commits one as a group without members.
func (s *surroundings) commitOffset(group string, partition int, offset int64) {
	s.t.Helper()
	topic := "airudder.call-completed"
	about := kmsg.NewPtrMetadataRequest()
	about.Topics = []kmsg.MetadataRequestTopic{{Topic: &topic}}
	metadata, err := rig.Ask[kmsg.MetadataResponse](s.kafka, about)
	if err != nil {
		s.t.Fatal(err)
	}
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group = group
	of := kmsg.NewOffsetCommitRequestTopic()
	of.Topic, of.TopicID = topic, metadata.Topics[0].TopicID
	one := kmsg.NewOffsetCommitRequestTopicPartition()
	one.Partition, one.Offset = int32(partition), offset
	of.Partitions = append(of.Partitions, one)
	req.Topics = append(req.Topics, of)
	res, err := rig.Ask[kmsg.OffsetCommitResponse](s.kafka, req)
	if err != nil || res.Topics[0].Partitions[0].ErrorCode != 0 {
		s.t.Fatal(res, err)
	}
}
