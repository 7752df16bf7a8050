package soaktest

import (
	"math/rand/v2"
	"slices"
	"time"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// upstream is the simulated AIRudder on a network of pipes.
type upstream struct {
	*airuddersim.Sim
	skew   time.Duration // of its clock
	server *rig.Pipes
}

// openUpstream starts a world of campaigns that follows from the seed.
func openUpstream(seed uint64) *upstream {
	dice := rand.New(rand.NewPCG(seed, 2))
	u := &upstream{skew: time.Duration(dice.IntN(13)-6) * time.Hour}
	cfg := airuddersim.Config{
		Seed: seed, Start: time.Now().Add(u.skew), Tasks: 3, RowsPerTask: 20, Rate: 0.08, Renew: true,
		Lead: 30 * time.Second, Pause: 2 * time.Minute, RedialWait: time.Minute, Window: time.Hour, Overtake: 0.1,
		Clock:     func() time.Time { return time.Now().Add(u.skew) },
		ListShape: airuddersim.ListShapes()[dice.IntN(3)], ListLag: time.Duration(dice.IntN(5)) * time.Minute,
		Gzip: dice.IntN(2) == 0, TokenTTL: 3 * time.Hour, FaultRates: faultRates(),
	}
	u.Sim = airuddersim.New(cfg)
	u.server = rig.ServePipes(u.Handler())
	return u
}

// faultRates are shares of the responses; those to details are the most, and so
// see the most.
func faultRates() map[airuddersim.FaultKind]float64 {
	rates := map[airuddersim.FaultKind]float64{}
	for _, kind := range kinds() {
		rates[kind] = 0.006
	}
	for _, kind := range []airuddersim.FaultKind{airuddersim.Hang, airuddersim.Stall, airuddersim.TooManyRequests, airuddersim.HugeRow, airuddersim.DeepRow} {
		rates[kind] = 0.002 // these cost minutes, or megabytes
	}
	return rates
}

// kinds are all that an upstream may do, but answer from a cache: what several old
// answers in a row show cannot be told from what happened.
func kinds() []airuddersim.FaultKind {
	return slices.DeleteFunc(append(airuddersim.FaultKinds(), airuddersim.Lies()...),
		func(kind airuddersim.FaultKind) bool { return kind == airuddersim.Stale })
}

// tick lets the campaigns catch up with the clock.
func (u *upstream) tick() { u.SetNow(time.Now().Add(u.skew)) }
