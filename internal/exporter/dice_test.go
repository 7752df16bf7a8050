package exporter

import (
	"math/rand/v2"
	"sync"
)

// dice returns a random source that several goroutines may use.
func dice(seed uint64) func(n int) int {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 1))
	return func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n)
	}
}
