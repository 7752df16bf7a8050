package rig

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"airudder-exporter/internal/airuddersim"
)

// checkNumbers holds the events' task_sequence against themselves: 1, 2, 3 … for each
// task, each once. That they are in the order of committing, and the entries' numbers,
// the ledger's checks tell.
func (e *Evidence) checkNumbers() {
	numbers := map[string][]int64{}
	for _, call := range e.Calls {
		numbers[call.Text("task_id")] = append(numbers[call.Text("task_id")], call.Number("task_sequence"))
	}
	for taskID, of := range numbers {
		slices.Sort(of)
		for i, n := range of {
			if n != int64(i+1) {
				e.wrong(airuddersim.CallKey{TaskID: taskID}, "task %s: its %d events have the numbers %v", taskID, len(of), of)
				break
			}
		}
	}
}

// standing is what a status record has to say by the entries that stand before the one
// that was committed with it.
type standing struct {
	events []string // their CallIDs
	seal   int64    // the number of the last seal, that of this record included
}

// standings are those of each task's status records, by their sequence. Where a broker
// has cleaned the ledger, some are missing, and others are as of a later entry with the
// same sequence: see before.
func (e *Evidence) standings() map[string]map[int64]standing {
	all, events, last := map[string]map[int64]standing{}, map[string][]string{}, map[string]int64{}
	for _, entry := range e.Entries {
		about := airuddersim.CallKey{TaskID: entry.TaskID}
		of := events[entry.TaskID]
		switch {
		case entry.Kind == "call" && slices.Contains(of, entry.ID): // what became of an event
		case entry.Kind == "call" && entry.Text("as") == "event":
			if events[entry.TaskID] = append(of, entry.ID); entry.Number("n") != int64(len(of)+1) {
				e.wrong(entry.call(), "ledger: %s has the number %d after %d events", entry.Key, entry.Number("n"), len(of))
			}
		case entry.Kind != "task" || entry.Value == nil:
			continue
		case entry.Number("events") != int64(len(of)):
			e.wrong(about, "ledger: %s has %d events, and %d entries of events stand before it", entry.Key, entry.Number("events"), len(of))
		case !entry.Time("closed_at").IsZero() && !entry.Time("sealed_at").IsZero() && entry.Number("sealed_events") != int64(len(of)):
			e.wrong(about, "ledger: %s is closed with a seal of %d events, and has %d", entry.Key, entry.Number("sealed_events"), len(of))
		}
		if sequence := entry.Number("sequence"); entry.Kind == "task" && sequence > last[entry.TaskID] {
			if last[entry.TaskID] = sequence; all[entry.TaskID] == nil {
				all[entry.TaskID] = map[int64]standing{}
			}
			all[entry.TaskID][sequence] = standing{slices.Clone(of), entry.Number("seal")}
		}
	}
	return all
}

// before is a standing of which the cleaner may have left a later one, without the
// events and the seals that came after the record.
func (s standing) before(exported, seals int64) standing {
	return standing{s.events[:min(exported, int64(len(s.events)))], min(s.seal, seals)}
}

// checkStatuses counts again what each status record counts, and each seal.
func (e *Evidence) checkStatuses() {
	want, byTask := e.standings(), e.endsByTask()
	for taskID, changes := range e.changesByTask() {
		about := airuddersim.CallKey{TaskID: taskID}
		var exported, seals int64
		sealed := int64(-1) // what the seal that holds has told; -1: there is none
		for _, change := range changes {
			seal, is := change.Seal()
			if is {
				seals++
			}
			now := change.Number("exported")
			at, known := want[taskID][change.Number("sequence")]
			if e.Cleaned {
				at = at.before(now, seals)
			}
			if now < exported || known && (now != int64(len(at.events)) || at.seal != seals) {
				e.wrong(about, "%s: exported %d after %d, with %d seals; the ledger has %d events and %d seals before it",
					change, now, exported, seals, len(at.events), at.seal)
			}
			exported = now
			if rest := change.Number("unexported"); rest < 0 || rest > change.Number("rows_finished") {
				e.wrong(about, "%s: unexported %d of %d rows that are finished", change, rest, change.Number("rows_finished"))
			}
			if !is {
				sealed = -1
				continue
			}
			if now == sealed || seal.Number("seal_number") != seals {
				e.wrong(about, "%s: seal %d is the task's number %d; it tells of %d events, the one before held with %d",
					change, seal.Number("seal_number"), seals, now, sealed)
			}
			if sealed = now; known && seal.Text("digest") != digestOf(at.events) {
				e.wrong(about, "%s: the digest is not that of the %d events before it", change, len(at.events))
			}
			e.checkEnds(change, seal, byTask[taskID])
		}
	}
}

// ending is an event and the least offset that its partition ends at.
type ending struct {
	Record
	end int64
}

// endsByTask are each task's events. Where offsets are one sequence over all topics, that
// of the event's topic is its place among the events at least.
func (e *Evidence) endsByTask() map[string][]ending {
	byTask := map[string][]ending{}
	for i, call := range e.Calls {
		end := call.Offset + 1
		if e.Ordered {
			end = int64(i + 1)
		}
		byTask[call.Text("task_id")] = append(byTask[call.Text("task_id")], ending{call, end})
	}
	return byTask
}

// checkEnds holds where a seal says that the events end against where those stand that
// it tells of.
func (e *Evidence) checkEnds(change, seal Record, events []ending) {
	about := airuddersim.CallKey{TaskID: change.Text("task_id")}
	ends, _ := seal.Fields["event_offsets"].([]any)
	if seal.Text("event_topic") != e.Topics.Events || len(ends) != e.ByTopic[e.Topics.Events].Parts {
		e.wrong(about, "%s: a seal with %d offsets of %q; %s has %d partitions", change, len(ends), seal.Text("event_topic"),
			e.Topics.Events, e.ByTopic[e.Topics.Events].Parts)
		return
	}
	for _, event := range events {
		if event.Number("task_sequence") > change.Number("exported") {
			continue
		}
		if end, ok := ends[event.Partition].(int64); !ok || end < event.end {
			e.wrong(event.Call(), "%s: the seal's offsets %v end before %s, of which it tells", change, ends, event.Record)
		}
	}
}

// digestOf is the hex SHA-256 over the sorted ids, each followed by a newline.
func digestOf(callIDs []string) string {
	sum := sha256.New()
	for _, id := range slices.Sorted(slices.Values(callIDs)) {
		sum.Write([]byte(id + "\n"))
	}
	return hex.EncodeToString(sum.Sum(nil))
}
