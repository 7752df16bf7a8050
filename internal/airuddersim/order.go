package airuddersim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// FaultOrder is what POST /faults takes. Absent fields change nothing.
type FaultOrder struct {
	Clear  bool                  `json:"clear,omitempty"` // first empties the script and the rates
	Script []Fault               `json:"script,omitempty"`
	Rates  map[FaultKind]float64 `json:"rates,omitempty"` // shares of responses, 0 to 1
	Drift  *bool                 `json:"drift,omitempty"`

	Oddities map[Oddity]string `json:"oddities,omitempty"` // those that the account has from now on; {}: none
	Stop     bool              `json:"stop,omitempty"`     // finish no more calls
}

// FaultReport is what GET /faults answers.
type FaultReport struct {
	Waiting  int                   `json:"waiting"` // scripted faults that no response has met yet
	Rates    map[FaultKind]float64 `json:"rates"`
	Injected map[FaultKind]int     `json:"injected"` // faults that happened, by kind
	Requests map[string]int        `json:"requests"` // "detail 200": how many; status 0 is no answer
	Drift    bool                  `json:"drift"`
	Oddities map[Oddity]string     `json:"oddities,omitempty"`
}

// Faults says which faults wait and which happened.
func (s *Sim) Faults() FaultReport {
	s.mu.Lock()
	defer s.mu.Unlock()
	return FaultReport{
		Waiting: len(s.faults.script), Rates: maps.Clone(s.faults.rates),
		Injected: maps.Clone(s.faults.injected), Requests: maps.Clone(s.requests), Drift: s.drift, Oddities: s.odd.texts,
	}
}

// Order does what a FaultOrder asks, or nothing when some of it is invalid.
func (s *Sim) Order(o FaultOrder) error {
	if err := o.validate(); err != nil {
		return err
	}
	if o.Clear {
		s.ClearFaults()
	}
	s.Script(o.Script...)
	for kind, share := range o.Rates {
		s.SetFaultRate(kind, share)
	}
	if o.Drift != nil {
		s.SetDrift(*o.Drift)
	}
	if o.Oddities != nil {
		if err := s.SetOddities(o.Oddities); err != nil {
			return err
		}
	}
	if o.Stop {
		s.Stop()
	}
	return nil
}

// validate reports the first kind, endpoint or rate that means nothing.
func (o FaultOrder) validate() error {
	if _, err := readOddities(o.Oddities); err != nil {
		return err
	}
	for _, f := range o.Script {
		if !f.Kind.known() {
			return fmt.Errorf("no kind of fault is called %q", f.Kind)
		}
		if !slices.Contains([]string{"", Auth, List, Detail}, f.Endpoint) {
			return fmt.Errorf("no endpoint is called %q: auth, list or detail", f.Endpoint)
		}
	}
	for _, kind := range sortedKeys(o.Rates) {
		if !kind.known() {
			return fmt.Errorf("no kind of fault is called %q", kind)
		}
		if share := o.Rates[kind]; share < 0 || share > 1 {
			return fmt.Errorf("the rate of %s is %v, not from 0 to 1", kind, share)
		}
	}
	return nil
}

func (s *Sim) serveFaults(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.Faults())
}

func (s *Sim) orderFaults(w http.ResponseWriter, r *http.Request) {
	var o FaultOrder
	in := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	in.DisallowUnknownFields()
	if err := in.Decode(&o); err != nil {
		http.Error(w, "read the order: "+err.Error(), http.StatusBadRequest)
		return
	}
	if err := s.Order(o); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.serveFaults(w, r)
}

// sortedKeys are a map's keys in order.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
