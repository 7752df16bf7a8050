package airuddersim

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Hinter tells of ended calls, as AIRudder's webhooks may: late, twice, or not at all.
// Config.Ended is to be its Ended.
type Hinter struct {
	URL    string
	Delay  time.Duration // at most, of each
	Lost   float64       // share that is not sent
	Double float64       // share that is sent twice

	once  sync.Once
	queue chan hinted
}

type hinted struct {
	taskID, callID string
	at             time.Time // when it is to go
}

// maxHinted is how many hints wait to be sent; more are lost, as at a sender that is slow.
const maxHinted = 10_000

func (h *Hinter) hints() chan hinted {
	h.once.Do(func() { h.queue = make(chan hinted, maxHinted) })
	return h.queue
}

// Ended takes a call that has ended. It never waits.
func (h *Hinter) Ended(taskID, callID string) {
	times := 1
	switch dice := rand.Float64(); {
	case dice < h.Lost:
		times = 0
	case dice < h.Lost+h.Double:
		times = 2
	}
	for range times {
		select {
		case h.hints() <- hinted{taskID, callID, time.Now().Add(rand.N(h.Delay + 1))}:
		default:
		}
	}
}

// Run sends until ctx ends. What is not taken is not sent again.
func (h *Hinter) Run(ctx context.Context) {
	var senders sync.WaitGroup
	defer senders.Wait()
	for range 4 {
		senders.Go(func() {
			client := &http.Client{Timeout: 5 * time.Second}
			defer client.CloseIdleConnections()
			for {
				select {
				case <-ctx.Done():
					return
				case hint := <-h.hints():
					select {
					case <-ctx.Done():
						return
					case <-time.After(time.Until(hint.at)):
					}
					h.send(ctx, client, hint)
				}
			}
		})
	}
}

func (h *Hinter) send(ctx context.Context, client *http.Client, of hinted) {
	body := fmt.Sprintf(`{"event":"call_end","data":{"TaskID":%q,"CallID":%q}}`, of.taskID, of.callID)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, strings.NewReader(body))
	if err != nil {
		return
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(r)
	if err != nil { // nobody listens: a webhook would not care either
		return
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
}
