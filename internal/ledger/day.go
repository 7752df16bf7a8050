package ledger

import "time"

// Day is what a replay shows of a ledger's last day, for whoever shows the past. The set
// itself keeps no times.
type Day struct {
	Events map[int64]int     // that were observed, by Unix time in minutes; nil: nothing is counted
	Starts map[string]Writer // processes that wrote the shard, and began in this time; by Instance

	since time.Time
}

// WatchDay has the ledger note what happened since then, as its entries are applied. It
// must be called before any is.
func (l *Ledger) WatchDay(since time.Time) { l.day = Day{map[int64]int{}, map[string]Writer{}, since} }

// Day hands over what was noted, and ends that. Where a cleaner has left only what was noted
// of a call later, such as a revision, the call counts then; and of the writers it leaves
// the last.
func (l *Ledger) Day() Day {
	l.mu.Lock()
	defer l.mu.Unlock()
	noted := l.day
	l.day = Day{}
	return noted
}

func (d Day) published(p Published) {
	if d.Events != nil && p.As == Event && !p.At.Before(d.since) {
		d.Events[p.At.Unix()/60]++
	}
}

func (d Day) wrote(w Writer) {
	if d.Starts != nil && !w.Started.Before(d.since) {
		d.Starts[w.Instance] = w
	}
}
