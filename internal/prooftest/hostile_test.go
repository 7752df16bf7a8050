package prooftest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
)

// hostile stands before the simulated AIRudder and answers in its place, with
// marks wherever an answer has room for them. It keeps the tokens given out.
type hostile struct {
	mu      sync.Mutex
	left    map[string][]http.HandlerFunc // by the path's last part
	refuses bool
	tokens  []string
}

func (h *hostile) queue() {
	for _, endpoint := range []string{"auth", "list", "detail"} {
		for _, a := range hostileAnswers() {
			if endpoint != "auth" || a.status/100 != 4 { // a refused key is tried again slowly, see refuseLogin
				h.left[endpoint] = append(h.left[endpoint], a.serve)
			}
		}
	}
}

// hostileAnswer is an answer that echoes what it was asked, as bad servers do.
type hostileAnswer struct {
	status int
	header map[string]string
	body   string
}

func (a hostileAnswer) serve(w http.ResponseWriter, _ *http.Request) {
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

func hostileAnswers() []hostileAnswer {
	e := `"` + echo + `"`
	return []hostileAnswer{
		{400, nil, `{"code":400,"status":` + e + `,"message":` + e + `}`},
		{200, nil, `{"code":10001,"status":` + e + `,"message":` + e + `,"data":` + e + `}`},
		{200, nil, `{"code":` + e + `,"data":{}}`},
		{200, nil, `{"code":200,"data":` + e + `}`},
		{200, nil, `{"code":200,"data":{` + e + `:1,"detail":` + e + `}}`},
		{200, nil, `{"code":200,"data":{"TaskID":` + e + `,"detail":[]}}`},
		{200, nil, `{"code":200,"data":{"detail":[` + echo},
		{200, nil, echo},
		{200, map[string]string{"Content-Type": "text/html; " + echo}, "<html>" + echo},
		{200, map[string]string{"Content-Encoding": echo}, "x"},
		{200, map[string]string{"Content-Encoding": "gzip"}, echo},
		{302, map[string]string{"Location": "http://127.0.0.1:1/" + echo + "?token=" + echo}, echo},
		{401, nil, `{"code":401,"status":` + e + `}`},
		{403, nil, `{"code":403,"message":` + e + `}`},
		{500, map[string]string{"Retry-After": echo}, echo},
	}
}

func (h *hostile) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		endpoint := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		if answer := h.next(endpoint); answer != nil {
			answer(w, r)
			return
		}
		if endpoint != "auth" {
			next.ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		var envelope struct{ Data struct{ Token string } }
		if json.Unmarshal(rec.Body.Bytes(), &envelope) == nil && envelope.Data.Token != "" {
			h.mu.Lock()
			h.tokens = append(h.tokens, envelope.Data.Token)
			h.mu.Unlock()
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

// next is the answer to the next request, while there are any.
func (h *hostile) next(endpoint string) http.HandlerFunc {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refuses && endpoint == "auth" {
		return hostileAnswer{401, nil, `{"code":401,"status":"` + echo + `"}`}.serve
	}
	left := h.left[endpoint]
	if len(left) == 0 {
		return nil
	}
	h.left[endpoint] = left[1:]
	return left[0]
}

// served reports whether every answer was given.
func (h *hostile) served() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.left["list"])+len(h.left["detail"])+len(h.left["auth"]) == 0
}

func (h *hostile) refuseLogin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refuses = true
}

func (h *hostile) secrets() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.tokens)
}
