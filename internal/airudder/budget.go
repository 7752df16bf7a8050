package airudder

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// maxPause caps what a Retry-After can ask for.
const maxPause = 15 * time.Minute

// How a 429 without a Retry-After slows the whole client: each halves the speed, at
// most once in slowEvery, and each speedUpEvery without one gives a step of it back.
const (
	slowEvery    = time.Second
	leastSpeed   = 1. / 16
	speedUpEvery = time.Minute
	speedUp      = 1. / 8
)

// budget spaces all requests of the client evenly: perSecond of them when the
// share is whole and nothing slows the client. One caller at a time waits for the
// limiter, so that a change of the share or a pause holds at once for all.
type budget struct {
	perSecond float64
	limiter   *rate.Limiter

	turn  *semaphore.Weighted // of one: whoever holds it waits for the limiter
	queue *semaphore.Weighted // of one: at most one usual caller waits for turn
	hints *semaphore.Weighted // of one: likewise of hinted ones

	mu      sync.Mutex
	paused  time.Time     // until then
	share   float64       // 0 to 1
	speed   float64       // leastSpeed to 1: the part of the share that 429s leave
	slowed  int           // how often since the speed was 1
	speedAt time.Time     // when the speed last changed
	ahead   chan struct{} // closed once the hinted request has gone that is to go first; nil: none is
	changed chan struct{} // closed, and replaced, when one of these changes

	waiting [priorities]int // callers
	hinted  int             // requests that went last, and in a row
}

func newBudget(perSecond float64) *budget {
	return &budget{
		perSecond: perSecond,
		limiter:   rate.NewLimiter(rate.Limit(perSecond), 1),
		turn:      semaphore.NewWeighted(1),
		queue:     semaphore.NewWeighted(1),
		hints:     semaphore.NewWeighted(1),
		share:     1,
		speed:     1,
		changed:   make(chan struct{}),
	}
}

// priority says which of the waiting requests goes first.
type priority int

const (
	usual      priority = iota
	hinted              // before the others, but never two of them in a row while others wait
	urgent              // others hang on it: before all but one of the others
	priorities          // how many there are
)

// hintsInARow is how many hinted requests go before one of the others does: forged hints
// take no more than two of three.
const hintsInARow = 2

// wait returns when the next request may go.
func (b *budget) wait(ctx context.Context, p priority) error {
	b.mu.Lock()
	b.waiting[p]++
	b.mu.Unlock()
	err := b.queued(ctx, p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting[p]--
	if p == usual && b.waiting[hinted] > 0 {
		b.announce() // to one that let this one go first
	}
	return err
}

// queued waits in the queue of a priority, and then for the limiter.
func (b *budget) queued(ctx context.Context, p priority) error {
	switch p {
	case usual:
		if err := b.queue.Acquire(ctx, 1); err != nil {
			return err
		}
		defer b.queue.Release(1)
	case hinted:
		if err := b.hints.Acquire(ctx, 1); err != nil {
			return err
		}
		defer b.hints.Release(1)
		done, err := b.goAhead(ctx)
		if err != nil {
			return err
		}
		defer done()
	}
	if err := b.turn.Acquire(ctx, 1); err != nil {
		return err
	}
	defer b.turn.Release(1)
	for {
		if p == usual {
			if err := b.letAhead(ctx); err != nil {
				return err
			}
		}
		gone, err := b.try(ctx)
		if gone {
			b.mu.Lock()
			if b.hinted++; p != hinted {
				b.hinted = 0
			}
			b.mu.Unlock()
		}
		if gone || err != nil {
			return err
		}
	}
}

// goAhead has whoever waits for the limiter let a hinted request go first. After
// hintsInARow of them it waits until a usual one has gone, if any waits.
func (b *budget) goAhead(ctx context.Context) (done func(), err error) {
	for {
		b.mu.Lock()
		changed := b.changed
		if b.hinted < hintsInARow || b.waiting[usual] == 0 {
			break
		}
		b.mu.Unlock()
		if _, err := sleep(ctx, changed, -1); err != nil {
			return nil, err
		}
	}
	defer b.mu.Unlock()
	ahead := make(chan struct{})
	b.ahead = ahead
	b.announce()
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.ahead = nil
		close(ahead)
	}, nil
}

// letAhead gives the turn away for as long as a hinted request is to go first, and takes it
// again. Its error leaves the turn taken.
func (b *budget) letAhead(ctx context.Context) error {
	for {
		b.mu.Lock()
		ahead := b.ahead
		b.mu.Unlock()
		if ahead == nil {
			return nil
		}
		b.turn.Release(1)
		select {
		case <-ahead:
		case <-ctx.Done():
		}
		if err := b.turn.Acquire(context.WithoutCancel(ctx), 1); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// try waits for the limiter as it stands; false when it changed meanwhile.
func (b *budget) try(ctx context.Context) (bool, error) {
	b.mu.Lock()
	b.recover()
	changed, share, pause := b.changed, b.share, time.Until(b.paused)
	b.mu.Unlock()
	switch {
	case share <= 0:
		_, err := sleep(ctx, changed, -1)
		return false, err
	case pause > 0:
		_, err := sleep(ctx, changed, pause)
		return false, err
	}
	r := b.limiter.Reserve()
	over, err := sleep(ctx, changed, r.Delay())
	if !over {
		r.Cancel()
	}
	return over, err
}

// sleep waits for d (for ever if it is negative), which is over then, or for a
// change.
func sleep(ctx context.Context, changed <-chan struct{}, d time.Duration) (over bool, err error) {
	var end <-chan time.Time
	if d >= 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		end = timer.C
	}
	select {
	case <-end:
		return true, ctx.Err()
	case <-changed:
		return false, ctx.Err()
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// rate is how many requests a second may go, pauses aside.
func (b *budget) rate() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recover()
	return b.perSecond * b.share * b.speed
}

// slow takes a 429 that does not say how long to wait.
func (b *budget) slow() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recover()
	if b.slowed > 0 && time.Since(b.speedAt) < slowEvery {
		return // of requests that went at the speed before
	}
	b.speed, b.speedAt = max(b.speed/2, leastSpeed), time.Now()
	b.slowed++
	b.limit()
}

// slowness is the speed, and how often 429s have slowed the client since it was 1.
func (b *budget) slowness() (speed float64, slowed int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recover()
	return b.speed, b.slowed
}

// recover gives back what the time without a 429 allows. b.mu is held.
func (b *budget) recover() {
	steps := time.Since(b.speedAt) / speedUpEvery
	if b.speed == 1 || steps < 1 {
		return
	}
	b.speed = min(1, b.speed+float64(steps)*speedUp)
	b.speedAt = b.speedAt.Add(steps * speedUpEvery)
	if b.speed == 1 {
		b.slowed = 0
	}
	b.limit()
}

// limit sets the limiter to what may go now. b.mu is held.
func (b *budget) limit() {
	if b.share > 0 {
		b.limiter.SetLimit(rate.Limit(b.perSecond * b.share * b.speed))
	}
	b.announce()
}

func (b *budget) setShare(share float64) {
	share = min(max(share, 0), 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if share == b.share {
		return
	}
	b.share = share
	b.limit()
}

// pause lets no request go for d.
func (b *budget) pause(d time.Duration) {
	until := time.Now().Add(d)
	b.mu.Lock()
	defer b.mu.Unlock()
	if until.After(b.paused) {
		b.paused = until
		b.announce()
	}
}

func (b *budget) pausedUntil() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.paused
}

func (b *budget) announce() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// retryAfter reads the header of that name: seconds or an HTTP date (RFC 9110,
// section 10.2.3). 0: nothing usable.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(v, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxPause)
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxPause)
}
