package replay

import (
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/kafka"
)

func TestUnfit(t *testing.T) {
	now := at("2026-03-31T00:00:00Z")
	oldest, newest := now.Add(-30*24*time.Hour), now.Add(-time.Hour)
	for _, tt := range []struct{ setting, value, want string }{
		{"cleanup.policy", "delete", ""},
		{"cleanup.policy", "compact", "cleanup.policy is compact, and compaction keeps the last record of each key alone: set it to delete"},
		{"cleanup.policy", "compact,delete", "cleanup.policy is compact,delete, and"},
		{"retention.ms", "-1", ""},
		{"retention.ms", "2678400000", ""}, // 31 days
		{"retention.ms", "2678399999", "retention.ms is 2678399999, and the oldest record, of 2026-03-01T00:00:00Z, would be deleted at once, or soon: set it to -1"},
		{"retention.ms", "604800000", "retention.ms is 604800000"},
		{"retention.bytes", "-1", ""},
		{"retention.bytes", "1073741824", "retention.bytes is 1073741824, and the oldest records would be deleted for the newest: set it to -1"},
		{"max.message.bytes", "1080", ""},
		{"max.message.bytes", "1079", "max.message.bytes is 1079, and the largest record does not fit: set it to 1080 or more"},
		{"message.timestamp.type", "CreateTime", ""},
		{"message.timestamp.type", "LogAppendTime", "message.timestamp.type is LogAppendTime, and the records would lose the times that they have: set it to CreateTime"},
		{"message.timestamp.before.max.ms", "9223372036854775807", ""},
		{"message.timestamp.before.max.ms", "86400000", "message.timestamp.before.max.ms is 86400000, and the oldest record, of 2026-03-01T00:00:00Z, would be refused: set it to 9223372036854775807"},
		{"message.timestamp.difference.max.ms", "86400000", "message.timestamp.difference.max.ms is 86400000"},
		{"message.timestamp.after.max.ms", "3600000", ""},
	} {
		err := unfit("t", map[string]string{tt.setting: tt.value}, oldest, newest, 1000, now)
		if err == nil && tt.want == "" {
			continue
		}
		if err == nil || tt.want == "" || !strings.Contains(err.Error(), "t would not keep the records as they are: "+tt.want) || !Refused(err) {
			t.Errorf("%s=%s: got %v, want %q", tt.setting, tt.value, err, tt.want)
		}
	}
	err := unfit("t", map[string]string{"message.timestamp.after.max.ms": "3600000"}, oldest, now.Add(2*time.Hour), 1, now)
	if err == nil || !strings.Contains(err.Error(), "message.timestamp.after.max.ms is 3600000, and the newest record, of 2026-03-31T02:00:00Z, would be refused") {
		t.Errorf("a record of the time to come: %v", err)
	}
	if err := unfit("t", map[string]string{"cleanup.policy": "compact,delete", "retention.ms": "1"}, oldest, newest, 1, now); err == nil || strings.Count(err.Error(), ": set it to ") != 2 {
		t.Errorf("two settings: %v, want both named", err)
	}
}

// What is created is fit, whatever the source is set to.
func TestSpecIsFit(t *testing.T) {
	source := kafka.Topic{Leaders: make([]int32, 3), Replicas: 2}
	for _, settings := range []map[string]string{
		nil,
		{"max.message.bytes": "20000", "retention.ms": "1", "cleanup.policy": "compact", "message.timestamp.type": "LogAppendTime"},
		{"max.message.bytes": "10000000", "message.timestamp.before.max.ms": "1", "message.timestamp.difference.max.ms": "1", "min.insync.replicas": "2"},
		{"message.timestamp.difference.max.ms": "1"},
	} {
		s := spec("t", source, settings)
		if err := unfit("t", s.Configs, time.UnixMilli(0), time.Now(), 1_000_000, time.Now()); err != nil {
			t.Errorf("%v: %v", settings, err)
		}
		if s.Partitions != 3 || s.ReplicationFactor != 2 || s.Configs["min.insync.replicas"] != settings["min.insync.replicas"] {
			t.Errorf("%v: %+v", settings, s)
		}
		_, newer := s.Configs[beforeSetting]
		_, older := s.Configs[eitherWaySetting]
		if newer && older {
			t.Errorf("%v: both settings, of which a broker may take one alone", settings)
		}
	}
}
