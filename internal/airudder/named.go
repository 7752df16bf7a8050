package airudder

import (
	"bytes"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// named holds the tasks that were named by hand: those of the configuration and
// those of a file, which is read again when its time or size has changed.
type named struct {
	log    *slog.Logger
	insane func() // counts a line that can be no task id
	fixed  []string
	path   string // empty: no file
	reads  string // the operation, for errors

	mu    sync.Mutex
	ids   []string // all, each once
	set   map[string]bool
	mtime time.Time
	size  int64 // -1: not read yet
}

func newNamed(cfg Config, log *slog.Logger, insane func()) *named {
	n := &named{log: log, insane: insane, fixed: cfg.TaskIDs, path: cfg.TaskIDsFile, size: -1,
		reads: "read " + cfg.setting("TaskIDsFile")}
	n.keep(nil)
	return n
}

// look returns all ids; with an error those known so far.
func (n *named) look() ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	err := n.reread()
	return n.ids, err
}

func (n *named) has(taskID string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.set[taskID]
}

// reread reads the file if it has changed.
func (n *named) reread() error {
	if n.path == "" {
		return nil
	}
	info, err := os.Stat(n.path)
	if err == nil && info.ModTime().Equal(n.mtime) && info.Size() == n.size {
		return nil
	}
	var raw []byte
	if err == nil {
		raw, err = os.ReadFile(n.path)
	}
	if err != nil {
		return &Error{op: n.reads, kind: KindTaskIDs, text: err.Error(), err: err} // names the file
	}
	n.mtime, n.size = info.ModTime(), info.Size()
	n.keep(n.parse(raw))
	return nil
}

// parse reads one id a line; blank lines and what follows a # are left out.
func (n *named) parse(raw []byte) (ids []string) {
	raw = bytes.TrimPrefix(raw, []byte("\uFEFF")) // which editors put first
	for i, line := range strings.Split(string(raw), "\n") {
		id, _, _ := strings.Cut(line, "#")
		switch id = strings.TrimSpace(id); {
		case id == "":
		case saneTaskID(id):
			ids = append(ids, id)
		default:
			n.insane()
			n.log.Warn("a line of the file of task ids can be no task id: it is left out", "file", n.path, "line", i+1)
		}
	}
	return ids
}

// keep takes the file's ids. The slice is a new one each time: look gives it away.
func (n *named) keep(fromFile []string) {
	n.set = map[string]bool{}
	n.ids = nil
	for _, id := range slices.Concat(n.fixed, fromFile) {
		if !n.set[id] {
			n.set[id] = true
			n.ids = append(n.ids, id)
		}
	}
}
