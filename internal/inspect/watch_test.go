package inspect

import (
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/airuddersim"
)

// A task is read at most once in five seconds, and what changes is told.
func TestWatch(t *testing.T) {
	var s *airuddersim.Sim
	var id string
	steps := func() {
		must := func(err error) {
			if err != nil {
				t.Error(err)
			}
		}
		at := func(d time.Duration, do func()) { time.AfterFunc(d, do) }
		at(22*time.Second, func() { _, err := s.FinishNext(id, 3); must(err) })
		at(41*time.Second, func() { must(s.SetField(id, 10, "Intention", `"Z"`)) })
		at(47*time.Second, func() { must(s.SetField(id, 0, "call_notes", `"later"`)) })
		at(61*time.Second, func() { must(s.RemoveRows(id, 4)) })
		at(72*time.Second, func() { must(s.SetField(id, 6, "id", "77")) })
		at(83*time.Second, func() { _, err := s.Redial(id, 5); must(err) })
		at(94*time.Second, func() { must(s.SetStatus(id, airuddersim.Finished)) })
		at(101*time.Second, func() { s.Script(airuddersim.Fault{Kind: airuddersim.HTMLPage, Endpoint: airuddersim.Detail}) })
		at(111*time.Second, func() { s.Script(airuddersim.Fault{Kind: airuddersim.EmptyDetail, TaskID: id}) })
	}
	l := lookAt(t, airuddersim.Config{}, func(sim *airuddersim.Sim) {
		s = sim
		id = s.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: append(airuddersim.FinishedRows(10), airuddersim.PendingRows(20)...)})
		steps()
	}, func(cfg *Config) { cfg.Watch = 2 * time.Minute })
	if l.err != nil {
		t.Error(l.err)
	}
	_, watched, _ := strings.Cut(l.out, "\nWatch of ")
	golden(t, "watch.txt", watched)
}
