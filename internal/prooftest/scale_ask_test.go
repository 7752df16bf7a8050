package prooftest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// ownedBy says since when an exporter has each of its shards restored; false:
// not all of them are, or it does not answer.
func ownedBy(c *child) (since map[int]time.Time, restored bool) {
	code, text := c.Page("/api/status?limit=0")
	var status struct {
		Shards []struct {
			Shard    int       `json:"shard"`
			Restored time.Time `json:"restored"`
		} `json:"shards"`
	}
	if code == 0 || json.Unmarshal([]byte(text), &status) != nil {
		return nil, false
	}
	since, restored = map[int]time.Time{}, true
	for _, s := range status.Shards {
		since[s.Shard] = s.Restored
		restored = restored && !s.Restored.IsZero()
	}
	return since, restored
}

// budgetOf is how many requests a second an exporter may make; below 0: it does
// not say.
func budgetOf(c *child) float64 {
	_, text := c.Page("/metrics")
	for line := range strings.Lines(text) {
		var n float64
		if _, err := fmt.Sscanf(line, "airudder_request_budget %g", &n); err == nil {
			return n
		}
	}
	return -1
}
