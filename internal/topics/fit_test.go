package topics

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

func TestFit(t *testing.T) {
	for _, test := range []struct {
		asked, brokers int
		replicas       int
		inSync         string // empty: the broker's choice
	}{
		{0, 1, 1, "1"}, {0, 2, 2, "1"}, {0, 3, 3, "2"}, {0, 9, 3, "2"},
		{0, 0, 1, "1"}, // a cluster that shows no broker for a moment
		{-1, 3, -1, ""}, {1, 3, 1, "1"}, {2, 3, 2, "1"}, {5, 3, 5, "2"},
	} {
		layout := testLayout
		layout.ReplicationFactor = test.asked
		for _, spec := range Specs(topicNames(), layout) {
			got := spec.fit(test.brokers)
			if got.ReplicationFactor != test.replicas || got.Configs["min.insync.replicas"] != test.inSync {
				t.Errorf("%d replicas asked of %d brokers: got %d with min.insync.replicas %q, want %d with %q",
					test.asked, test.brokers, got.ReplicationFactor, got.Configs["min.insync.replicas"], test.replicas, test.inSync)
			}
			if spec.Configs["min.insync.replicas"] != "" {
				t.Error("the spec itself has changed")
			}
		}
	}
}

// TestOwnAdvice: topics that are created, and the commands that create them, are as the
// checks want them, where there are enough brokers; where there are not, that is said.
func TestOwnAdvice(t *testing.T) {
	for brokers := 1; brokers <= 4; brokers++ {
		t.Run(fmt.Sprint(brokers), func(t *testing.T) {
			verifyGoroutines(t)
			cluster, err := kfake.NewCluster(kfake.NumBrokers(brokers))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(cluster.Close)
			cfg, layout := topicNames(), testLayout
			layout.ReplicationFactor = 0
			specs := Specs(cfg, layout)
			c := site{brokers: cluster.ListenAddrs()}.client(t, cfg)
			_, err = Ensure(t.Context(), c, specs, false)
			missing, ok := errors.AsType[*MissingError](err)
			if !ok {
				t.Fatalf("got %v, want a MissingError", err)
			}
			want := fmt.Sprintf(" --replication-factor %d ", min(3, brokers))
			for _, command := range missing.commands {
				if !strings.Contains(command, want) || !strings.Contains(command, " --config min.insync.replicas=") {
					t.Errorf("%s is without%sor min.insync.replicas", command, want)
				}
			}
			if few := strings.Contains(err.Error(), fmt.Sprintf("brokers in the cluster: %d;", brokers)); few != (brokers < 3) {
				t.Errorf("says that there are too few brokers: %v: %v", few, err)
			}
			findings, err := Ensure(t.Context(), c, specs, true)
			if err != nil || brokers >= 3 && len(findings) > 0 {
				t.Errorf("created topics are not as they should be: %v %v", findings, err)
			}
		})
	}
}
