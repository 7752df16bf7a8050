package benchtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"airudder-exporter/internal/embedded"
	"airudder-exporter/internal/rig"
)

// brokerOnly is set in the environment of a process that is to be a broker.
const brokerOnly = "BENCH_BROKER"

// runBroker is an embedded broker as a process. Its address is all that it says.
func runBroker(ctx context.Context) error {
	broker, err := embedded.StartBroker(embedded.BrokerConfig{})
	if err != nil {
		return err
	}
	defer broker.Close()
	fmt.Println(broker.Addr())
	<-ctx.Done()
	return nil
}

// brokerProcess starts an embedded broker as a process.
func brokerProcess(tb testing.TB) *rig.Kafka {
	tb.Helper()
	_, log := startSelf(tb, brokerOnly+"=1")
	var address string
	rig.Eventually(tb, "the broker's address", rig.Patience, func() bool {
		said, _ := os.ReadFile(log)
		line, _, whole := strings.Cut(string(said), "\n")
		address = line
		return whole
	})
	return rig.DialKafka(tb, false, address)
}

// startSelf starts this test binary as something else, by its environment alone.
func startSelf(tb testing.TB, env ...string) (p *rig.Process, log string) {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	return start(tb, self, nil, env)
}

// start starts a program with that environment and no other.
func start(tb testing.TB, path string, args, env []string) (p *rig.Process, log string) {
	tb.Helper()
	cmd := exec.Command(path, args...)
	cmd.Env = env
	log = rig.Logged(tb, cmd)
	return rig.Start(tb, cmd), log
}
