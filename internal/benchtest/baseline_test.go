package benchtest

import (
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"airudder-exporter/internal/rig"
	"airudder-exporter/schemas"
)

// TestBaseline: the obvious program publishes what the exporter does, so that
// the benchmarks compare the same work.
func TestBaseline(t *testing.T) {
	const rows = 20
	w := newWorld(rig.EmbeddedKafka(t))
	d := newDetail(t)
	url := newUpstream(t, func(rw http.ResponseWriter, _ *http.Request) {
		body := append([]byte{}, d.head...)
		body = append(body, d.rows(0, rows, "finished")...)
		_, _ = rw.Write(append(body, d.tail...))
	}).URL
	w.exporter(url)
	w.obvious(url, time.Minute)
	want := w.events(w.topics.Events, rows)
	for key, got := range w.events(w.obviousTopic, rows) {
		if !reflect.DeepEqual(got, want[key]) {
			t.Errorf("call %s: the obvious program publishes\n%v\nand the exporter\n%v", key, got, want[key])
		}
	}
	for i := range rows {
		if want[callID(i)] == nil {
			t.Errorf("no event of call %s", callID(i))
		}
	}
}

// events is what a topic's records say, by CallID, but for the time of reading.
func (w *world) events(topic string, n int) map[string]map[string]any {
	w.T.Helper()
	codec, err := goavro.NewCodec(schemas.CallCompleted())
	if err != nil {
		w.T.Fatal(err)
	}
	events := map[string]map[string]any{}
	w.Consume(topic, func(r *kgo.Record) bool {
		native, _, err := codec.NativeFromBinary(r.Value[5:]) // behind Confluent's frame
		if err != nil {
			w.T.Fatal(err)
		}
		event := native.(map[string]any)
		delete(event, "observed_at")
		events[event["call_id"].(string)] = event
		return len(events) < n
	})
	return events
}
