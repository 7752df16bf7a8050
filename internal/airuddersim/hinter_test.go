package airuddersim

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// TestHinter hears of each call that ends, once, twice or not at all.
func TestHinter(t *testing.T) {
	var mu sync.Mutex
	heard, calls := map[string]int{}, 0
	all := make(chan struct{}, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body struct {
			Data struct{ TaskID, CallID string }
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Data.TaskID == "" || body.Data.CallID == "" {
			t.Errorf("the body is %+v, %v", body, err)
		}
		mu.Lock()
		heard[body.Data.CallID]++
		mu.Unlock()
		all <- struct{}{}
	}))
	defer server.Close()
	h := &Hinter{URL: server.URL, Lost: .2, Double: .3}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { h.Run(ctx) })
	sim := New(Config{Ended: func(taskID, callID string) { calls++; h.Ended(taskID, callID) }})
	task := sim.AddTask(TaskSpec{Status: Calling, Rows: FinishedRows(200)})
	if task == "" || calls != 200 {
		t.Fatalf("%d calls have ended, want 200", calls)
	}
	sent := len(h.queue)
	for sent > 0 {
		<-all
		mu.Lock()
		done := len(h.queue) == 0 && len(all) == 0
		mu.Unlock()
		if done {
			break
		}
	}
	mu.Lock()
	defer mu.Unlock()
	twice := 0
	for _, n := range heard {
		if n == 2 {
			twice++
		}
	}
	if len(heard) < 120 || len(heard) > 190 || twice < 20 {
		t.Errorf("of 200 calls %d were heard of, %d twice", len(heard), twice)
	}
}
