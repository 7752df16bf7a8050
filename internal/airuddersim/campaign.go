package airuddersim

import "time"

// plan is what a campaign's number has in store for it. Shares are of the rows
// that were dialled at least once.
type plan struct {
	PauseAt  []float64 // it pauses at these shares, in order
	CancelAt float64   // it is canceled here; 0: never
	StopAt   float64   // its schedule ends here, the rest is never dialled; 0: never
	Late     bool      // it ends while its last calls are in progress
	Empty    bool      // it has no rows
}

// plans are the fates of campaigns; every one of them comes up in turn.
func plans() []plan {
	return []plan{
		{PauseAt: []float64{0.4}},
		{Late: true},
		{PauseAt: []float64{0.3}, StopAt: 0.85},
		{CancelAt: 0.6},
		{Empty: true},
		{PauseAt: []float64{0.2, 0.7}, Late: true},
	}
}

// create adds the next campaign.
func (s *Sim) create() {
	t := s.newTask(len(s.tasks) + 1)
	t.Plays = true
	fates := plans()
	t.Plan = fates[(t.No-1)%len(fates)]
	n := s.cfg.RowsPerTask
	n += random(s.cfg.Seed, forTask, t.No, 1).IntN(n/3+1) - n/6
	if t.Plan.Empty {
		n = 0
	}
	for i := range n {
		t.Rows = append(t.Rows, &row{ID: t.rowID(i), Status: Pending})
	}
	t.setStatus(Created, s.now)
	s.forgetRenderings()
	s.know(t)
	s.schedule(event{At: s.now.Add(s.cfg.Lead), Kind: evState, Task: t.No, State: Pending})
	s.schedule(event{At: t.Start, Kind: evState, Task: t.No, State: Calling})
}

// forgetRenderings lets go of how the rows of campaigns long over were rendered,
// so that a simulation that runs for days stays small.
func (s *Sim) forgetRenderings() {
	for _, t := range s.tasks {
		if !t.Plays || !t.ended() || s.now.Sub(t.States[len(t.States)-1].At) < s.cfg.Window {
			continue
		}
		t.last, t.old = nil, nil
		for _, r := range t.Rows {
			r.shown = nil
		}
	}
}

// know adds a task to those that the API serves.
func (s *Sim) know(t *task) {
	s.tasks = append(s.tasks, t)
	s.byID[t.ID] = t
}

// state lets a campaign take its next state; one that has ended takes none.
func (s *Sim) state(t *task, status string) {
	if t.ended() {
		return
	}
	t.setStatus(status, s.now)
	if status == Calling {
		s.wake(t, s.now)
	}
	if t.ended() && s.cfg.Renew {
		s.schedule(event{At: s.now.Add(s.cfg.Lead), Kind: evCreate})
	}
}

// wake has a calling task dial at a time, unless it is about to.
func (s *Sim) wake(t *task, at time.Time) {
	if t.Dialling || t.status() != Calling {
		return
	}
	t.Dialling = true
	s.schedule(event{At: at, Kind: evDial, Task: t.No})
}

// dial starts the next attempt of a campaign, or ends it.
func (s *Sim) dial(t *task) {
	t.Dialling = false
	if t.status() != Calling || s.interrupt(t) {
		return
	}
	switch {
	case len(t.Redials) > 0 && !t.Redials[0].Due.After(s.now):
		s.attempt(t, t.Redials[0].Row)
		t.Redials = t.Redials[1:]
	case t.Next < len(t.Rows):
		s.attempt(t, t.Next)
		t.Next++
	case len(t.Redials) > 0:
		s.wake(t, t.Redials[0].Due)
		return
	case t.InCall == 0 || t.Plan.Late:
		s.state(t, Finished)
		return
	default:
		return // the last hang-up wakes it
	}
	s.wake(t, s.now.Add(s.gap(t)))
}

// attempt calls a row's number; the hang-up follows from the seed.
func (s *Sim) attempt(t *task, index int) {
	s.begin(t, index)
	t.InCall++
	try := len(t.Rows[index].Attempts)
	took := s.outcome(t, index, try).duration()
	if t.Plan.Late && t.Next >= len(t.Rows)-2 {
		took += 3 * time.Second // lets the task's end overtake it
	}
	s.schedule(event{At: s.now.Add(took), Kind: evHangUp, Task: t.No, Row: index, Try: try})
}

// attemptsPerCall is how many attempts a finished call takes on average, those
// of canceled campaigns counted in.
const attemptsPerCall = 1.8

// gap is the time from one attempt's start to the next of the same task, such
// that all tasks together finish Config.Rate calls a second. While others have
// nothing to dial a task dials faster, but not so fast that it is over at once.
func (s *Sim) gap(t *task) time.Duration {
	dialling := 1
	for _, other := range s.tasks {
		if other != t && other.Plays && other.status() == Calling && other.hasWork(s.now) {
			dialling++
		}
	}
	t.Dials++
	mean := max(float64(dialling), 0.6*float64(s.cfg.Tasks)) / (s.cfg.Rate * attemptsPerCall)
	spread := 0.5 + random(s.cfg.Seed, forDialling, t.No, t.Dials).Float64()
	return time.Duration(mean * spread * float64(time.Second))
}

// hasWork reports whether the task has a number to dial now.
func (t *task) hasWork(now time.Time) bool {
	return t.Next < len(t.Rows) || len(t.Redials) > 0 && !t.Redials[0].Due.After(now)
}

// interrupt pauses, cancels or ends a campaign whose plan says so now.
func (s *Sim) interrupt(t *task) bool {
	share := 0.0
	if len(t.Rows) > 0 {
		share = float64(t.Next) / float64(len(t.Rows))
	}
	switch {
	case len(t.Plan.PauseAt) > 0 && share >= t.Plan.PauseAt[0]:
		t.Plan.PauseAt = t.Plan.PauseAt[1:]
		s.state(t, Paused)
		s.schedule(event{At: s.now.Add(s.cfg.Pause), Kind: evState, Task: t.No, State: Calling})
	case t.Plan.CancelAt > 0 && share >= t.Plan.CancelAt:
		s.cancelRows(t)
		s.state(t, Canceled)
	case t.Plan.StopAt > 0 && share >= t.Plan.StopAt:
		t.Redials = nil
		s.state(t, Finished)
	default:
		return false
	}
	return true
}

// cancelRows cancels a task's open rows. Half of the calls in progress continue
// and finish after the task.
func (s *Sim) cancelRows(t *task) {
	t.Redials = nil
	for i, r := range t.Rows {
		switch {
		case r.Status == Calling && random(s.cfg.Seed, forCancel, t.No, i).IntN(2) == 0:
		case r.Status == Calling:
			s.end(r, false)
			t.InCall = max(0, t.InCall-1)
			r.Status = Cancelled
		case r.Status == Pending:
			r.Status, r.shown = Cancelled, nil
		}
	}
}

// hangUp ends a row's attempt: the row is finished when it connected or was
// the last it gets, and waits for a redial otherwise.
func (s *Sim) hangUp(t *task, index, try int) {
	r := t.Rows[index]
	if r.Status != Calling || len(r.Attempts) != try {
		return // canceled or changed by hand meanwhile
	}
	t.InCall = max(0, t.InCall-1)
	connected := s.outcome(t, index, try).connected
	s.end(r, connected)
	switch {
	case connected || try >= t.Repeats || t.ended():
		s.finish(t, index)
	default:
		r.Status = Pending
		if random(s.cfg.Seed, forAttempt, t.No, index, try, 1).Float64() < s.cfg.Overtake {
			s.finish(t, index)
		}
		t.Redials = append(t.Redials, redial{Row: index, Due: s.now.Add(s.cfg.RedialWait)})
	}
	s.wake(t, s.now)
}
