package airuddersim

import (
	"bytes"
	"fmt"
	"strings"
)

// SetDrift switches the fields' drift on or off, as a vendor's release would:
// tasks and rows get fields that no page documents, some of them with keys named
// like documented ones deeper inside, and documented fields change their types.
func (s *Sim) SetDrift(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setDrift(on)
}

func (s *Sim) setDrift(on bool) {
	if s.drift == on {
		return
	}
	s.drift = on
	s.renderAgain()
}

// renderAgain has all rows rendered again when they are sent next.
func (s *Sim) renderAgain() {
	for _, t := range s.tasks {
		for _, r := range t.Rows {
			r.shown = nil
		}
	}
}

// driftTask is a task's own fields after the drift.
func driftTask(fields []field) []field {
	for i, f := range fields {
		if f.name == "RepeatNumber" {
			fields[i].raw = quote(string(f.raw))
		}
	}
	return append(fields, field{"Region", quote("ID")},
		field{"Quota", []byte(`{"TaskID":"none","Status":"none","detail":[{"CallID":"none"}]}`)})
}

// driftRow is a row's fields after the drift.
func driftRow(fields []field, who person, index int) []field {
	for i, f := range fields {
		switch f.name {
		case "Comments": // its digits alone
			fields[i].raw = []byte(strings.TrimPrefix(who.comments, "C"))
		case "RingTime", "TalkRound":
			fields[i].raw = quote(string(f.raw))
		case "EventLabel":
			fields[i].raw = bytes.Replace(f.raw, []byte(`{"`), []byte(`{"score":87,"sure":0.93,"`), 1)
		case "ExtraC":
			fields[i].raw = number(int64(index))
		}
	}
	return append(fields,
		field{"AgentScore", []byte("0.82")},
		field{"Sentiment", []byte(`null`)},
		field{"CallQuality", fmt.Appendf(nil, `{"mos":4.1,"codec":"opus","trace":{"CallID":%q,"Status":"calling","hops":[1,2,{"Status":"x"}]}}`, strings.Repeat("f", 32))},
	)
}
