package prooftest

import (
	"bytes"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"airudder-exporter/internal/rig"
)

// TestProducerQuota lets the exporter write less in ten seconds than one of its
// transactions has: it is slow, says why, loses nothing, and is ended in good order.
// It runs alone, since the quota is every exporter's.
func TestProducerQuota(t *testing.T) {
	k := rig.RealKafka(t)
	w := openWorld(k, renewed(91), nil)
	t.Cleanup(func() { w.quota(0) })
	w.quota(8000)
	one := w.exporter("one", "KAFKA_COMPRESSION=none")
	w.play(4)
	one.Start()
	rig.Eventually(t, "a notice", 2*rig.Patience, func() bool {
		_, text := one.Page("/readyz")
		return strings.Contains(text, "Kafka throttles this exporter by a quota (throttle_time_ms ")
	})
	one.Kill()
	one.Start()
	w.awaitMore(1)
	one.Terminate()
	if bytes.Contains(one.Logged(), []byte("firewall")) {
		t.Error("the log puts it down to a firewall")
	}
	w.quota(0)
	one.Start()
	w.settle()
	w.check(nil)
}

// quota sets how many bytes a second exporters may write to a broker; 0: any number.
func (w *world) quota(bytes float64) {
	w.T.Helper()
	name := "airudder-exporter"
	entity := kmsg.NewAlterClientQuotasRequestEntryEntity()
	entity.Type, entity.Name = "client-id", &name
	op := kmsg.NewAlterClientQuotasRequestEntryOp()
	op.Key, op.Value, op.Remove = "producer_byte_rate", bytes, bytes == 0
	entry := kmsg.NewAlterClientQuotasRequestEntry()
	entry.Entity, entry.Ops = append(entry.Entity, entity), append(entry.Ops, op)
	req := kmsg.NewPtrAlterClientQuotasRequest()
	req.Entries = append(req.Entries, entry)
	if _, err := rig.Ask[kmsg.AlterClientQuotasResponse](w.Kafka, req); err != nil {
		w.T.Fatal(err)
	}
}
