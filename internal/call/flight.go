package call

import "time"

// Flight is what a source waits for, at one moment.
type Flight struct {
	Answered time.Time // when the upstream last sent anything; zero: never
	Waiting  []Waiting // the requests that wait for its next bytes

	// Held is until when no request goes: the upstream asked for a pause, or refused the
	// key, which is not shown again before. Zero, or past: they go.
	Held time.Time
}

// Waiting is a request under way.
type Waiting struct {
	TaskID string    // of a task's detail; empty: the list, or a token
	Since  time.Time // when the request went, or when its last bytes were taken
}
