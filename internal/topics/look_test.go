package topics

import (
	"slices"
	"testing"
	"time"
)

// Look shows topics as they are: those that are missing, too.
func TestLook(t *testing.T) {
	onSites(t, func(t *testing.T, s site) {
		cfg := topicNames()
		c := s.client(t, cfg)
		specs := Specs(cfg, testLayout)
		states, err := Look(t.Context(), c, specs)
		if err != nil || len(states) != len(specs) || slices.ContainsFunc(states, func(s State) bool { return s.Partitions != 0 }) {
			t.Fatalf("without topics: %+v, %v", states, err)
		}
		if _, err := Ensure(t.Context(), c, specs[1:], true); err != nil {
			t.Fatal(err)
		}
		if states, err = Look(t.Context(), c, specs); err != nil {
			t.Fatal(err)
		}
		for i, want := range []struct {
			partitions int
			policy     string
			retention  time.Duration
		}{{}, {1, "delete", 30 * 24 * time.Hour}, {1, "delete", 14 * 24 * time.Hour}, {6, "delete", 7 * 24 * time.Hour}, {2, "compact", 0}} {
			got := states[i]
			kept, known := got.Retention()
			if got.Name != specs[i].Name || got.Partitions != want.partitions || got.CleanupPolicy() != want.policy ||
				kept != want.retention || known != (want.retention > 0) {
				t.Errorf("got %+v, kept for %s, want %+v", got, kept, want)
			}
		}
	})
}

func TestLookUnreachable(t *testing.T) {
	verifyGoroutines(t)
	cfg := topicNames()
	c := site{brokers: []string{"127.0.0.1:1"}}.client(t, cfg)
	if states, err := Look(t.Context(), c, Specs(cfg, testLayout)); err == nil {
		t.Errorf("got %+v", states)
	}
}

func TestRetention(t *testing.T) {
	for _, test := range []struct {
		policy, ms string
		want       time.Duration
		known      bool
	}{
		{"delete", "3600000", time.Hour, true}, {"delete", "-1", -1, true}, {"delete", "9223372036854775807", -1, true},
		{"compact,delete", "60000", time.Minute, true}, {"compact", "3600000", 0, false}, {"", "", 0, false},
	} {
		s := State{settings: map[string]string{"cleanup.policy": test.policy, "retention.ms": test.ms}}
		if got, known := s.Retention(); got != test.want || known != test.known {
			t.Errorf("%s, %s: got %s, %v, want %s, %v", test.policy, test.ms, got, known, test.want, test.known)
		}
	}
}
