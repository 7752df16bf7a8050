package exporter

import (
	"strings"
	"time"

	"airudder-exporter/internal/notice"
)

// restoring is what every start does, a large ledger's for a while.
const restoring = "is being restored"

// Health is what the log is to tell.
func (s Snapshot) Health() notice.Health {
	h := notice.Health{Why: s.Why, Notices: s.Notices, Covered: s.covered, Left: s.left, Standby: len(s.Shards) == 0}
	if strings.HasSuffix(s.Why, restoring) {
		h.Usual = time.Minute
	}
	return h
}
