package status

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"

	"airudder-exporter/internal/exporter"
)

var screenshots = flag.String("screenshots", "", "directory for pictures of the page")

// browser starts a headless Chromium, or skips the test where there is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium on this machine: the page is not looked at in a browser")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-gpu", true), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("no-first-run", true))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(allocator)
	t.Cleanup(closeTab)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	return ctx
}

func TestPageInABrowser(t *testing.T) {
	ctx := browser(t)
	complaints := complain(t, ctx)
	e := &fixed{snap: busy()}
	var state State
	state.Running(e)
	server, err := Serve(t.Context(), Config{Addr: "127.0.0.1:0"}, plotting(&state), quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()

	do(t, ctx, chromedp.Navigate("http://"+server.Addr()+"/"))
	layout := chromedp.Evaluate[string](`getComputedStyle(document.querySelector(".figures")).display`)
	if got := ask(t, ctx, layout); got != "grid" {
		t.Errorf("the figures are laid out as %q, want grid: the style was not taken", got)
	}

	e.set(advised()) // the page has to find it by itself
	do(t, ctx, chromedp.WaitVisible(chromedp.CSS(".verdict.warn")))
	if got := ask(t, ctx, chromedp.Text(chromedp.CSS(".verdict.warn"))); !strings.Contains(got, "3 things need you") {
		t.Errorf("with notices the page says %q", got)
	}

	hostile := busy()
	hostile.Tasks[0].Name = `<script>document.title="owned"</script><img src=x onerror='document.title="owned"'>`
	hostile.Ready, hostile.Why = false, "no task can be read: 503"
	e.set(hostile)
	do(t, ctx, chromedp.WaitVisible(chromedp.CSS(".verdict.bad")))
	if got := ask(t, ctx, chromedp.Text(chromedp.CSS(".verdict.bad"))); !strings.Contains(got, hostile.Why) {
		t.Errorf("after the change the page says %q, want %q", got, hostile.Why)
	}
	if got := ask(t, ctx, chromedp.Title()); !strings.HasPrefix(got, "Not ready") {
		t.Errorf("after the change the title is %q, want Not ready", got)
	}
	if got := complaints(); len(got) > 0 {
		t.Errorf("the browser complains: %q", got)
	}

	server.Close()
	do(t, ctx, chromedp.WaitVisible(chromedp.CSS("#lost")))
	if got := ask(t, ctx, chromedp.Text(chromedp.CSS("#lost"))); !strings.Contains(got, "03:12:07 UTC") {
		t.Errorf("with the exporter gone the page says %q, want the time of what it shows", got)
	}
}

// TestPageWithoutScripts shows the same, plots included, and reloads itself.
func TestPageWithoutScripts(t *testing.T) {
	ctx := browser(t)
	e := &fixed{snap: busy()}
	var state State
	state.Running(e)
	server, err := Serve(t.Context(), Config{Addr: "127.0.0.1:0"}, plotting(&state), quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	do(t, ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}), chromedp.Navigate("http://"+server.Addr()+"/"), chromedp.WaitVisible(chromedp.CSS(".verdict.good")),
		chromedp.WaitVisible(chromedp.CSS("svg.plot .line")))
	e.set(advised())
	do(t, ctx, chromedp.WaitVisible(chromedp.CSS(".verdict.warn")))
}

// complain collects what the browser says of blocked styles, scripts and
// requests.
func complain(t *testing.T, ctx context.Context) (soFar func() []string) {
	t.Helper()
	var mu sync.Mutex
	var all []string
	err := chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*log.EventEntryAdded); ok {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, e.Entry.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

// TestScreenshots draws the page for human eyes.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("draws pictures for -screenshots <directory>")
	}
	ctx := browser(t)
	for name, snap := range map[string]exporter.Snapshot{"busy": busy(), "idle": idle(), "down": down(), "gone": gone(), "changed": changed(), "standby": standby(), "shared": shared(), "but": advised(), "down-but": downBut()} {
		server, err := Serve(t.Context(), Config{Addr: "127.0.0.1:0"}, plotting(running(snap)), quiet)
		if err != nil {
			t.Fatal(err)
		}
		draw(t, ctx, name, "http://"+server.Addr()+"/")
		server.Close()
	}
	var waiting State
	waiting.Waiting("waiting for Kafka: dial 10.0.3.14:9092: connection refused")
	server, err := Serve(t.Context(), Config{Addr: "127.0.0.1:0"}, handler(&waiting), quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	draw(t, ctx, "waiting", "http://"+server.Addr()+"/")
}

// draw takes the page at a desk's and a phone's width, in light and dark.
func draw(t *testing.T, ctx context.Context, name, url string) {
	t.Helper()
	for _, width := range []int64{1280, 390} {
		for _, scheme := range []string{"light", "dark"} {
			do(t, ctx, chromedp.EmulateViewport(width, 900), prefer(scheme), chromedp.Navigate(url))
			picture := ask(t, ctx, chromedp.FullScreenshot(100))
			file := name + "-desk-" + scheme + ".png"
			if width < 500 {
				file = name + "-phone-" + scheme + ".png"
			}
			if err := os.WriteFile(filepath.Join(*screenshots, file), picture, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// prefer makes the browser want a light or a dark page.
func prefer(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}

// do and ask give an action twenty seconds.
func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ask(t, ctx, chromedp.Steps(steps...))
}

func ask[T any](t *testing.T, ctx context.Context, a chromedp.Action[T]) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	got, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatalf("browser: %v", err)
	}
	return got
}
