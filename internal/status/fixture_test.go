package status

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/notice"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	at      = time.Date(2026, 3, 14, 3, 12, 7, 250e6, time.UTC)
	started = at.Add(-26 * time.Hour)
	info    = Info{Version: "v1.4.0", Host: "exporter-0", Started: started}
	quiet   = slog.New(slog.DiscardHandler)
)

// fixed is an exporter whose snapshot a test sets.
type fixed struct {
	mu   sync.Mutex
	snap exporter.Snapshot
	byID map[string]exporter.TaskStatus // of snap; nil: not made yet
}

func (f *fixed) set(s exporter.Snapshot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.snap, f.byID = s, nil
}

func (f *fixed) get() exporter.Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.snap
}

func (f *fixed) Totals() exporter.Snapshot {
	s := f.get()
	s.Tasks, s.Recent = nil, nil
	return s
}

func (f *fixed) Recent() []exporter.Published { return f.get().Recent }

func (f *fixed) TaskIDs() (ids []string) {
	for _, t := range f.get().Tasks {
		ids = append(ids, t.TaskID)
	}
	slices.Sort(ids)
	return ids
}

func (f *fixed) Task(taskID string) (exporter.TaskStatus, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byID == nil {
		f.byID = map[string]exporter.TaskStatus{}
		for _, t := range f.snap.Tasks {
			f.byID[t.TaskID] = t
		}
	}
	t, known := f.byID[taskID]
	return t, known
}

func running(s exporter.Snapshot) *State {
	var state State
	state.Running(&fixed{snap: s})
	return &state
}

func handler(s *State) http.Handler {
	return Handler(s, prometheus.NewRegistry(), nil, info, Operator{})
}

// plotting also has a past.
func plotting(s *State) http.Handler {
	return Handler(s, prometheus.NewRegistry(), lived(), info, Operator{})
}

func get(t *testing.T, h http.Handler, path string) (*http.Response, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	response := w.Result()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
	return response, string(body)
}

// idle is an exporter that owns its shard and has seen no task.
func idle() exporter.Snapshot {
	return exporter.Snapshot{
		LedgerID: "0d9c4f0e-6d55-4b7e-9a53-1f0f3c2b7a11", ExportSince: at.Add(-168 * time.Hour), Partitions: 1,
		Shards: []exporter.ShardStatus{{Shard: 0, Restored: started}},
		Owners: []exporter.Owner{{Host: "exporter-0", PID: 7, Instance: "self", Self: true, Since: started, SeenAt: at}},
		Ready:  true, Healthy: true, At: at,
	}
}

// but are notices, for an exporter that is ready all the same.
func but() []notice.Notice {
	return []notice.Notice{{Cause: "detail_total", Since: at.Add(-time.Hour), Subjects: 3, Example: "task 7f",
		Text: "data counts 2,500 rows, but shows 1,000", Cure: "see AIRUDDER_DETAIL_REQUEST"}}
}

// advised is a busy exporter with several notices.
func advised() exporter.Snapshot {
	s := busy()
	s.Notices = append(but(),
		notice.Notice{Cause: "row_status_unknown", Since: at.Add(-17 * time.Minute), Subjects: 1, Example: "task " + s.Tasks[1].TaskID,
			Text: `1,204 of 12,000 rows have the Status "answered", which is not known, so that nothing of them is published`,
			Cure: "if such a call has ended, set AIRUDDER_ROW_STATUSES to answered:finished; if it was never made, to answered:cancelled"},
		notice.Notice{Cause: "tasks_failing", Since: at.Add(-42 * time.Second), Subjects: 1, Example: "the upstream",
			Text: "12 of 480 tasks cannot be read, most with http_5xx: read task detail: 502 Bad Gateway",
			Cure: "other tasks continue and these are tried again; if it lasts, ask AIRudder about them"})
	return s
}

// busy is an exporter with a task of every kind.
func busy() exporter.Snapshot {
	s := idle()
	s.LedgerEntries, s.LedgerBytes = 184_233, 21_440_812
	s.List = exporter.ListStatus{Tasks: 9, ReadAt: at.Add(-41 * time.Second)}
	s.Shards[0].Error = "commit transaction: end transaction: no answer within 10s"
	s.Shards[0].ErrorAt = started.Add(-3 * time.Second)
	task := func(n int, name, status string, phase ledger.Phase, rows, finished, cancelled int64) exporter.TaskStatus {
		return exporter.TaskStatus{
			TaskID: fmt.Sprintf("%032x", 0x2bcdef0123456789+n*7919), Name: name, Status: status, Phase: phase,
			Rows: rows, Finished: finished, Cancelled: cancelled, Open: rows - finished - cancelled, Events: finished,
			ReadAt:   at.Add(-time.Duration(n) * 1700 * time.Millisecond),
			NextRead: at.Add(time.Duration(n) * 2300 * time.Millisecond),
		}
	}
	s.Tasks = []exporter.TaskStatus{
		task(1, "Collections DPD 1-7 · Jakarta pagi", "calling", "open", 5000, 3812, 0),
		task(2, "Collections DPD 8-30 · Surabaya", "calling", "open", 12000, 11988, 0),
		task(3, "Flash sale reminder 3.15", "pending", "open", 800, 0, 0),
		task(4, "Welcome call new borrowers", "paused", "open", 2200, 640, 0),
		task(5, "COD confirmation 13 Mar", "finished", "ended", 4100, 4031, 22),
		task(6, "Collections DPD 1-7 · 12 Mar", "finished", "sealed", 5000, 4870, 0),
		task(7, "NPS survey February", "canceled", "sealed", 900, 210, 690),
		task(8, "Collections DPD 1-7 · 10 Jan", "finished", "closed", 0, 0, 0),
		task(9, "Due date reminder H-1", "calling", "open", 3000, 1204, 0),
	}
	s.PassedOver = 31
	s.Tasks[4].DeadLetters = 2
	s.Tasks[8].NoStatus = 17
	s.Tasks[5].Seal, s.Tasks[5].NextRead = 2, time.Time{}
	s.Tasks[7].ReadAt, s.Tasks[7].NextRead, s.Tasks[7].Events = time.Time{}, time.Time{}, 0
	bad := &s.Tasks[8]
	bad.ErrorKind, bad.ErrorAt = "truncated", at.Add(-12*time.Second)
	bad.Error = "read task detail: the response ends after 1,204 rows without its closing brackets: unexpected EOF"
	for i := range 24 {
		s.Recent = append(s.Recent, exporter.Published{
			CallID: fmt.Sprintf("%032x", 0x1234567890abcd+i*104729), TaskID: s.Tasks[i%2].TaskID, Bytes: 1843 + i*211,
			Committed: at.Add(-time.Duration(i*900) * time.Millisecond),
			Observed:  at.Add(-time.Duration(i*900+130) * time.Millisecond),
		})
		if i%5 != 4 {
			s.Recent[i].Ended = at.Add(-time.Duration(i*900+2130+i*i*40) * time.Millisecond)
		}
	}
	return s
}

// huge is busy among so many tasks that the page cannot show them all.
func huge(tasks int) exporter.Snapshot {
	s := busy()
	for i := len(s.Tasks); i < tasks; i++ {
		t := exporter.TaskStatus{TaskID: fmt.Sprintf("%032x", i), Name: fmt.Sprintf("Campaign %d", i), Status: "finished",
			Phase: ledger.Sealed, Events: 10}
		s.Tasks = append(s.Tasks, t)
	}
	return s
}

// down is an exporter that reaches neither its shard nor AIRudder.
func down() exporter.Snapshot {
	s := busy()
	const why = "list tasks: POST /service/cloud/auth: 401: AppKey or AppSecret is wrong"
	s.Ready, s.Why = false, "the task list cannot be read: "+why
	s.List.Error, s.List.ErrorAt = why, at.Add(-9*time.Second)
	s.Partitions = 2
	s.Shards = append(s.Shards, exporter.ShardStatus{
		Shard: 1, Error: "open shard 1: replay: fetch airudder.call-ledger[1] at 88213: dial broker 3: i/o timeout",
		ErrorAt: at.Add(-4 * time.Second),
	})
	return s
}

// standby is an exporter that owns nothing.
func standby() exporter.Snapshot {
	s := idle()
	s.Shards, s.Partitions = nil, 1
	s.Owners = []exporter.Owner{{Host: "exporter-1", PID: 4711, Instance: "other", Since: at.Add(-100 * time.Minute), SeenAt: at.Add(-8 * time.Second)}}
	return s
}

// shared is an exporter that owns one shard of five.
func shared() exporter.Snapshot {
	s := busy()
	s.Partitions = 5
	owner := func(shard, pid int, seen time.Duration) exporter.Owner {
		return exporter.Owner{Shard: shard, Host: "exporter-1", PID: pid, Since: at.Add(-100 * time.Minute), SeenAt: at.Add(-seen)}
	}
	s.Owners = append(s.Owners, owner(1, 8, 0), owner(2, 9, 5*time.Minute), owner(3, 10, 0), owner(4, 11, 0))
	s.Owners[3].Tool, s.Owners[3].Done = true, true
	s.Shards = append(s.Shards, exporter.ShardStatus{Shard: 4, Restored: started})
	return s
}

// changed is an exporter whose topics were changed while it ran.
func changed() exporter.Snapshot {
	s := busy()
	s.TopicsAt = at.Add(-41 * time.Second)
	s.Topics = []exporter.TopicStatus{
		{Name: "airudder.call-completed", Partitions: 8, Used: 6, Replicas: 3, CleanupPolicy: "delete", RetentionMS: 30 * 24 * 3600_000},
		{Name: "airudder.task-status", Partitions: 1, Used: 1, Replicas: 3, CleanupPolicy: "delete", RetentionMS: 3600_000, Odd: []exporter.TopicSetting{
			{Setting: "retention.ms", Got: "3600000", Want: "604800000 or more", Why: "consumers that are down for longer miss events"},
			{Setting: "min.insync.replicas", Got: "1", Want: "2 or more", Why: "brokers fail"}}},
		{Name: "airudder.call-dead-letter", Replicas: 0},
		{Name: "airudder.call-ledger", Partitions: 3, Used: 1, Replicas: 3, CleanupPolicy: "delete", RetentionMS: -1, Odd: []exporter.TopicSetting{
			{Setting: "cleanup.policy", Got: "delete", Want: "compact", Why: "entries are forgotten", Breaks: true}}},
	}
	return s
}

// gone is an exporter whose broker is gone: all that it shows was known a while ago.
func gone() exporter.Snapshot {
	s := busy()
	s.AsOf = at.Add(-4 * time.Minute)
	s.Ready, s.Why = false, "shard 0 is not restored: waiting for Kafka since 03:08:07 (InitProducerId): connection refused"
	s.Shards[0].Restored, s.Shards[0].AsOf = time.Time{}, s.AsOf
	s.Shards[0].Error, s.Shards[0].ErrorAt = "waiting for Kafka since 03:08:07 (InitProducerId): connection refused", s.AsOf
	for i := range s.Tasks {
		s.Tasks[i].AsOf, s.Tasks[i].NextRead = s.AsOf, time.Time{}
	}
	return s
}

// downBut is down, and there are notices besides.
func downBut() exporter.Snapshot {
	s := down()
	s.Notices = advised().Notices
	return s
}
