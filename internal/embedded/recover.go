package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The files of our own in the broker's folder.
const (
	runningFile = "running"     // is there while a broker runs, and after a kill
	commitFile  = "commit.json" // the intent of the last commit
)

// intent is a decision to commit, kept before the broker writes the first of a
// transaction's markers: the coordinator's log that kfake does not have.
type intent struct {
	Producer int64            `json:"producer"`
	Epoch    int16            `json:"epoch"`
	Ends     map[string]int64 `json:"ends"` // by partition folder: where the transaction's data ended
}

// covers reports whether a transaction left open in a partition is the one
// that was decided, and not a later one of the same producer and epoch.
func (i intent) covers(partition string, open unfinished) bool {
	end, ok := i.Ends[partition]
	return ok && i.Producer == open.id && i.Epoch == open.epoch && end == open.end
}

// recoverKilled brings a broker's folder in order after a kill. kfake aborts
// what was open, but writes no marker, so that readers take the producer's next
// transaction for aborted, and a second kill makes the aborted one visible. So
// each transaction that was open gets its marker here, before kfake starts:
// commit where that was decided, else abort.
//
// The producers' log comes first: a kill in here leaves transactions open that
// the next start ends in the same way.
func recoverKilled(dir string) error {
	partitions, err := openSegments(filepath.Join(dir, "partitions"))
	if err != nil {
		return err
	}
	var decided intent
	if err := readJSON(filepath.Join(dir, commitFile), &decided); err != nil {
		return err
	}
	var ends []ending
	for _, p := range partitions {
		for _, open := range p.open {
			ends = append(ends, ending{p, open, decided.covers(p.name(), open)})
		}
	}
	if err := endProducers(filepath.Join(dir, "pids.log"), ends); err != nil {
		return err
	}
	if err := cutTail(filepath.Join(dir, "groups.log")); err != nil {
		return err
	}
	for _, e := range ends {
		e.partition.appendMarker(e.open, e.commit)
	}
	for _, p := range partitions {
		if err := p.finish(); err != nil {
			return err
		}
	}
	return remove(filepath.Join(dir, "session_state.json")) // of an earlier Close
}

// ending is how one partition's share of a transaction ends.
type ending struct {
	partition *partition
	open      unfinished
	commit    bool
}

// endProducers enters the ends into kfake's log of producer ids. An abort
// raises the epoch, so that whoever held the transaction open is fenced.
func endProducers(path string, ends []ending) error {
	entries, err := readFramed(path)
	if err != nil {
		return err
	}
	// pidEntry has the fields of kfake's entries that matter here.
	type pidEntry struct {
		Type   string `json:"type"`
		PID    int64  `json:"pid"`
		Epoch  int16  `json:"epoch"`
		Commit *bool  `json:"commit,omitempty"`
	}
	epochs := make(map[int64]int16)
	for _, text := range entries {
		var e pidEntry
		if json.Unmarshal(text, &e) == nil {
			epochs[e.PID] = e.Epoch
		}
	}
	for _, e := range ends {
		entry := pidEntry{Type: "endtx", PID: e.open.id, Epoch: e.open.epoch, Commit: &e.commit}
		switch {
		case epochs[e.open.id] > e.open.epoch:
			continue // fenced already
		case !e.commit:
			entry.Type, entry.Commit = "timeout", nil
			entry.Epoch++
		}
		text, err := json.Marshal(entry)
		if err != nil {
			return err
		}
		epochs[e.open.id] = entry.Epoch
		entries = append(entries, text)
	}
	return writeFile(path, frame(entries))
}

// cutTail drops what a kill left half written: kfake reads up to there, but
// appends behind it, where it would never read again.
func cutTail(path string) error {
	entries, err := readFramed(path)
	if err != nil || entries == nil {
		return err
	}
	return writeFile(path, frame(entries))
}

// begin marks the folder as in use, after mending what a kill left.
func begin(dir string) error {
	path := filepath.Join(dir, runningFile)
	_, err := os.Stat(path)
	if err == nil {
		err = recoverKilled(dir)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("recover %s: %w", dir, err)
	}
	return writeFile(path, nil)
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// readJSON fills v from a file; a missing one leaves it as it is.
func readJSON(path string, v any) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// openSegments reads every partition below a folder.
func openSegments(dir string) ([]*partition, error) {
	folders, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []*partition
	for _, f := range folders {
		p := &partition{dir: filepath.Join(dir, f.Name())}
		if err := p.read(); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}
