package demo

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// TestMain makes this executable two exporters: one that ends at once and one that
// runs until SIGTERM.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "ends":
			fmt.Fprintln(os.Stderr, `{"level":"WARN","msg":"a warning"}`)
			fmt.Fprintln(os.Stderr, "airudder-exporter: it cannot start")
			os.Exit(1)
		case "runs":
			terminated := make(chan os.Signal, 1)
			signal.Notify(terminated, syscall.SIGTERM)
			<-terminated
			return
		}
	}
	goleak.VerifyTestMain(m)
}

// exporter is a child that does what TestMain says.
func exporter(does string) func() (*exec.Cmd, error) {
	return func() (*exec.Cmd, error) {
		self, err := os.Executable()
		return exec.Command(self, does), err
	}
}

func TestChildThatCannotStart(t *testing.T) {
	var stderr output
	c := newChild(exporter("ends"), nil, &notices{w: &stderr})
	err := c.keepAlive(t.Context(), func() int { return 0 })
	want := "the exporter ended 5 times in a row and published nothing, the last time with exit status 1"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if got, want := stderr.String(), "exporter: a warning\nexporter: it cannot start\n"; got != want {
		t.Errorf("it says\n%s\nwant, once,\n%s", got, want)
	}
}

// Only ends without progress count.
func TestChildThatMakesProgress(t *testing.T) {
	looks := 0
	err := newChild(exporter("ends"), nil, &notices{w: &output{}}).keepAlive(t.Context(), func() int { // twice a life: before it and after
		looks++
		return min(looks, 3)
	})
	if lives := looks / 2; err == nil || lives != 1+endsInARow {
		t.Errorf("given up after %d lives with %v, want %d", lives, err, 1+endsInARow)
	}
}

func TestLogged(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{`{"level":"INFO","msg":"hello"}`, ""},
		{`{"level":"WARN","msg":"producer ended","error":"nobody there"}`, "producer ended: nobody there"},
		{`{"level":"ERROR","msg":"broken"}`, "broken"},
		{`{"level":"WARN","msg":"topic settings are not as recommended"}`, ""},
		{"airudder-exporter: configuration:", "configuration:"},
		{"panic: oh", "panic: oh"},
	} {
		if got := logged([]byte(tt.line)); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.line, got, tt.want)
		}
	}
}
