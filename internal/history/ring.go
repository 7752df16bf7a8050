package history

import (
	"math"
	"time"
)

// ring keeps the values of all series, by a step of time. A cell is found by its time
// alone: the ring has one cell more than the time that it covers, so that the one under
// way is not one that is still to be shown.
type ring struct {
	series []Series
	step   time.Duration
	values [][]float32 // by series
	at     []int64     // which step each cell is of

	now   int64     // the step under way
	since time.Time // when the sums of it begin; zero: nothing is under way
	base  []reading // the readings then
	peaks []float32 // of gauges, since then
}

// maxLate is how many steps one sample may stand for, where the machine was busy. After
// more than that the time between is not known.
const maxLate = 3

func newRing(series []Series, step, covers time.Duration) ring {
	cells := int(covers/step) + 1
	r := ring{
		series: series, step: step, at: make([]int64, cells),
		values: make([][]float32, len(series)), peaks: make([]float32, len(series)),
	}
	for i := range r.values {
		r.values[i] = make([]float32, cells)
	}
	return r
}

func (r *ring) stepOf(t time.Time) int64 { return t.UnixNano() / int64(r.step) }

// sample closes the step under way once its time is over.
func (r *ring) sample(now time.Time, readings []reading) {
	step := r.stepOf(now)
	switch {
	case r.since.IsZero(), step < r.now: // the first; or the clock was set back
		r.begin(step, now, readings)
		return
	case step > r.now:
		for late := r.now; late < min(step, r.now+maxLate); late++ {
			cell := r.open(late)
			for i, s := range r.series {
				r.values[i][cell] = s.value(r.base[i], readings[i], r.peaks[i], now.Sub(r.since))
			}
		}
		r.begin(step, now, readings)
		return
	}
	for i, s := range r.series {
		r.peaks[i] = higher(r.peaks[i], s.gauge(readings[i]))
	}
}

func (r *ring) begin(step int64, now time.Time, readings []reading) {
	r.now, r.since, r.base = step, now, readings
	for i, s := range r.series {
		r.peaks[i] = s.gauge(readings[i])
	}
}

// open returns the index of a step's cell, which is empty where it held another step.
func (r *ring) open(step int64) int {
	cell := int(step % int64(len(r.at)))
	if r.at[cell] != step {
		r.at[cell] = step
		for i := range r.values {
			r.values[i][cell] = nan
		}
	}
	return cell
}

// add adds to a cell of the past, before the process began.
func (r *ring) add(series int, at time.Time, value float64, began time.Time) {
	step := r.stepOf(at)
	if step > r.stepOf(began) || r.at[step%int64(len(r.at))] > step { // which is newer
		return
	}
	cell := r.open(step)
	if v := &r.values[series][cell]; math.IsNaN(float64(*v)) {
		*v = float32(value)
	} else {
		*v += float32(value)
	}
}

// cells are a series' values from a time on, without the step under way.
func (r *ring) cells(series int, now, from time.Time) (all []Cell) {
	for step := r.stepOf(from); step < r.stepOf(now); step++ {
		c := Cell{From: time.Unix(0, step*int64(r.step)).UTC(), Value: math.NaN()}
		if cell := int(step % int64(len(r.at))); r.at[cell] == step {
			c.Value = float64(r.values[series][cell])
		}
		all = append(all, c)
	}
	return all
}

func higher(a, b float32) float32 {
	if math.IsNaN(float64(a)) || b > a {
		return b
	}
	return a
}
