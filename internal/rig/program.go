package rig

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
)

// Main runs a test binary's tests and removes what they have built. They start
// programs, and wait more than they work: unless -parallel says how many run at once,
// it is twice as many as there are processors.
func Main(m *testing.M) (code int) {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said {
		_ = flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))) // cannot fail: it is a number
	}
	defer os.RemoveAll(programDir())
	return m.Run()
}

// Program is the exporter, built once for all tests of the binary, with the race
// detector where they have it. Their TestMain has to be Main.
func Program(t testing.TB) string {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var program = sync.OnceValues(build)

func programDir() string { return filepath.Join(os.TempDir(), fmt.Sprintf("exporter-%d", os.Getpid())) }

func build() (string, error) {
	if err := consult(); err != nil {
		return "", err
	}
	path := filepath.Join(programDir(), "airudder-exporter")
	args := []string{"build", "-o", path}
	if Race {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "airudder-exporter/cmd/airudder-exporter")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the exporter: %w\n%s", err, out)
	}
	return path, nil
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
