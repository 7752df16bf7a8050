package exporter

import (
	"slices"
	"time"
)

// TopicStatus is a topic as it was when somebody last looked.
type TopicStatus struct {
	Name          string         `json:"name"`
	Partitions    int            `json:"partitions"`                // 0: the topic is missing
	Used          int            `json:"partitions_used,omitempty"` // that records are written to; 0: not known
	Replicas      int            `json:"replicas"`
	CleanupPolicy string         `json:"cleanup_policy,omitempty"` // empty: not known
	RetentionMS   int64          `json:"retention_ms,omitempty"`   // below 0: for ever; 0: not known, or the topic is only compacted
	Odd           []TopicSetting `json:"odd,omitempty"`            // what is not as it should be
}

// TopicSetting is what a topic is set to, but should not be.
type TopicSetting struct {
	Setting string `json:"setting"`
	Got     string `json:"is"`
	Want    string `json:"should_be"`
	Why     string `json:"why"`
	Breaks  bool   `json:"breaks_promise,omitempty"` // no exporter starts with it
}

// topicsSeen are the topics at the last look.
type topicsSeen struct {
	all []TopicStatus
	at  time.Time // zero: nobody has looked yet
}

// TopicsSeen takes what a look at the topics showed. Whoever looks does so again and
// again, and leaves out the looks that failed.
func (e *Exporter) TopicsSeen(all []TopicStatus) {
	e.mu.Lock()
	e.topics = topicsSeen{all, time.Now()}
	all = e.used()
	e.mu.Unlock()
	for _, t := range all {
		e.notices.Observe("topic "+t.Name, e.cfg.ofTopic(t)...)
	}
}

// used are the topics with the partitions that records are written to: of the ledger
// those that are its shards, of any other those that the producers at work counted when
// they began. e.mu is held.
func (e *Exporter) used() []TopicStatus {
	all := slices.Clone(e.topics.all)
	for i := range all {
		t := &all[i]
		if t.Name == e.cfg.LedgerTopic {
			t.Used = e.meta.Partitions
			continue
		}
		for _, r := range e.runs {
			if n := r.producer.Partitions(t.Name); t.Used == 0 || n < t.Used {
				t.Used = n
			}
		}
	}
	return all
}
