package benchtest

import (
	"slices"
	"time"
)

// quantile is the smallest of the durations that q of them do not exceed.
func quantile(all []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func median(all []time.Duration) time.Duration { return quantile(all, 0.5) }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
