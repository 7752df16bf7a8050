package exporter

import (
	"container/heap"
	"time"

	"airudder-exporter/internal/call"
)

// rank tells tasks apart where more are due than can be read: each rank has its
// lane, and the lanes take turns.
type rank int

const (
	resting rank = iota // not begun, paused, ended, sealed, or not read yet
	placing             // calls are being placed
	ending              // calls are being placed, and few rows are open: about to finish
	told                // a hint says that there is something new
	ranks               // how many there are
)

// rankOf is the rank of a task that shows a status and rows.
func rankOf(status string, c call.Counts) rank {
	switch {
	case call.Fold(status) != call.Calling:
		return resting
	case c.Rows > 0 && c.Open()*20 <= c.Rows:
		return ending
	}
	return placing
}

// turns are a round of them. Tasks of which a hint tells have every second turn, and of
// the others those about to finish: they need not wait for all others, nor the others for
// ever.
var turns = [...]rank{told, ending, told, placing, told, ending, told, resting}

// lane is a heap of jobs, the one that is due first on top.
type lane []*job

// due is the job that is due first; nil when there is none.
func (l lane) due() *job {
	if len(l) == 0 {
		return nil
	}
	return l[0]
}

// Len, Less, Swap, Push and Pop are heap.Interface.

func (l lane) Len() int           { return len(l) }
func (l lane) Less(i, j int) bool { return l[i].due.Before(l[j].due) }

func (l lane) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].place, l[j].place = i, j
}

func (l *lane) Push(x any) {
	j := x.(*job)
	j.place = len(*l)
	*l = append(*l, j)
}

func (l *lane) Pop() any {
	last := len(*l) - 1
	j := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	return j
}

// put makes a job due, or due at another time; the zero time: not until a
// listing shows a change. All times in the lanes are monotonic, so that a clock
// that is set cannot disorder them. s.mu is held.
func (s *schedule) put(j *job, due, now time.Time) {
	s.take(j)
	if j.due = due; due.IsZero() {
		return
	}
	j.due = now.Add(due.Sub(now))
	if j.waits, j.lane = true, j.rank; j.hinted {
		j.lane = told
	}
	heap.Push(&s.lanes[j.lane], j)
}

// take takes a job out of its lane, if it stands in one. s.mu is held.
func (s *schedule) take(j *job) {
	if j.waits {
		heap.Remove(&s.lanes[j.lane], j.place)
		j.waits = false
	}
}
