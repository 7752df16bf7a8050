package airuddersim

import (
	"bytes"
	"encoding/json"
	"hash/fnv"
	"slices"
	"strconv"
	"time"
)

// Version is what a call's row said, as responses showed it, until they showed it
// otherwise.
type Version struct {
	Digest    string    `json:"digest"`    // of the documented fields' values: neither their order, nor how a scalar or a time is written, nor a field that no page documents makes a difference
	Intention string    `json:"intention"` // the row's label
	At        time.Time `json:"at"`        // when a response first showed it
	Shown     bool      `json:"shown"`     // by a complete one
}

// rowNames are a row's documented fields, and a workflow's.
var rowNames = []string{
	"id", "RobotID", "CalleeName", "CalleeGender", "CalleeNumber", "CallStartTime", "CallEndTime", "Status", "Intention",
	"intention_description", "CallID", "CallTimes", "Comments", "PlatformName", "RingType", "HangupType", "ExtraA", "ExtraB", "ExtraC",
	"AsrResult", "EventLabel", "RingTime", "TalkRound", "RedailCall", "NerSlots", "call_notes", "caller_number", "Multi_intention",
	"workflow_id", "workflow_name", "nodetask_id", "nodetask_name", "case_id",
}

// versionOf is the version that a row of these members shows. Of a name that is there
// twice the last counts.
func versionOf(fields []field) Version {
	var v Version
	sum := fnv.New64a()
	for _, name := range rowNames {
		for _, f := range slices.Backward(fields) {
			if f.name != name {
				continue
			}
			if said := meant(f); len(said) > 0 {
				sum.Write([]byte(name))
				sum.Write([]byte{0})
				sum.Write(said)
				sum.Write([]byte{0})
			}
			if name == "Intention" {
				v.Intention = string(bytes.Trim(meant(f), `"`))
			}
			break
		}
	}
	v.Digest = strconv.FormatUint(sum.Sum64(), 16)
	return v
}

// sumOf tells bytes from others.
func sumOf(raw []byte) uint64 {
	sum := fnv.New64a()
	sum.Write(raw)
	return sum.Sum64()
}

// meant is a value without the ways of writing it: a scalar's text, a time in UTC, and
// nothing for null and a time that is not set.
func meant(f field) []byte {
	said := bytes.Trim(f.raw, `"`)
	if bytes.Equal(f.raw, []byte("null")) {
		return nil
	}
	if f.name != "CallStartTime" && f.name != "CallEndTime" {
		if f.raw[0] == '"' && len(said) == 0 {
			return f.raw // an empty text is not null
		}
		return said
	}
	for _, layout := range []string{time.RFC3339, time.DateTime} {
		if at, err := time.ParseInLocation(layout, string(said), localZone); err == nil && at.UTC().Year() > 1 {
			return at.UTC().AppendFormat(nil, time.RFC3339)
		}
	}
	return nil
}

// fieldsOf are the members of a row that was given whole; none: it is no object.
func fieldsOf(raw string) (fields []field) {
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(raw), &object) != nil {
		return nil
	}
	for _, name := range sortedKeys(object) {
		fields = append(fields, field{name, object[name]})
	}
	return fields
}

// saw notes a version that a response showed. Truths share the versions: none changes
// once it is there.
func (c *Call) saw(v Version) {
	last := len(c.Versions) - 1
	switch {
	case last < 0 || c.Versions[last].Digest != v.Digest:
		c.Versions = append(c.Versions, v)
	case v.Shown && !c.Versions[last].Shown:
		c.Versions = slices.Clone(c.Versions)
		c.Versions[last].Shown = true
	}
}
