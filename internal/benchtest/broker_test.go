package benchtest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"airudder-exporter/internal/embedded"
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
func brokerProcess(tb testing.TB) []string {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	c := startChild(tb, self, nil, []string{brokerOnly + "=1"})
	var address string
	eventually(tb, "the broker's address", func() bool {
		said, _ := os.ReadFile(c.log)
		line, _, whole := strings.Cut(string(said), "\n")
		address = line
		return whole
	})
	return []string{address}
}
