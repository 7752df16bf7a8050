package rig

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// CheckReplay holds the committed records of a replay's target against those of its source:
// each that is selected is there once, in order, in the same partition, and nothing differs
// but the two headers that are added. It returns how many there are.
func CheckReplay(t testing.TB, source, target History, name string, selected func(*kgo.Record) bool) int {
	t.Helper()
	if target.Parts != source.Parts {
		t.Errorf("the target has %d partitions, and the source %d", target.Parts, source.Parts)
	}
	var marks []string
	wanted, got := make([][]*kgo.Record, source.Parts), make([][]*kgo.Record, target.Parts)
	for _, r := range source.Committed {
		if selected(r) {
			wanted[r.Partition] = append(wanted[r.Partition], r)
		}
	}
	for _, r := range target.Committed {
		got[r.Partition] = append(got[r.Partition], r)
		if mark := Header(r, "airudder_replay"); !slices.Contains(marks, mark) {
			marks = append(marks, mark)
		}
	}
	if n := len(target.Committed); n > 0 && (len(marks) != 1 || !strings.HasPrefix(marks[0], name+"/")) {
		t.Errorf("the copies are of the replays %q, want one called %s", marks, name)
	}
	for p := range wanted {
		for i := range max(len(wanted[p]), len(got[p])) {
			switch {
			case i >= len(got[p]):
				t.Errorf("partition %d: %d records of %d are missing, from %s on", p, len(wanted[p])-i, len(wanted[p]), describe(wanted[p][i]))
			case i >= len(wanted[p]):
				t.Errorf("partition %d: %d records too many, from %s on", p, len(got[p])-i, describe(got[p][i]))
			default:
				if wrong := differs(wanted[p][i], got[p][i]); wrong == "" {
					continue
				} else {
					t.Errorf("record %d of partition %d, %s, from %s: %s", i, p, describe(got[p][i]), describe(wanted[p][i]), wrong)
				}
			}
			break
		}
	}
	return len(target.Committed)
}

func describe(r *kgo.Record) string {
	return fmt.Sprintf("%s[%d]@%d (ce_id %s)", r.Topic, r.Partition, r.Offset, Header(r, "ce_id"))
}

// differs says in what a copy is not what it was copied from.
func differs(from, copied *kgo.Record) string {
	own := func(h kgo.RecordHeader) bool { return h.Key == "airudder_replay" || h.Key == "airudder_origin" }
	headers := slices.DeleteFunc(slices.Clone(copied.Headers), own)
	same := func(a, b kgo.RecordHeader) bool { return a.Key == b.Key && bytes.Equal(a.Value, b.Value) }
	switch origin := fmt.Sprintf("%s/%d/%d", from.Topic, from.Partition, from.Offset); {
	case Header(copied, "airudder_origin") != origin:
		return fmt.Sprintf("airudder_origin is %q, want %q", Header(copied, "airudder_origin"), origin)
	case !bytes.Equal(from.Key, copied.Key) || (from.Key == nil) != (copied.Key == nil):
		return "another key"
	case !bytes.Equal(from.Value, copied.Value) || (from.Value == nil) != (copied.Value == nil):
		return "another value"
	case !from.Timestamp.Equal(copied.Timestamp):
		return fmt.Sprintf("its time is %s, want %s", copied.Timestamp, from.Timestamp)
	case len(headers) != len(copied.Headers)-2 || !slices.EqualFunc(from.Headers, headers, same):
		return fmt.Sprintf("headers %v, want %v and two more", copied.Headers, from.Headers)
	}
	return ""
}
