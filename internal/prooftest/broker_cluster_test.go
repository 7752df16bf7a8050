package prooftest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"airudder-exporter/internal/rig"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// cluster are three real brokers, each a controller too, that a test may kill.
// Broker n has node id n. By the test's end all of them are back.
type cluster struct {
	*rig.Kafka
	dir string // of .ci/kafka.sh
}

// openCluster takes the cluster of TEST_KAFKA_CLUSTER; without one the test is
// skipped. It must be the only one on those brokers.
func openCluster(t testing.TB) *cluster {
	t.Helper()
	dir := os.Getenv("TEST_KAFKA_CLUSTER")
	if dir == "" {
		t.Skip("only with TEST_KAFKA_CLUSTER, from .ci/kafka.sh start DIR --brokers 3")
	}
	c := &cluster{rig.RealKafka(t), dir}
	t.Cleanup(func() {
		for n := range brokers {
			_ = c.script("resume", n) // what does not run is revived
		}
		c.revive(c.dead()...)
	})
	c.awaitInSync()
	return c
}

// brokers are the node ids.
func brokers(yield func(n int) bool) {
	for n := 1; n <= 3 && yield(n); n++ {
	}
}

// script runs a command of kafka.sh for one broker.
func (c *cluster) script(command string, n int) error {
	out, err := exec.Command("bash", "../../.ci/kafka.sh", command, c.dir, strconv.Itoa(n)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s broker %d: %w: %s", command, n, err, out)
	}
	return nil
}

// do runs a command of kafka.sh for several brokers at once.
func (c *cluster) do(command string, which ...int) {
	c.T.Helper()
	var wait sync.WaitGroup
	for _, n := range which {
		wait.Go(func() {
			if err := c.script(command, n); err != nil {
				c.T.Error(err)
			}
		})
	}
	wait.Wait()
}

// revive starts dead brokers, at once: one alone cannot elect a controller.
func (c *cluster) revive(dead ...int) { c.do("revive", dead...) }

// dead are the brokers that do not run: kafka.sh removes the pid of what it
// has ended.
func (c *cluster) dead() (all []int) {
	for n := range brokers {
		if _, err := os.Stat(fmt.Sprintf("%s/broker-%d.pid", c.dir, n)); err != nil {
			all = append(all, n)
		}
	}
	return all
}

// others are the brokers but one.
func others(not int) (all []int) {
	for n := range brokers {
		if n != not {
			all = append(all, n)
		}
	}
	return all
}

// awaitInSync waits until every partition has a leader and all its replicas.
func (c *cluster) awaitInSync() {
	c.T.Helper()
	rig.Eventually(c.T, "brokers in sync", 2*time.Minute, func() bool {
		res, err := rig.Ask[kmsg.MetadataResponse](c.Kafka, kmsg.NewPtrMetadataRequest())
		if err != nil || len(res.Brokers) < 3 {
			return false
		}
		for _, topic := range res.Topics {
			for _, p := range topic.Partitions {
				if p.Leader < 0 || len(p.ISR) < 3 {
					return false
				}
			}
		}
		return true
	})
}

// spread gives every partition back to the broker that should lead it. Else one
// broker would lead everything after a few deaths.
func (c *cluster) spread() {
	c.T.Helper()
	req := kmsg.NewPtrElectLeadersRequest()
	req.TimeoutMillis = 10_000
	if _, err := c.Client.Request(c.T.Context(), req); err != nil { // that most need no election is no error
		c.T.Error(err)
	}
}

// leader leads a partition.
func (c *cluster) leader(topic string, partition int) int {
	c.T.Helper()
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{{Topic: &topic}}
	return c.known("the leader of "+topic, func() int {
		res, err := rig.Ask[kmsg.MetadataResponse](c.Kafka, req)
		if err != nil || len(res.Topics) == 0 || len(res.Topics[0].Partitions) <= partition {
			return -1
		}
		return int(res.Topics[0].Partitions[partition].Leader)
	})
}

// Kinds of coordinator, as FindCoordinator numbers them.
const (
	ofGroup       = 0
	ofTransaction = 1
)

// coordinator coordinates a group or a transactional id.
func (c *cluster) coordinator(kind int8, key string) int {
	c.T.Helper()
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.CoordinatorType, req.CoordinatorKey, req.CoordinatorKeys = kind, key, []string{key}
	return c.known("the coordinator of "+key, func() int {
		res, err := rig.Ask[kmsg.FindCoordinatorResponse](c.Kafka, req)
		if err != nil || len(res.Coordinators) == 0 {
			return -1
		}
		return int(res.Coordinators[0].NodeID)
	})
}

// controller leads the controllers' quorum.
func (c *cluster) controller() int {
	c.T.Helper()
	topic := kmsg.NewDescribeQuorumRequestTopic()
	topic.Topic, topic.Partitions = "__cluster_metadata", []kmsg.DescribeQuorumRequestTopicPartition{kmsg.NewDescribeQuorumRequestTopicPartition()}
	req := kmsg.NewPtrDescribeQuorumRequest()
	req.Topics = append(req.Topics, topic)
	return c.known("the controller", func() int {
		res, err := rig.Ask[kmsg.DescribeQuorumResponse](c.Kafka, req)
		if err != nil || len(res.Topics) == 0 || len(res.Topics[0].Partitions) == 0 {
			return -1
		}
		return int(res.Topics[0].Partitions[0].LeaderID)
	})
}

// known asks until the answer is a broker.
func (c *cluster) known(what string, find func() int) (n int) {
	c.T.Helper()
	rig.Eventually(c.T, what, time.Minute, func() bool {
		n = find()
		return n > 0
	})
	return n
}

// addresses are where the brokers listen.
func (c *cluster) addresses() map[int]string {
	c.T.Helper()
	res, err := rig.Ask[kmsg.MetadataResponse](c.Kafka, kmsg.NewPtrMetadataRequest())
	if err != nil {
		c.T.Fatal(err)
	}
	all := map[int]string{}
	for _, b := range res.Brokers {
		all[int(b.NodeID)] = net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
	}
	return all
}
