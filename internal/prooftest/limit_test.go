package prooftest

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"airudder-exporter/internal/rig"
)

// TestTopicSetTooSmall lowers what the events' topic takes and raises it again, now
// below every event and now below some, with the exporter killed in between. What
// does not fit waits, is told of, and comes once the topic is set right.
func TestTopicSetTooSmall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, renewed(83), nil)
	one := w.exporter("one")
	w.play(10)
	one.Start()
	w.awaitMore(20)
	for round, limit := range []int{600, 1300, 1500, 600} {
		w.Set(w.Topics.Events, fmt.Sprint("max.message.bytes=", limit))
		says := fmt.Sprintf("topic %s takes batches of at most %d bytes (max.message.bytes)", w.Topics.Events, limit)
		told := func() bool {
			code, text := one.Page("/readyz")
			return code == 503 && strings.Contains(text, says) && strings.Contains(text, "set max.message.bytes to 1048588 or more")
		}
		rig.Eventually(t, "not ready: "+says, rig.Patience, told)
		if round == 0 {
			rig.Eventually(t, "the log to tell", rig.Patience, func() bool { return bytes.Contains(one.Logged(), []byte("records wait since")) })
		}
		if round%2 == 1 {
			one.Kill()
			one.Start()
			rig.Eventually(t, "not ready after a kill: "+says, rig.Patience, told)
		}
		w.Set(w.Topics.Events, "max.message.bytes=1048588")
		if round >= 2 {
			one.Kill()
			one.Start()
		}
		w.awaitMore(20)
		rig.Eventually(t, "ready again", rig.Patience, func() bool { code, _ := one.Page("/readyz"); return code == 200 })
	}
	w.settle()
	w.seal("sealing")
	evidence := w.check(nil)
	if len(evidence.Proof.Duplicates)+len(evidence.Proof.Missing) > 0 {
		t.Errorf("%d doubled, %d missing", len(evidence.Proof.Duplicates), len(evidence.Proof.Missing))
	}
	for _, r := range w.Read(w.Topics.Dead).Committed {
		t.Errorf("a dead letter of %s", r.Key)
	}
}

// TestClocksDiffer has the brokers refuse every record for its time. Each producer is
// restored and breaks again: the exporter is not ready at any moment, and names the
// clocks, until they agree.
func TestClocksDiffer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, renewed(89), nil)
	one := w.exporter("one")
	w.play(10)
	one.Start()
	w.awaitMore(20)
	var refusals atomic.Int64
	one.net.arm(func(r *request) fate {
		if r.step != stepProduce {
			return fate{}
		}
		refusals.Add(1)
		return fate{refuse: 32}
	})
	rig.Eventually(t, "several refusals", rig.Patience, func() bool { return refusals.Load() > 2 })
	for looks, before := 0, refusals.Load(); refusals.Load() < before+3; looks++ {
		code, text := one.Page("/readyz")
		if code != 503 || !strings.Contains(text, "set the clocks of this machine and of the brokers right") {
			t.Fatalf("look %d: /readyz says %d %s", looks, code, text)
		}
	}
	one.net.arm(nil)
	w.awaitMore(20)
	rig.Eventually(t, "ready again", rig.Patience, func() bool { code, _ := one.Page("/readyz"); return code == 200 })
	w.settle()
	w.check(nil)
}
