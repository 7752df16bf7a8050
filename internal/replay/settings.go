package replay

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka"
	"airudder-exporter/internal/topics"
)

// added is how many bytes a copied record has at most besides the source's: two headers.
const added = 2*(3+5) + len(MarkHeader) + len(OriginHeader) + 100 + 1 + 16 + 249 + 1 + 10 + 1 + 19

// The settings on which it depends whether a topic keeps old records as they are.
const (
	policySetting    = "cleanup.policy"
	ageSetting       = "retention.ms"
	sizeSetting      = "retention.bytes"
	batchSetting     = "max.message.bytes"
	timeSetting      = "message.timestamp.type"
	beforeSetting    = "message.timestamp.before.max.ms"
	afterSetting     = "message.timestamp.after.max.ms"
	eitherWaySetting = "message.timestamp.difference.max.ms" // of brokers before Kafka 3.6
)

// spec is the target as it is created: like the source, but that it keeps what it is given.
func spec(topic string, source kafka.Topic, settings map[string]string) topics.Spec {
	forever := strconv.Itoa(math.MaxInt64)
	configs := map[string]string{
		policySetting: "delete", ageSetting: "-1", sizeSetting: "-1", timeSetting: "CreateTime",
		batchSetting: strconv.Itoa(batch.MaxMessageBytes + added),
	}
	if n, err := strconv.Atoi(settings[batchSetting]); err == nil && n > batch.MaxMessageBytes {
		configs[batchSetting] = strconv.Itoa(min(n+added, math.MaxInt32))
	}
	for _, name := range []string{beforeSetting, eitherWaySetting} {
		if _, known := settings[name]; known { // the first is the newer one, and brokers know one or both
			configs[name] = forever
			break
		}
	}
	if n := settings["min.insync.replicas"]; n != "" {
		configs["min.insync.replicas"] = n
	}
	return topics.Spec{
		Name: topic, Partitions: len(source.Leaders), ReplicationFactor: source.Replicas,
		Configs: configs, Compacted: topics.Fatal,
	}
}

// margin is how long a target keeps what it was given at the least: a replay that was
// killed is run again meanwhile.
const margin = 24 * time.Hour

// unfit says which settings would lose records between the oldest and the newest, or change
// them; largest is by batch.Record.Size, with what is added. A setting that the broker does
// not name has no such effect.
func unfit(topic string, settings map[string]string, oldest, newest time.Time, largest int, now time.Time) error {
	var wrong []string
	say := func(name, cure, why string) {
		wrong = append(wrong, fmt.Sprintf("%s is %s, and %s: set it to %s", name, settings[name], why, cure))
	}
	day := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	if slices.Contains(strings.Split(settings[policySetting], ","), "compact") {
		say(policySetting, "delete", "compaction keeps the last record of each key alone")
	}
	if age, limited := limit(settings[ageSetting]); limited && settings[policySetting] != "compact" && now.Sub(oldest)+margin > age {
		say(ageSetting, "-1", "the oldest record, of "+day(oldest)+", would be deleted at once, or soon")
	}
	if _, limited := limit(settings[sizeSetting]); limited {
		say(sizeSetting, "-1", "the oldest records would be deleted for the newest")
	}
	if most, err := strconv.Atoi(settings[batchSetting]); err == nil && batch.Needs(largest) > most {
		say(batchSetting, strconv.Itoa(batch.Needs(largest))+" or more", "the largest record does not fit")
	}
	if settings[timeSetting] == "LogAppendTime" {
		say(timeSetting, "CreateTime", "the records would lose the times that they have")
	}
	for _, name := range []string{beforeSetting, eitherWaySetting} {
		if before, limited := limit(settings[name]); limited && now.Sub(oldest)+margin > before {
			say(name, strconv.Itoa(math.MaxInt64), "the oldest record, of "+day(oldest)+", would be refused")
		}
	}
	if after, limited := limit(settings[afterSetting]); limited && newest.Sub(now) > after {
		say(afterSetting, "more", "the newest record, of "+day(newest)+", would be refused")
	}
	if wrong == nil {
		return nil
	}
	return refuse("%s would not keep the records as they are: %s", topic, strings.Join(wrong, "; "))
}

// limit is a setting in milliseconds, or bytes; false: it does not limit anything.
func limit(text string) (time.Duration, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/int64(time.Millisecond) {
		return 0, false
	}
	return time.Duration(n) * time.Millisecond, true
}
