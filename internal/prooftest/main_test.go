package prooftest

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	// The tests mostly wait: for clocks of the campaigns, sessions, processes.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	code := m.Run()
	if dir := filepath.Dir(builtAt); builtAt != "" {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// builtAt is where build put the exporter; empty: nowhere yet.
var builtAt string

// program is the exporter, built once for all tests that need it.
var program = sync.OnceValues(build)

// build builds the exporter, with the race detector where the tests have it.
func build() (string, error) {
	dir, err := os.MkdirTemp("", "prooftest")
	if err != nil {
		return "", err
	}
	if err := consult(); err != nil {
		return "", err
	}
	builtAt = filepath.Join(dir, "airudder-exporter")
	args := []string{"build", "-o", builtAt}
	if raceDetector {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "airudder-exporter/cmd/airudder-exporter")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the exporter: %w\n%s", err, out)
	}
	return builtAt, nil
}

// consult looks into every folder that the exporter is built from. `go test`
// keeps a result until what the test itself has opened changes, and the
// compiler is another process.
func consult() error {
	for _, root := range []string{"../../cmd", "../../internal", "../../schemas"} {
		err := filepath.WalkDir(root, func(_ string, _ fs.DirEntry, err error) error { return err })
		if err != nil {
			return err
		}
	}
	return nil
}

// How long anything is waited for on a busy machine, and how long an exporter
// may take to end: what Kubernetes gives a pod.
const (
	patience = 2 * time.Minute
	grace    = 30 * time.Second
)

// eventually waits for a condition that other processes bring about. One that
// takes long to look at is looked at less often, and leaves them the machine.
func eventually(t testing.TB, what string, patience time.Duration, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		began := time.Now()
		if holds() {
			return
		}
		select {
		case <-time.After(max(10*time.Millisecond, 4*time.Since(began))):
		case <-deadline.C:
			t.Fatalf("waited in vain for %s (%s)", what, patience)
		}
	}
}
