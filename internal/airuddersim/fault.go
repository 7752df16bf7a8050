package airuddersim

import (
	"maps"
	"slices"
)

// FaultKind names one way in which a response can be bad, or merely odd.
type FaultKind string

// Faults that take a whole response's place. They work at every endpoint.
const (
	Unauthorized    FaultKind = "unauthorized"      // 401
	TooManyRequests FaultKind = "too_many_requests" // 429; Retry-After in seconds, or as a date
	ServerError     FaultKind = "server_error"      // Fault.Status, or one of 500, 502, 503
	HTMLPage        FaultKind = "html"              // a web page with 200
	HTMLError       FaultKind = "html_502"          // a web page with 502
	Hang            FaultKind = "hang"              // no answer until the client gives up, or Fault.DelayMS
	Garbage         FaultKind = "garbage"           // 200 and bytes that are no JSON
	NullData        FaultKind = "null_data"         // "data": null in a good envelope
	EmptyBody       FaultKind = "empty_body"        // 200 and nothing
	BadCode         FaultKind = "bad_code"          // HTTP 200 around an envelope whose code is not 200
)

// Faults on the way of a body that is right. They work at every endpoint;
// Fault.After says how many bytes of the uncompressed body get through.
const (
	Cut              FaultKind = "cut"               // the connection is closed in the middle
	Reset            FaultKind = "reset"             // the connection is reset in the middle
	Stall            FaultKind = "stall"             // nothing more comes until the client gives up
	ShortLength      FaultKind = "short_length"      // Content-Length promises more than comes
	Truncated        FaultKind = "truncated"         // Content-Length agrees with the truncated body
	TruncatedChunked FaultKind = "truncated_chunked" // truncated, the transfer ends well
	Slow             FaultKind = "slow"              // whole, in pieces, Fault.DelayMS apart
)

// Damage to one row of a detail response.
const (
	BrokenJSON  FaultKind = "broken_json"  // braces and quotes balance, the JSON between them does not parse
	InvalidUTF8 FaultKind = "invalid_utf8" // a byte that UTF-8 does not have
	NoCallID    FaultKind = "no_call_id"   // finished, and CallID is empty, null or absent
	HugeRow     FaultKind = "huge_row"     // Fault.After bytes, or 1 MB, in an unknown field
	DeepRow     FaultKind = "deep_row"     // arrays nested 10,000 deep in an unknown field
)

// Forms of a detail response that are right, but not the documented sample's.
const (
	Shuffled      FaultKind = "shuffled"       // fields of envelope, task and rows in any order
	DetailFirst   FaultKind = "detail_first"   // detail ahead of the task's own fields
	DuplicateKeys FaultKind = "duplicate_keys" // keys sent twice, the last one right
	Sparse        FaultKind = "sparse"         // optional fields missing or null
	Nested        FaultKind = "nested"         // keys named CallID and Status deeper inside rows
)

// Answers that mislead about a task: each ends well, and is not to be believed
// alone.
const (
	Stale        FaultKind = "stale"          // as it was before the task took its present state, from a cache (Config.Cache)
	EmptyDetail  FaultKind = "empty_detail"   // "detail": []
	NullDetail   FaultKind = "null_detail"    // "detail": null
	EmptyData    FaultKind = "empty_data"     // "data": []
	BadCodeFirst FaultKind = "bad_code_first" // a code that is not good before right rows
	BadCodeLast  FaultKind = "bad_code_last"  // a code that is not good after right rows

	PlaceholderCallID FaultKind = "placeholder_call_id" // one finished row's CallID is 0, -- or blank
	SurrogateCallID   FaultKind = "surrogate_call_id"   // one finished row's CallID is half of a UTF-16 pair
)

// Lies are the kinds that mislead about a task; they work at details alone.
func Lies() []FaultKind {
	return []FaultKind{Stale, EmptyDetail, NullDetail, EmptyData, BadCodeFirst, BadCodeLast, PlaceholderCallID, SurrogateCallID}
}

// FaultKinds are all other kinds, in the order of their description.
func FaultKinds() []FaultKind {
	return slices.Concat(wholeFaults(), bodyFaults(), rowFaults(), forms())
}

func wholeFaults() []FaultKind {
	return []FaultKind{Unauthorized, TooManyRequests, ServerError, HTMLPage, HTMLError, Hang, Garbage, NullData, EmptyBody, BadCode}
}

func bodyFaults() []FaultKind {
	return []FaultKind{Cut, Reset, Stall, ShortLength, Truncated, TruncatedChunked, Slow}
}

func rowFaults() []FaultKind {
	return []FaultKind{BrokenJSON, InvalidUTF8, NoCallID, HugeRow, DeepRow}
}

func forms() []FaultKind {
	return []FaultKind{Shuffled, DetailFirst, DuplicateKeys, Sparse, Nested}
}

// detailOnly reports whether a kind means something for a task's detail alone.
func (k FaultKind) detailOnly() bool {
	return slices.Contains(rowFaults(), k) || slices.Contains(forms(), k) || slices.Contains(Lies(), k)
}

// spoils reports whether a row so damaged may become a dead letter.
func (k FaultKind) spoils() bool {
	return slices.Contains(rowFaults(), k) || k == PlaceholderCallID || k == SurrogateCallID
}

// known reports whether there is such a kind.
func (k FaultKind) known() bool {
	return slices.Contains(FaultKinds(), k) || slices.Contains(Lies(), k)
}

// Endpoints, as a Fault names them.
const (
	Auth   = "auth"
	List   = "list"
	Detail = "detail"
)

// Fault is something that happens to one response. Zero fields leave the choice
// to the seed.
type Fault struct {
	Kind     FaultKind `json:"kind"`
	Endpoint string    `json:"endpoint,omitempty"` // auth, list or detail; empty: any that the kind works at
	TaskID   string    `json:"task_id,omitempty"`  // of a detail; empty: any
	Times    int       `json:"times,omitempty"`    // how many responses; 0: one

	After      int64 `json:"after,omitempty"`       // bytes
	Status     int   `json:"status,omitempty"`      // HTTP status of a server_error, envelope code of a bad_code
	RetryAfter int   `json:"retry_after,omitempty"` // seconds; 0: none is sent with a server_error, 1 with a 429
	AsDate     bool  `json:"as_date,omitempty"`     // Retry-After as a date
	DelayMS    int   `json:"delay_ms,omitempty"`    // milliseconds
	Row        int   `json:"row,omitempty"`         // which row of the response, from 1; 0: one that shows a finished call
}

// fits reports whether a scripted fault is for such a request.
func (f Fault) fits(endpoint, taskID string) bool {
	if f.Kind.detailOnly() && endpoint != Detail {
		return false
	}
	return (f.Endpoint == "" || f.Endpoint == endpoint) && (f.TaskID == "" || f.TaskID == taskID)
}

// faults are those that wait and those that come at random.
type faults struct {
	script   []Fault
	rates    map[FaultKind]float64
	injected map[FaultKind]int
}

func newFaults(rates map[FaultKind]float64) faults {
	f := faults{rates: maps.Clone(rates), injected: map[FaultKind]int{}}
	if f.rates == nil {
		f.rates = map[FaultKind]float64{}
	}
	return f
}

// Script queues faults: each happens to the next response that it fits, the
// first one queued first.
func (s *Sim) Script(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.script = append(s.faults.script, faults...)
}

// Scripted is how many scripted faults are still to happen.
func (s *Sim) Scripted() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults.script {
		n += max(1, f.Times)
	}
	return n
}

// SetFaultRate has a kind of fault happen to that share of all responses it
// works at, from 0 to 1.
func (s *Sim) SetFaultRate(kind FaultKind, share float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.rates[kind] = share
}

// ClearFaults empties the script and sets every rate to 0.
func (s *Sim) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.script = nil
	clear(s.faults.rates)
}

// draw is what happens to one response: the first scripted fault that fits, or
// what the rates say, of which at most one is no damage to a row and no form.
func (s *Sim) draw(endpoint, taskID string) []Fault {
	for i, f := range s.faults.script {
		if !f.fits(endpoint, taskID) {
			continue
		}
		if f.Times > 1 {
			s.faults.script[i].Times--
		} else {
			s.faults.script = slices.Delete(s.faults.script, i, i+1)
		}
		return []Fault{f}
	}
	var drawn []Fault
	taken := false
	for _, kind := range append(FaultKinds(), Lies()...) {
		share := s.faults.rates[kind]
		hit := share > 0 && s.drawn.Float64() < share
		f := Fault{Kind: kind, AsDate: hit && s.drawn.IntN(2) == 0}
		if !hit || !f.fits(endpoint, taskID) || (taken && !kind.detailOnly()) {
			continue
		}
		taken = taken || !kind.detailOnly()
		drawn = append(drawn, f)
	}
	return drawn
}
