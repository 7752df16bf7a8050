package airuddersim

import (
	"net/http"
	"time"
)

// second counts the answers of one second of Config.Clock.
type second struct {
	began time.Time
	n     int
}

// limited answers 429, without a Retry-After, where RateLimit is used up.
func (s *Sim) limited(w http.ResponseWriter, endpoint string) bool {
	s.mu.Lock()
	now := s.cfg.Clock()
	if now.Sub(s.second.began) >= time.Second {
		s.second = second{began: now}
	}
	s.second.n++
	beyond := s.odd.has(RateLimit) && s.second.n > s.odd.number(RateLimit)
	s.mu.Unlock()
	if beyond {
		s.refuse(w, endpoint, http.StatusTooManyRequests, "too many requests")
	}
	return beyond
}
