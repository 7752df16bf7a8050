package batch

import "bytes"

// Decider finds out which batches of a partition are committed. It is fed all
// of them in offset order, uncommitted ones included, and judges by the
// control markers alone. Committed batches come out in offset order, so a
// batch waits for every earlier one whose transaction is still open. The zero
// Decider is ready for use.
type Decider struct {
	queue []queued        // in offset order, from the first that may be undecided
	first int             // how many batches left the queue before queue[0]
	open  map[int64][]int // producer id → its undecided batches, counted as first does
}

type queued struct {
	Batch
	outcome outcome
	owned   bool // records is a copy of our own
}

type outcome int8

const (
	undecided outcome = iota
	committed
	aborted
)

// Add takes the partition's next batch and passes on what is decided by it.
// What it passes is valid only during the call.
func (d *Decider) Add(b Batch, deliver func(*Batch) error) error {
	switch {
	case b.Control():
		commit, ok := b.Marker()
		if !ok {
			return nil // emptied by compaction, or no transaction's
		}
		d.decide(b.ProducerID, commit)
	case b.Count == 0:
		return nil
	case !b.attributes.Transactional():
		d.queue = append(d.queue, queued{Batch: b, outcome: committed})
	default:
		if d.open == nil {
			d.open = make(map[int64][]int)
		}
		d.open[b.ProducerID] = append(d.open[b.ProducerID], d.first+len(d.queue))
		d.queue = append(d.queue, queued{Batch: b})
	}
	return d.flush(false, deliver)
}

// decide gives all undecided batches of a producer their outcome. A marker
// stands for everything of its producer id before it, whatever the epoch.
func (d *Decider) decide(ProducerID int64, commit bool) {
	as := aborted
	if commit {
		as = committed
	}
	for _, i := range d.open[ProducerID] {
		d.queue[i-d.first].outcome = as
	}
	if len(d.open[ProducerID]) > 0 {
		d.open[ProducerID] = d.open[ProducerID][:0]
	}
}

// Finish passes on the committed batches that waited for undecided ones. Those
// are dropped: by now no marker has come for them.
func (d *Decider) Finish(deliver func(*Batch) error) error {
	return d.flush(true, deliver)
}

func (d *Decider) flush(all bool, deliver func(*Batch) error) error {
	done := 0
	for ; done < len(d.queue); done++ {
		b := &d.queue[done]
		if b.outcome == undecided && !all {
			break
		}
		if b.outcome == committed {
			if err := deliver(&b.Batch); err != nil {
				return err
			}
		}
	}
	d.first += done
	if done == len(d.queue) {
		clear(d.queue)
		d.queue = d.queue[:0]
		return nil
	}
	clear(d.queue[:done])
	d.queue = d.queue[done:]
	return nil
}

// Keep copies what still waits out of the response that it came in, whose
// memory is used again.
func (d *Decider) Keep() {
	for i := range d.queue {
		if b := &d.queue[i]; !b.owned && b.outcome != aborted {
			b.records, b.owned = bytes.Clone(b.records), true
		}
	}
}
