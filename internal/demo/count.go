package demo

import (
	"context"
	"fmt"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/kafka"
)

// count holds the events against the calls that finished.
type count struct {
	Finished      int `json:"finished"`
	Events        int `json:"events"`
	Duplicates    int `json:"duplicates"`
	Missing       int `json:"missing"`
	NeverFinished int `json:"never_finished,omitempty"` // events of calls that did not
}

func (c count) String() string {
	s := fmt.Sprintf("finished %d · events %d · duplicates %d · missing %d",
		c.Finished, c.Events, c.Duplicates, c.Missing)
	if c.NeverFinished > 0 {
		s += fmt.Sprintf(" · never finished %d", c.NeverFinished)
	}
	return s
}

// count reads the whole topic again, read_committed, with a client of its own,
// and compares it with what the simulator knows.
func (w *world) count(ctx context.Context) (count, error) {
	reader, err := w.openReader()
	if err != nil {
		return count{}, err
	}
	defer reader.client.Close()
	ranges, err := reader.client.Ends(ctx, topic)
	if err != nil {
		return count{}, err
	}
	var events []airuddersim.CallKey
	for partition, r := range ranges {
		err := reader.client.Scan(ctx, topic, partition, r.Start, r.End, func(m kafka.Message) error {
			event, err := reader.decoder.Event(ctx, m.Record)
			events = append(events, airuddersim.CallKey{TaskID: event.TaskID, CallID: event.CallID})
			return err
		})
		if err != nil {
			return count{}, err
		}
	}
	p := w.sim.Truth().Check(events)
	return count{p.Finished, p.Events, len(p.Duplicates), len(p.Missing), len(p.Unknown)}, nil
}

// finished is how many calls there must be an event for, once all is done.
func (w *world) finished() (n int) {
	for _, t := range w.sim.Truth().Tasks {
		n += len(t.Calls)
	}
	return n
}
