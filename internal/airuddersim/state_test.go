package airuddersim

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// busy is a simulation in the middle of its campaigns, some of it served.
func busy(t *testing.T) (*Sim, Config) {
	t.Helper()
	cfg := Config{Seed: 17, Start: start, Tasks: 4, Rate: 10, RowsPerTask: 60, Renew: true, Overtake: 0.2, Window: 20 * time.Second}
	s := New(cfg)
	id := s.AddTask(TaskSpec{Status: Paused, Rows: []RowSpec{
		{Status: Finished, Set: map[string]string{"Comments": "1"}}, {Status: Finished, CallID: "r", Raw: `{"id":1,"Status":"finished","CallID":"r"}`},
	}})
	try(s.SpoilRow(id, 0, NoCallID))
	c := serveSim(t, s)
	for range 6 {
		s.Advance(10 * time.Second)
		for _, task := range s.Truth().Tasks {
			c.detail(task.TaskID)
		}
	}
	return s, cfg
}

func TestSaveAndLoad(t *testing.T) {
	s, cfg := busy(t)
	path := filepath.Join(t.TempDir(), "sim.json")
	if err := s.SaveFile(path); err != nil {
		t.Fatal(err)
	}
	cfg.Seed = 99 // the state's own seed counts
	loaded, err := LoadFile(cfg, path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(fingerprint(t, s), fingerprint(t, loaded)) {
		t.Fatal("what was loaded differs from what was saved")
	}
	s.Advance(3 * time.Minute)
	loaded.Advance(3 * time.Minute)
	if !bytes.Equal(fingerprint(t, s), fingerprint(t, loaded)) {
		t.Error("what was loaded plays another game")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) != 1 {
		t.Errorf("files left behind: %v", left)
	}
}

func TestResumeContinuesWhereItStood(t *testing.T) {
	s, cfg := busy(t)
	var state bytes.Buffer
	try(s.Save(&state))
	loaded := must(Load(cfg, &state))
	before := finished(loaded)
	loaded.Resume(s.Now().Add(8 * time.Hour))
	if got := finished(loaded); got != before {
		t.Errorf("%d calls finished while nobody played", got-before)
	}
	s.Advance(time.Minute)
	loaded.Advance(time.Minute)
	if got, want := finished(loaded), finished(s); got != want || got == before {
		t.Errorf("a minute later %d calls have finished, want %d", got, want)
	}
	for i, task := range loaded.tasks {
		for j, r := range task.Rows {
			want := s.tasks[i].Rows[j]
			if a, b := r.current(), want.current(); a != nil && !a.End.IsZero() && a.End.Sub(a.Start) > b.End.Sub(b.Start)+time.Second {
				t.Errorf("a call lasted %v, want %v", a.End.Sub(a.Start), b.End.Sub(b.Start))
			}
		}
	}
}

func TestLoadAddsMissingCampaigns(t *testing.T) {
	var state bytes.Buffer
	try(New(Config{Start: start}).Save(&state))
	s := must(Load(Config{Tasks: 2}, &state))
	s.Advance(time.Minute)
	if got := len(s.Truth().Tasks); got != 2 {
		t.Errorf("%d campaigns, want 2", got)
	}
}

func TestLoadRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{"Version":2}`: "its state has version 2, not 1",
		`{`:             "load the simulation: unexpected EOF",
	} {
		if _, err := Load(Config{}, strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	if _, err := LoadFile(Config{}, filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
	if err := New(Config{}).SaveFile(filepath.Join(t.TempDir(), "no", "dir")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: got %v", err)
	}
}

func TestRunPlaysAtItsSpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Start: start})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); s.Run(ctx, 10) }()
		time.Sleep(2 * time.Second) // virtual
		synctest.Wait()
		cancel()
		<-done
		if got := s.Now().Sub(start); got != 20*time.Second {
			t.Errorf("two seconds at speed 10 played %v", got)
		}
	})
}
