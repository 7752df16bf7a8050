package status

import (
	"context"
	"os"
	"testing"

	"github.com/chromedp/chromedp"

	"airudder-exporter/internal/exporter"
)

// TestEverybodyCanRead has axe judge the page: contrast, names, tables and order, in light
// and dark, wide and narrow. TEST_AXE is the path of axe.min.js (npm: axe-core).
func TestEverybodyCanRead(t *testing.T) {
	path := os.Getenv("TEST_AXE")
	if path == "" {
		t.Skip("needs axe.min.js in TEST_AXE: bash .ci/page.sh")
	}
	axe, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx := browser(t)
	for name, snap := range map[string]exporter.Snapshot{"busy": busy(), "idle": idle(), "down": down(), "gone": gone(), "but": advised()} {
		server, err := Serve(t.Context(), Config{Addr: "127.0.0.1:0"}, plotting(running(snap)), quiet)
		if err != nil {
			t.Fatal(err)
		}
		for _, width := range []int64{1280, 390} {
			for _, scheme := range []string{"light", "dark"} {
				do(t, ctx, chromedp.EmulateViewport(width, 900), prefer(scheme), chromedp.Navigate("http://"+server.Addr()+"/"))
				for _, violation := range judged(t, ctx, string(axe)) {
					t.Errorf("%s, %s, %d wide: %s", name, scheme, width, violation)
				}
			}
		}
		do(t, ctx, chromedp.Evaluate[chromedp.Void](`document.querySelector("svg.plot").removeAttribute("aria-label"); undefined`))
		if len(judged(t, ctx, string(axe))) == 0 {
			t.Errorf("%s: axe does not miss the words of a drawing", name)
		}
		server.Close()
	}
}

// judged is what axe finds on the page.
func judged(t *testing.T, ctx context.Context, axe string) []string {
	t.Helper()
	return ask(t, ctx, chromedp.Evaluate[[]string](axe+`; axe.run().then(r => r.violations.flatMap(v =>
		v.nodes.slice(0, 3).map(n => v.id + " (" + v.impact + "): " + v.help + ": " + n.html.slice(0, 160) + " " + n.failureSummary)))`,
		chromedp.EvalAwaitPromise))
}
