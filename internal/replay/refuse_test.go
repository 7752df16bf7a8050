package replay

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestRefused: each is a sentence with the cure, and nothing is done.
func TestRefused(t *testing.T) {
	old := func(r *kgo.Record) { r.Timestamp = time.Now().Add(-100 * 24 * time.Hour) }
	for _, tt := range []struct {
		name   string
		before func(s *shop)
		change func(*Config)
		want   string
	}{
		{"no source", nil, func(c *Config) { c.Select.Topic += "-of-a-typo" }, "there is no topic SOURCE-of-a-typo, or none that this user may read: set EventTopic to the topic's name"},
		{"no such partition", nil, func(c *Config) { c.Select.Partitions = []int{3} }, "--partition 3: SOURCE has the partitions 0 to 2"},
		{"no target, and none is to be created", nil, func(c *Config) { c.Create = false }, "kafka-topics.sh --bootstrap-server BROKERS --create --topic TARGET --partitions 3 --replication-factor 1 --config cleanup.policy=delete"},
		{"fewer partitions", func(s *shop) { s.Create(s.target, 2) }, nil, "TARGET has 2 partitions, and SOURCE has 3: give a topic that does not exist yet, or one of 3 partitions"},
		{"a live topic", func(s *shop) {
			s.Create(s.target, parts, "retention.ms=-1")
			s.MustWrite(&kgo.Record{Topic: s.target, Partition: 1, Value: []byte("v")})
		}, nil, "TARGET[1]@0 is a record that no replay wrote: give a topic that does not exist yet"},
		{"a stranger in the middle", func(s *shop) {
			s.must()
			s.MustWrite(&kgo.Record{Topic: s.target, Partition: 1, Value: []byte("v")})
		}, nil, "is a record that no replay wrote: give a topic that does not exist yet"},
		{"another replay", func(s *shop) { s.must(func(c *Config) { c.Name = "march" }) }, nil, "is of the replay march: give again a topic of its own"},
		{"another selection", func(s *shop) { s.must(func(c *Config) { c.Select.TaskID = "task-1" }) }, nil,
			"TARGET holds another selection of the replay again ("},
		{"another source", func(s *shop) {
			source := s.source
			s.source += "-2"
			s.Create(s.source, parts)
			s.fill(20)
			s.must()
			s.source = source
		}, nil, "was copied from \"SOURCE-2/"},
		{"a target that was shortened", func(s *shop) { s.must(); s.Truncate(s.target, 1) }, nil, "TARGET lost the beginning of its partition "},
		{"a source that was made again", func(s *shop) {
			s.must()
			s.Remove(s.source)
			s.Create(s.source, parts)
			s.fill(3)
		}, nil, "which ends before that: it was deleted and created again; give a topic that does not exist yet"},
		{"compaction", func(s *shop) { s.Create(s.target, parts, "cleanup.policy=compact") }, nil, "cleanup.policy is compact"},
		{"old records", func(s *shop) { s.fill(5, old); s.Create(s.target, parts, "retention.ms=2592000000") }, nil, "TARGET would not keep the records as they are: retention.ms is 2592000000, and the oldest record, of "},
		{"no room", func(s *shop) { s.Create(s.target, parts, "retention.ms=-1", "retention.bytes=1000000") }, nil, "retention.bytes is 1000000"},
		{"the broker's times", func(s *shop) { s.Create(s.target, parts, "retention.ms=-1", "message.timestamp.type=LogAppendTime") }, nil, "message.timestamp.type is LogAppendTime"},
		{"small batches", func(s *shop) { s.Create(s.target, parts, "retention.ms=-1", "max.message.bytes=300") }, nil, "max.message.bytes is 300, and the largest record does not fit: set it to "},
		{"another registry", func(s *shop) { delete(s.schemas, 1) }, nil, "is of schema 1, and the schema registry has no such schema: set URL to the registry that the exporter uses"},
		{"a registry of something else", func(s *shop) { s.schemas[1] = "x.Y" }, nil, "is of schema 1, and the schema registry has a x.Y there: set URL"},
		{"no exporter's values", func(s *shop) { s.fill(1, func(r *kgo.Record) { r.Value = []byte(`{"a":1}`) }) }, nil, "has a value that does not begin with a schema id: no exporter published it"},
		{"no exporter's headers", func(s *shop) { s.fill(1, with("airudder_ledger_id", "")) }, nil, "SOURCE holds records that do not say of which ledger they are: no exporter published them"},
		{"without ce_time", func(s *shop) { s.fill(1, with("ce_time", "")) }, func(c *Config) { c.Select.By, c.Select.Since = Occurred, time.Unix(1, 0) }, "it has no header ce_time that says when the call was"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.fill(20)
			if tt.before != nil {
				tt.before(s)
			}
			cfg := s.config()
			if tt.change != nil {
				tt.change(&cfg)
			}
			names := strings.NewReplacer("TARGET", s.target, "SOURCE", s.source, "BROKERS", strings.Join(s.Brokers, ","))
			there := s.Partitions(s.target)
			var held int
			if there > 0 {
				held = len(s.Read(s.target).Committed)
			}
			for _, execute := range []bool{false, true} {
				cfg.Execute = execute
				out, err := s.replay(t.Context(), cfg)
				if err == nil || !Refused(err) || !strings.Contains(err.Error(), names.Replace(tt.want)) {
					t.Errorf("execute %v: got %v, want %s\n%s", execute, err, names.Replace(tt.want), out)
				}
			}
			if s.Partitions(s.target) != there {
				t.Error("a topic was created")
			}
			if there > 0 && len(s.Read(s.target).Committed) != held {
				t.Errorf("%d records were there before", held)
			}
		})
	}
}

func TestCheckName(t *testing.T) {
	for name, want := range map[string]bool{"a": true, "March-2026_x.1": true, "": false, "a/b": false, "a b": false, "ü": false, strings.Repeat("a", 101): false} {
		if err := CheckName(name); (err == nil) != want {
			t.Errorf("%q: %v", name, err)
		}
	}
}
