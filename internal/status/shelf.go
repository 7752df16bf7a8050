package status

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// What readers cost is bounded: one look at the exporter a second, one body for all
// who ask for the same thing in that second, and so many readers at once. A slow
// reader holds on to one body; how long, the server's writeTimeout says.
const (
	fresh      = time.Second
	maxReaders = 32
	maxBodies  = 16 // kept at once; others are built for their reader alone
)

// shelf holds what was built for the readers of the last second.
type shelf struct {
	state   *State
	readers chan struct{} // one token for each

	mu      sync.Mutex
	taken   time.Time // when the picture was finished; zero: never
	picture *picture
	bodies  map[any][]byte // of the picture, by what was asked for
}

func newShelf(s *State) *shelf {
	return &shelf{state: s, readers: make(chan struct{}, maxReaders)}
}

// serve answers with the body for key, which build makes of the picture. Whoever comes
// when there are too many readers is sent away.
func (s *shelf) serve(w http.ResponseWriter, key any, build func(*picture) ([]byte, error)) {
	select {
	case s.readers <- struct{}{}:
		defer func() { <-s.readers }()
	default:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many readers at once: "+strconv.Itoa(maxReaders)+" are served; try again in a second",
			http.StatusServiceUnavailable)
		return
	}
	body, err := s.body(key, build)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // a client that left is not our error
}

func (s *shelf) body(key any, build func(*picture) ([]byte, error)) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.picture == nil || time.Since(s.taken) >= fresh {
		s.picture, s.bodies = take(s.state), map[any][]byte{}
		s.taken = time.Now()
	}
	if body, ok := s.bodies[key]; ok {
		return body, nil
	}
	body, err := build(s.picture)
	if err == nil && len(s.bodies) < maxBodies {
		s.bodies[key] = body
	}
	return body, err
}
