package benchtest

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// TestMain becomes the obvious program, or a broker, where a benchmark starts
// it as that.
func TestMain(m *testing.M) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case os.Getenv(obviousURL) != "":
		err = runObvious(ctx)
	case os.Getenv(brokerOnly) != "":
		err = runBroker(ctx)
	default:
		os.Exit(runAll(m))
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func runAll(m *testing.M) int {
	code := m.Run()
	if builtAt != "" {
		_ = os.RemoveAll(filepath.Dir(builtAt))
	}
	return code
}

// builtAt is where build put the exporter; empty: nowhere yet.
var builtAt string

// program is the exporter, built once for all that need it.
var program = sync.OnceValues(build)

func build() (string, error) {
	dir, err := os.MkdirTemp("", "benchtest")
	if err != nil {
		return "", err
	}
	if err := consult(); err != nil {
		return "", err
	}
	builtAt = filepath.Join(dir, "airudder-exporter")
	out, err := exec.Command("go", "build", "-o", builtAt, "airudder-exporter/cmd/airudder-exporter").CombinedOutput()
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
