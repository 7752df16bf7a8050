package token

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// patience is how long one attempt to get a token may take.
	patience = 10 * time.Second

	// pause is the least time between an attempt that failed and the next.
	pause = time.Second

	// margin is how long before its end a token is not shown any more.
	margin = time.Second

	// unknownLife is how long a token is used that does not say when it ends.
	unknownLife = time.Minute
)

// Source gives the token of now. Once a fifth of a token's life is left, the next one is
// fetched while the last is still used: nobody waits for it, and an identity provider
// that is out of order costs nothing until the last token has ended.
type Source struct {
	fetch func(ctx context.Context) (Token, error)
	what  string // in errors of a token that had ended when it came

	log atomic.Pointer[slog.Logger] // nil: nobody hears of tokens

	mu      sync.Mutex
	last    Token
	came    time.Time     // when the last token did
	renew   time.Time     // from when on the next one is fetched
	err     error         // of the last attempt; nil: it succeeded
	pending chan struct{} // closed when the attempt that is under way has ended; nil: none is
}

// New makes a Source of a Config that Check has nothing to say about. It asks nobody.
func New(cfg Config) *Source {
	s := &Source{what: cfg.setting("Source") + " " + cfg.Source}
	switch cfg.Source {
	case OIDC:
		s.fetch = newProvider(cfg).fetch
	case File:
		s.fetch = cfg.fromFile
	case Command:
		s.fetch = cfg.fromCommand
	default:
		s.fetch = cfg.fromAWS
	}
	return s
}

// Token is a token that has not ended. Its error is one sentence.
func (s *Source) Token(ctx context.Context) (Token, error) {
	for {
		s.mu.Lock()
		now := time.Now()
		good := s.last.good(now)
		if !now.Before(s.renew) || !good && s.err == nil {
			s.begin()
		}
		last, err, pending := s.last, s.err, s.pending
		s.mu.Unlock()
		switch {
		case good:
			return last, nil
		case pending == nil:
			return Token{}, err
		}
		select {
		case <-pending:
		case <-ctx.Done():
			return Token{}, fmt.Errorf("no token yet: %s does not answer: %w", s.what, ctx.Err())
		}
	}
}

// begin begins an attempt, unless one is under way. The caller holds mu.
func (s *Source) begin() {
	if s.pending == nil {
		s.pending = make(chan struct{})
		go s.attempt(s.pending)
	}
}

// ahead fetches the next token before anybody asks for it.
func (s *Source) ahead() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !time.Now().Before(s.renew) { // else another one has come in the meantime
		s.begin()
	}
}

// Text is the token alone.
func (s *Source) Text(ctx context.Context) (string, error) {
	t, err := s.Token(ctx)
	return t.Text, err
}

// Ends is when the token ends that is in use; zero: there is none.
func (s *Source) Ends() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last.Ends
}

// Log has what happens to tokens from now on told there.
func (s *Source) Log(log *slog.Logger) { s.log.Store(log) }

// Refused says that the token that was given last is not accepted, so that another is
// fetched, unless it has just come.
func (s *Source) Refused() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); s.err == nil && now.Sub(s.came) >= pause {
		s.renew = now
	}
}

// attempt fetches a token, for all who wait and all who come. While the last one is good it
// tries again until it has the next. It belongs to nobody's request, and ends by itself.
func (s *Source) attempt(done chan struct{}) {
	for !s.take(s.once()) {
		time.Sleep(pause)
	}
	close(done)
}

func (s *Source) once() (Token, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	t, err := s.fetch(ctx)
	now := time.Now()
	if t.Ends.IsZero() {
		t.Ends = now.Add(unknownLife)
	}
	if err == nil && !t.good(now) {
		err = fmt.Errorf("the token that %s gives has ended at %s: it must be renewed there, or the clock here is wrong",
			s.what, t.Ends.UTC().Format(time.RFC3339))
	}
	return t, err
}

// take takes over what an attempt came to, and reports whether it was the last.
func (s *Source) take(t Token, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, failed := time.Now(), s.err != nil
	s.err = err
	switch {
	case err == nil:
		s.last, s.came = t, now
		life := t.Ends.Sub(now) * 4 / 5
		s.renew = now.Add(life)
		time.AfterFunc(life, s.ahead) // whoever asks next may come too late for a second attempt
	case s.last.good(now):
		if log := s.log.Load(); log != nil && !failed { // else whoever asks says it
			log.Warn("the next token cannot be fetched; the last one is used until it ends", "ends", s.last.Ends.UTC(), "error", err)
		}
		return false
	default:
		s.renew = now.Add(pause)
	}
	s.pending = nil
	return true
}

// good reports whether a token can be shown: brokers' clocks differ, and the request
// takes its time.
func (t Token) good(now time.Time) bool { return now.Before(t.Ends.Add(-margin)) }
