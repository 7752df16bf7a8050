package history

import (
	"math"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Series says what of the metrics is kept, and under which name.
type Series struct {
	Name     string
	family   string
	kind     kind
	quantile float64
	label    string
	values   []string // of the label; empty: all
	but      bool     // all but those
	times    float64
	some     bool // 0 is not known
}

type kind int

const (
	rate kind = iota // of a counter, a minute
	gauge
	quantile
)

// Rate is how much a counter grows a minute.
func Rate(name, family string) Series {
	return Series{Name: name, family: family, kind: rate, times: 1}
}

// Gauge is a gauge's value.
func Gauge(name, family string) Series {
	return Series{Name: name, family: family, kind: gauge, times: 1}
}

// Quantile is a quantile of what a histogram counted in a step, in its unit.
func Quantile(name, family string, q float64) Series {
	return Series{Name: name, family: family, kind: quantile, quantile: q, times: 1}
}

// Times multiplies each value.
func (s Series) Times(n float64) Series {
	s.times = n
	return s
}

// Some takes a gauge's 0 for a value that is not known.
func (s Series) Some() Series {
	s.some = true
	return s
}

// Where keeps only those metrics whose label has one of these values. All that are kept
// are summed.
func (s Series) Where(label string, values ...string) Series {
	s.label, s.values = label, values
	return s
}

// Except keeps only those whose label has none of these values.
func (s Series) Except(label string, values ...string) Series {
	s.label, s.values, s.but = label, values, true
	return s
}

// IsRate reports whether the series is counted a minute.
func (s Series) IsRate() bool { return s.kind == rate }

// reading is a series' metric at one time: a sum, or a histogram's buckets.
type reading struct {
	known   bool
	sum     float64
	buckets []bucket // cumulative, by their upper bounds
}

type bucket struct{ bound, count float64 }

// gauge is a gauge's value at one time; NaN: not known, or it is none.
func (s Series) gauge(r reading) float32 {
	if !r.known || s.kind != gauge || s.some && r.sum == 0 || math.IsInf(r.sum, 0) { // such as a budget without a bound
		return nan
	}
	return float32(r.sum)
}

func (s Series) read(family *dto.MetricFamily) reading {
	var r reading
	for _, m := range family.GetMetric() {
		if !s.takes(m) {
			continue
		}
		r.known = true
		switch {
		case m.Counter != nil:
			r.sum += m.Counter.GetValue()
		case m.Gauge != nil:
			r.sum += m.Gauge.GetValue()
		case m.Histogram != nil:
			r.add(m.Histogram)
		}
	}
	return r
}

func (s Series) takes(m *dto.Metric) bool {
	if s.label == "" {
		return true
	}
	for _, l := range m.GetLabel() {
		if l.GetName() == s.label {
			return slices.Contains(s.values, l.GetValue()) != s.but
		}
	}
	return s.but
}

// add adds a histogram's buckets; those of one family are alike.
func (r *reading) add(h *dto.Histogram) {
	if r.buckets == nil {
		r.buckets = make([]bucket, len(h.GetBucket()))
	}
	for i, b := range h.GetBucket() {
		r.buckets[i].bound = b.GetUpperBound()
		r.buckets[i].count += float64(b.GetCumulativeCount())
	}
	r.sum += float64(h.GetSampleCount())
}

// value is what a series was between two readings.
func (s Series) value(from, to reading, peak float32, took time.Duration) float32 {
	switch {
	case s.kind == gauge:
		return peak * float32(s.times)
	case !to.known:
		return nan
	case s.kind == rate:
		return float32(s.times * max(0, to.sum-from.sum) / took.Minutes())
	}
	return s.quantileOf(from, to) * float32(s.times)
}

// quantileOf interpolates as Prometheus' histogram_quantile does: evenly inside a bucket,
// and above the last bound it is that bound.
func (s Series) quantileOf(from, to reading) float32 {
	total := to.sum - from.sum
	if total <= 0 {
		return nan
	}
	rank, below, lower := s.quantile*total, 0.0, 0.0
	for i, b := range to.buckets {
		count := b.count
		if i < len(from.buckets) {
			count -= from.buckets[i].count
		}
		if math.IsInf(b.bound, 1) {
			break
		}
		if count >= rank {
			if count == below {
				return float32(b.bound)
			}
			return float32(lower + (b.bound-lower)*(rank-below)/(count-below))
		}
		below, lower = count, b.bound
	}
	return float32(lower)
}

// Meter tells what series were between its own looks.
type Meter struct {
	gatherer prometheus.Gatherer
	series   []Series
	at       time.Time
	readings []reading
}

// NewMeter returns one that has just looked.
func NewMeter(gatherer prometheus.Gatherer, series ...Series) *Meter {
	m := &Meter{gatherer: gatherer, series: series}
	m.Next()
	return m
}

// Next is how much time has passed since the last look, and what the series were in it, in
// their order; NaN where that is not known.
func (m *Meter) Next() (took time.Duration, values []float64) {
	byName, _ := gather(m.gatherer) // of what cannot be read nothing is known
	now := time.Now()
	took = now.Sub(m.at)
	before := m.readings
	m.at, m.readings = now, make([]reading, len(m.series))
	for i, s := range m.series {
		m.readings[i] = s.read(byName[s.family])
		if before != nil {
			values = append(values, float64(s.value(before[i], m.readings[i], s.gauge(m.readings[i]), took)))
		}
	}
	return took, values
}
