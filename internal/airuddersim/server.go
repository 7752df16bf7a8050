package airuddersim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Handler serves the API and the truth; see the package comment for its paths.
func (s *Sim) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /service/cloud/auth", s.serveAuth)
	mux.HandleFunc("GET /service/cloud/list", s.serveList)
	mux.HandleFunc("POST /service/cloud/list", s.serveList)
	mux.HandleFunc("GET /service/cloud/detail", s.serveDetail)
	mux.HandleFunc("POST /service/cloud/detail", s.serveDetail)
	mux.HandleFunc("POST /service/cloud/workflow/taskdetail", s.serveDetail)
	mux.HandleFunc("GET /truth", s.serveTruth)
	mux.HandleFunc("GET /faults", s.serveFaults)
	mux.HandleFunc("POST /faults", s.orderFaults)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	return mux
}

// answer is an envelope whose data is JSON already.
func answer(code int, status, data string) *body {
	return &body{head: fmt.Appendf(nil, `{"data":%s,"status":%s,"code":%d}`, data, quote(status), code)}
}

// good is the answer to a request that went well.
func (s *Sim) good(data string) *body {
	s.mu.Lock()
	defer s.mu.Unlock()
	return answer(s.goodCode(), "OK", data)
}

// goodCode is the code of answers to what went well.
func (s *Sim) goodCode() int {
	if s.odd.has(Code) {
		return s.odd.number(Code)
	}
	return http.StatusOK
}

// refuse answers a request that is itself at fault.
func (s *Sim) refuse(w http.ResponseWriter, endpoint string, code int, text string) {
	s.count(endpoint, code)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(answer(code, text, "null").head)
}

// admit draws the faults of a request, and answers it already when one takes
// the response's place.
func (s *Sim) admit(w http.ResponseWriter, r *http.Request, endpoint, taskID string) (drawn []Fault, admitted bool) {
	s.mu.Lock()
	drawn = s.draw(endpoint, taskID)
	for _, f := range drawn {
		s.faults.injected[f.Kind]++
	}
	s.mu.Unlock()
	for _, f := range drawn {
		if s.replace(w, r, endpoint, f) {
			return drawn, false
		}
	}
	return drawn, true
}

// count counts an answer.
func (s *Sim) count(endpoint string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[fmt.Sprintf("%s %d", endpoint, status)]++
}

// Requests is how often each endpoint was asked (auth, list, detail), whatever
// it answered.
func (s *Sim) Requests() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	byEndpoint := map[string]int{Auth: 0, List: 0, Detail: 0}
	for key, n := range s.requests {
		endpoint, _, _ := strings.Cut(key, " ")
		byEndpoint[endpoint] += n
	}
	return byEndpoint
}

func (s *Sim) serveDetail(w http.ResponseWriter, r *http.Request) {
	id := parameters(r).Get("TaskID")
	if !s.authorized(w, r, Detail) || s.limited(w, Detail) {
		return
	}
	t := s.find(id)
	if t == nil {
		s.refuse(w, Detail, http.StatusNotFound, "task not found")
		return
	}
	drawn, ok := s.admit(w, r, Detail, id)
	if !ok {
		return
	}
	s.mu.Lock()
	b := s.detailAnswer(t, drawn)
	late := time.Duration(len(b.rows)) * s.odd.duration(LatePerRow)
	s.mu.Unlock()
	if late > 0 && !wait(r, late) {
		return
	}
	s.count(Detail, http.StatusOK)
	s.send(w, r, b, drawn)
}

// find is the task that the API knows by an id; nil: none.
func (s *Sim) find(taskID string) *task {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.byID[taskID]; t != nil && !t.Gone {
		return t
	}
	return nil
}

// settle writes into the truth what a response showed: n bytes of the body
// were handed to the connection, and it ended well or did not.
func (s *Sim) settle(b *body, n int64, complete bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.unread {
		return
	}
	if complete && b.state != nil && b.state.ServedAt.IsZero() {
		b.state.ServedAt = s.now
	}
	for i, row := range b.rows {
		if b.sent[i] > n {
			return
		}
		row.settle(s.now, complete, b.state)
	}
}

// settle marks the call that a whole row showed, while its task was in a state.
func (row *shown) settle(now time.Time, complete bool, state *StateAt) {
	c := row.call
	switch {
	case c == nil:
	case row.damage == "":
		c.Served = true
		if complete {
			c.sound()
		}
		v := row.version
		v.At, v.Shown = now, complete
		c.saw(v)
	default:
		c.damagedBy(row.damage)
		if complete {
			a := Ailing{Kind: row.damage, Since: now, Last: now, Responses: 1, Sum: sumOf(row.raw)}
			if state != nil && (state.Status == Finished || state.Status == Canceled) {
				a.EndedSince = now
			}
			c.ails(a)
		}
	}
}

// damagedBy notes a kind of damage, once.
func (c *Call) damagedBy(kind FaultKind) {
	for _, known := range c.Damaged {
		if known == kind {
			return
		}
	}
	c.Damaged = append(c.Damaged, kind)
}

// serveTruth streams the truth, task by task.
func (s *Sim) serveTruth(w http.ResponseWriter, _ *http.Request) {
	truth := s.Truth()
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"now":%s,"stopped":%t,"tasks":[`, quote(truth.Now.Format("2006-01-02T15:04:05.999999999Z07:00")), truth.Stopped)
	out := json.NewEncoder(w)
	for i, t := range truth.Tasks {
		if i > 0 {
			fmt.Fprint(w, ",")
		}
		if out.Encode(t) != nil {
			return // the client went away
		}
	}
	fmt.Fprint(w, "]}\n")
}
