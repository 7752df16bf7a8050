package kafka

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	kafkago "github.com/segmentio/kafka-go"
)

type startFault struct {
	name  string
	api   int16
	how   func(*wireConn, []byte) error
	again string // which request was asked again, and after which answer; empty: none, and the start fails
}

const notAgain = "" // the start fails; the next one tells

func startFaults() []startFault {
	return []startFault{
		{"InitProducerId lost", apiInitProducerID, lost, "InitProducerId network"},
		{"InitProducerId unanswered", apiInitProducerID, unanswered, "InitProducerId network"},
		{"InitProducerId 51", apiInitProducerID, answers(51), "InitProducerId 51"},
		{"InitProducerId 14", apiInitProducerID, answers(14), "InitProducerId 14"},
		{"InitProducerId 15", apiInitProducerID, answers(15), "InitProducerId 15"},
		{"InitProducerId 16", apiInitProducerID, answers(16), "InitProducerId 16"},
		{"DescribeConfigs lost", apiDescribeConfigs, lost, notAgain},
		{"DescribeConfigs unanswered", apiDescribeConfigs, unanswered, notAgain},
		{"DescribeConfigs 7", apiDescribeConfigs, answers(7), notAgain},
		{"InitProducerId 53", apiInitProducerID, answers(53), notAgain},
		{"FindCoordinator lost", apiFindCoordinator, lost, "InitProducerId network"},
		{"FindCoordinator unanswered", apiFindCoordinator, unanswered, "InitProducerId network"},
		{"FindCoordinator 15", apiFindCoordinator, answers(15), "InitProducerId 15"},
		{"barrier: AddPartitionsToTxn lost", apiAddPartitionsToTxn, lost, notAgain},
		{"barrier: AddPartitionsToTxn unanswered", apiAddPartitionsToTxn, unanswered, notAgain},
		{"barrier: Produce lost", apiProduce, lost, notAgain},
		{"barrier: Produce unanswered", apiProduce, unanswered, notAgain},
		{"barrier: EndTxn lost", apiEndTxn, lost, notAgain},
		{"barrier: EndTxn unanswered", apiEndTxn, unanswered, notAgain},
		{"replay: Fetch lost", apiFetch, lost, "Fetch network"},
		{"replay: Fetch unanswered", apiFetch, unanswered, "Fetch network"},
		{"replay: Fetch 6", apiFetch, answers(6), "Fetch 6"},
		{"replay: Fetch 29", apiFetch, answers(29), notAgain},
	}
}

// retried is how often the client asked again, by request and answer.
func retried(c *Client, what string) int {
	api, answer, _ := strings.Cut(what, " ")
	if n, err := strconv.Atoi(answer); err == nil {
		answer = label(kafkago.Error(n))
	}
	return int(testutil.ToFloat64(c.metrics.retries.WithLabelValues(api, answer)))
}

func TestStartUnderFaults(t *testing.T) {
	for _, test := range startFaults() {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t, 1, 2)
			first, _ := s.start(t, s.dial(t), 0, "first")
			if err := publish(first, s.units("a", 2)); err != nil {
				t.Fatal(err)
			}
			w := newWire(t)
			faulty := s.config
			faulty.Dial = w.dial
			w.add(test.api, 0, test.how)
			c := dialWith(t, faulty)
			var seen entries
			p, err := c.Producer(soon(t), 0, barrier("second"), seen.take)
			if (err == nil) != (test.again != notAgain) {
				t.Fatalf("start: %v, want it to ask again: %q", err, test.again)
			}
			if test.again != notAgain && retried(c, test.again) != 1 {
				t.Errorf("%q: asked again %d times, want once", test.again, retried(c, test.again))
			}
			if err != nil { // the same process begins again
				p, _ = s.start(t, c, 0, "third")
			}
			s.checkSuccession(t, first, p)
		})
	}
}

// A topic whose limits may not be read has Kafka's default.
func TestStartWithoutDescribeConfigs(t *testing.T) {
	s := newShop(t, 1, 2)
	s.config.EventTopic = s.topic("large-events", 2, "max.message.bytes=4000000")
	first, _ := s.start(t, s.dial(t), 0, "first")
	if err := publish(first, s.units("a", 2)); err != nil {
		t.Fatal(err)
	}
	if got, want := first.Limit(s.config.EventTopic), 4_000_000; got != want {
		t.Errorf("limit as it was read: got %d, want %d", got, want)
	}
	w := newWire(t)
	faulty := s.config
	faulty.Dial = w.dial
	w.add(apiDescribeConfigs, 0, answers(29))
	p, _ := s.start(t, dialWith(t, faulty), 0, "second")
	if got, want := p.Limit(s.config.EventTopic), assumedMaxMessageBytes; got != want {
		t.Errorf("limit where it may not be read: got %d, want %d", got, want)
	}
	s.checkSuccession(t, first, p)
}

// A producer hears of a limit that changed, and keeps the one that it knows where
// the broker does not say.
func TestRenew(t *testing.T) {
	s := newShop(t, 1, 1)
	s.config.EventTopic = s.topic("changed-events", 1, "max.message.bytes=20000")
	w := newWire(t)
	faulty := s.config
	faulty.Dial = w.dial
	p, _ := s.start(t, dialWith(t, faulty), 0, "first")
	s.Set(s.config.EventTopic, "max.message.bytes=30000")
	want := func(limit int) {
		t.Helper()
		if got := p.Limit(s.config.EventTopic); got != limit {
			t.Errorf("the limit is %d, want %d", got, limit)
		}
	}
	want(20000)
	w.add(apiDescribeConfigs, 0, lost)
	if err := p.Renew(t.Context()); err == nil {
		t.Error("a lost answer is none")
	}
	want(20000)
	if err := p.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(30000)
	if err := publish(p, s.units("a", 2)); err != nil {
		t.Errorf("the producer continues: %v", err)
	}
}

// checkSuccession: p publishes, its predecessor, which has published a0 and a1, is
// fenced, and the next replay shows all of it.
func (s *shop) checkSuccession(t *testing.T, first, p *Producer) {
	t.Helper()
	if err := publish(p, s.units("b", 2)); err != nil {
		t.Fatal(err)
	}
	if err := publish(first, s.units("z", 1)); !errors.Is(err, ErrFenced) {
		t.Errorf("the first producer's commit: %v, want ErrFenced", err)
	}
	_, again := s.start(t, s.dial(t), 0, "last")
	if got := len(again.byKey); got != 4 {
		t.Errorf("%d entries, want 4", got)
	}
	s.checkOnce(t, "a0", "a1", "b0", "b1")
}
