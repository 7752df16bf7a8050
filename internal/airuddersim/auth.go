package airuddersim

import (
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// access is the one token that is good, as the API has it: asking again during
// its life gives the same token and restarts its clock.
type access struct {
	token   string
	expires time.Time
	issued  int // tokens so far
}

// ExpireToken makes the token bad at once.
func (s *Sim) ExpireToken() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.access.expires = time.Time{}
}

func (s *Sim) serveAuth(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		return // the client went away
	}
	drawn, ok := s.admit(w, r, Auth, "")
	if !ok {
		return
	}
	var ask struct{ APPKey, APPSecret string }
	if json.Unmarshal(raw, &ask) != nil {
		s.refuse(w, Auth, http.StatusBadRequest, "invalid request")
		return
	}
	if !matches(s.cfg.AppKey, ask.APPKey) || !matches(s.cfg.AppSecret, ask.APPSecret) {
		s.refuse(w, Auth, http.StatusUnauthorized, "APPKey or APPSecret is wrong")
		return
	}
	s.count(Auth, http.StatusOK)
	s.send(w, r, s.good(`{"token":`+quoted(s.grant())+`}`), drawn)
}

// matches compares a credential with the right one; when none is set, any is.
func matches(right, given string) bool { return right == "" || right == given }

// grant gives out the token that is good, a new one when the last has expired.
func (s *Sim) grant() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Clock()
	if !now.Before(s.access.expires) {
		s.access.issued++
		s.access.token = tokenText(s.cfg.Seed, s.access.issued)
	}
	s.access.expires = now.Add(s.cfg.TokenTTL)
	return s.access.token
}

// authorized reports whether a request carries the good token, and answers 401
// when it does not.
func (s *Sim) authorized(w http.ResponseWriter, r *http.Request, endpoint string) bool {
	s.mu.Lock()
	good := s.access.token != "" && s.cfg.Clock().Before(s.access.expires) &&
		r.Header.Get("Authorization") == s.cfg.AuthScheme+" "+s.access.token
	s.mu.Unlock()
	if !good {
		s.refuse(w, endpoint, http.StatusUnauthorized, "token is invalid or has expired")
	}
	return good
}
