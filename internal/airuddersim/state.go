package airuddersim

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// saved is a simulation's state as JSON. Faults, counts and the token are not
// part of it: they belong to one run.
type saved struct {
	Version int
	Seed    uint64
	Now     time.Time
	Drift   bool
	Tasks   []*task
	Events  []event
	EventNo int
}

// stateVersion is the form of a saved state; another one is refused.
const stateVersion = 1

// Save writes the state: campaigns, what will happen next, and the truth.
func (s *Sim) Save(w io.Writer) error {
	s.mu.Lock()
	raw, err := json.Marshal(saved{stateVersion, s.cfg.Seed, s.now, s.drift, s.tasks, s.events, s.eventNo})
	s.mu.Unlock()
	if err == nil {
		_, err = w.Write(raw)
	}
	if err != nil {
		return fmt.Errorf("save the simulation: %w", err)
	}
	return nil
}

// Load continues from a saved state, its clock where it was: see Resume. The
// seed is the state's; the rest of the configuration is the new one, and
// campaigns that it asks for beyond those of the state are added.
func Load(cfg Config, r io.Reader) (*Sim, error) {
	var from saved
	if err := json.NewDecoder(r).Decode(&from); err != nil {
		return nil, fmt.Errorf("load the simulation: %w", err)
	}
	if from.Version != stateVersion {
		return nil, fmt.Errorf("load the simulation: its state has version %d, not %d", from.Version, stateVersion)
	}
	cfg.Seed, cfg.Start = from.Seed, from.Now
	s := empty(cfg)
	s.drift, s.events, s.eventNo = from.Drift, from.Events, from.EventNo
	for _, t := range from.Tasks {
		s.know(t)
	}
	s.plan()
	return s, nil
}

// SaveFile writes the state to a file, which holds the old or the new state
// whole whenever the program dies.
func (s *Sim) SaveFile(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("save the simulation: %w", err)
	}
	defer os.Remove(f.Name()) // gone already once it was renamed
	err = s.Save(f)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("save the simulation to %s: %w", path, err)
	}
	return nil
}

// LoadFile continues from a file that SaveFile wrote. Its error wraps
// fs.ErrNotExist when there is none.
func LoadFile(cfg Config, path string) (*Sim, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load the simulation: %w", err)
	}
	defer f.Close()
	return Load(cfg, f)
}
