package kafka

import "bytes"

// decider finds out which batches of a partition are committed. It is fed all
// of them in offset order, uncommitted ones included, and judges by the
// control markers alone. Committed batches come out in offset order, so a
// batch waits for every earlier one whose transaction is still open. The zero
// decider is ready for use.
type decider struct {
	queue []queued        // in offset order, from the first that may be undecided
	first int             // how many batches left the queue before queue[0]
	open  map[int64][]int // producer id → its undecided batches, counted as first does
}

type queued struct {
	rawBatch
	outcome outcome
	owned   bool // records is a copy of our own
}

type outcome int8

const (
	undecided outcome = iota
	committed
	aborted
)

// add takes the partition's next batch and passes on what is decided by it.
// What it passes is valid only during the call.
func (d *decider) add(b rawBatch, deliver func(*rawBatch) error) error {
	switch {
	case b.attributes.Control():
		commit, ok := b.marker()
		if !ok {
			return nil // emptied by compaction, or no transaction's
		}
		d.decide(b.producerID, commit)
	case b.count == 0:
		return nil
	case !b.attributes.Transactional():
		d.queue = append(d.queue, queued{rawBatch: b, outcome: committed})
	default:
		if d.open == nil {
			d.open = make(map[int64][]int)
		}
		d.open[b.producerID] = append(d.open[b.producerID], d.first+len(d.queue))
		d.queue = append(d.queue, queued{rawBatch: b})
	}
	return d.flush(false, deliver)
}

// decide gives all undecided batches of a producer their outcome. A marker
// stands for everything of its producer id before it, whatever the epoch.
func (d *decider) decide(producerID int64, commit bool) {
	as := aborted
	if commit {
		as = committed
	}
	for _, i := range d.open[producerID] {
		d.queue[i-d.first].outcome = as
	}
	if len(d.open[producerID]) > 0 {
		d.open[producerID] = d.open[producerID][:0]
	}
}

// finish passes on the committed batches that waited for undecided ones. Those
// are dropped: by now no marker has come for them.
func (d *decider) finish(deliver func(*rawBatch) error) error {
	return d.flush(true, deliver)
}

func (d *decider) flush(all bool, deliver func(*rawBatch) error) error {
	done := 0
	for ; done < len(d.queue); done++ {
		b := &d.queue[done]
		if b.outcome == undecided && !all {
			break
		}
		if b.outcome == committed {
			if err := deliver(&b.rawBatch); err != nil {
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

// keep copies what still waits out of the response that it came in, whose
// memory is used again.
func (d *decider) keep() {
	for i := range d.queue {
		if b := &d.queue[i]; !b.owned && b.outcome != aborted {
			b.records, b.owned = bytes.Clone(b.records), true
		}
	}
}
