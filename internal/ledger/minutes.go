package ledger

import "time"

// minutes counts events by the minute in which they were observed, for whoever shows
// the past. The set itself keeps no times.
type minutes struct {
	since time.Time
	count map[int64]int // by Unix time in minutes; nil: nothing is counted
}

// CountMinutes has the ledger count events that were observed since then, as they are
// applied. It must be called before anything is.
func (l *Ledger) CountMinutes(since time.Time) { l.minutes = minutes{since, map[int64]int{}} }

// Minutes hands over how many events were observed in each minute, by Unix time in
// minutes, and ends the counting. Where a cleaner has left only what was noted of a call
// later, such as a revision, the call counts then.
func (l *Ledger) Minutes() map[int64]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	counted := l.minutes.count
	l.minutes = minutes{}
	return counted
}

func (m minutes) add(p Published) {
	if m.count != nil && p.As == Event && !p.At.Before(m.since) {
		m.count[p.At.Unix()/60]++
	}
}
