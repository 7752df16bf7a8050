package airuddersim

import (
	"net/http"
	"strconv"
	"time"
)

const htmlPage = "<!DOCTYPE html>\n<html><head><title>Maintenance</title></head>\n<body><h1>Sedang dalam perbaikan</h1><p>{\"data\": soon}</p></body></html>\n"

// badCode is the code of an answer whose status is good and whose code is not.
const badCode = 10003

// replace answers with what takes a response's place; false: this fault does
// not.
func (s *Sim) replace(w http.ResponseWriter, r *http.Request, endpoint string, f Fault) bool {
	switch f.Kind {
	case Unauthorized:
		s.refuse(w, endpoint, http.StatusUnauthorized, "token is invalid")
	case TooManyRequests:
		f.RetryAfter = or(f.RetryAfter, 1)
		s.retryAfter(w, f)
		s.refuse(w, endpoint, http.StatusTooManyRequests, "too many requests")
	case ServerError:
		s.retryAfter(w, f)
		s.refuse(w, endpoint, s.errorStatus(f), "internal error")
	case HTMLPage:
		s.plain(w, endpoint, http.StatusOK, "text/html; charset=utf-8", htmlPage)
	case HTMLError:
		s.plain(w, endpoint, http.StatusBadGateway, "text/html; charset=utf-8", htmlPage)
	case Garbage:
		s.plain(w, endpoint, http.StatusOK, "application/json", "{\"data\":{\"TaskID\":]]\x00\x17 oops")
	case EmptyBody:
		s.plain(w, endpoint, http.StatusOK, "application/json", "")
	case NullData:
		s.plain(w, endpoint, http.StatusOK, "application/json", string(answer(200, "OK", "null").head))
	case EmptyData:
		s.plain(w, endpoint, http.StatusOK, "application/json", string(s.good("[]").head))
	case BadCode:
		s.plain(w, endpoint, http.StatusOK, "application/json", string(answer(or(f.Status, badCode), "system busy", "null").head))
	case Hang:
		s.count(endpoint, 0)
		wait(r, time.Duration(f.DelayMS)*time.Millisecond)
		abort(w, false)
	default:
		return false
	}
	return true
}

// plain answers with a text as it stands.
func (s *Sim) plain(w http.ResponseWriter, endpoint string, status int, contentType, text string) {
	s.count(endpoint, status)
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

// retryAfter sets the header, in seconds or as a date.
func (s *Sim) retryAfter(w http.ResponseWriter, f Fault) {
	switch {
	case f.RetryAfter <= 0:
	case f.AsDate:
		at := s.cfg.Clock().Add(time.Duration(f.RetryAfter) * time.Second)
		w.Header().Set("Retry-After", at.UTC().Format(http.TimeFormat))
	default:
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
}

// errorStatus is the status of a server error.
func (s *Sim) errorStatus(f Fault) int {
	if f.Status != 0 {
		return f.Status
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return pick(s.drawn, []int{500, 502, 503})
}
