package status

import (
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/exporter"
	"airudder-exporter/internal/ledger"
)

func TestPageAllowsItselfAlone(t *testing.T) {
	response, body := get(t, handler(running(busy())), "/")
	policy := response.Header.Get("Content-Security-Policy")
	for tag, directive := range map[string]string{"style": "style-src", "script": "script-src"} {
		found := regexp.MustCompile(`(?s)<`+tag+`>(.*?)</`+tag+`>`).FindAllStringSubmatch(body, -1)
		if len(found) != 1 {
			t.Fatalf("the page has %d <%s>, want 1", len(found), tag)
		}
		if want := directive + " '" + hash(found[0][1]) + "';"; !strings.Contains(policy, want) {
			t.Errorf("the policy %q does not allow the page's own <%s>: want %s", policy, tag, want)
		}
	}
	for _, never := range []string{"unsafe", "*", "http:", "https:"} {
		if strings.Contains(policy, never) {
			t.Errorf("the policy %q has %s in it", policy, never)
		}
	}
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'",
		"form-action 'self'", "connect-src 'self'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %s", policy, want)
		}
	}
	if got := response.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("Content-Type = %q", got)
	}
}

func TestPageLoadsNothingFromElsewhere(t *testing.T) {
	for _, snap := range []exporter.Snapshot{idle(), busy(), down()} {
		_, body := get(t, handler(running(snap)), "/")
		refs := regexp.MustCompile(`(?i)\b(?:src|href|action|srcset|poster)="([^"]*)"`)
		for _, ref := range refs.FindAllStringSubmatch(body, -1) {
			own := []string{"api/status", "metrics", "readyz", "healthz"} // relative: a proxy may add a path
			if !slices.Contains(own, ref[1]) && !strings.HasPrefix(ref[1], "?group=") && !strings.HasPrefix(ref[1], "data:image/svg+xml,") {
				t.Errorf("the page refers to %q", ref[1])
			}
		}
		if strings.Contains(pageCSS, "url(") || strings.Contains(pageCSS, "@import") {
			t.Error("the style sheet loads something")
		}
		if strings.Contains(body, "style=") || regexp.MustCompile(`(?i)<[^>]* on[a-z]+=`).MatchString(body) {
			t.Error("the page has a style or a handler in an attribute, which its policy forbids")
		}
	}
}

func TestPageOfABusyExporter(t *testing.T) {
	_, body := get(t, handler(running(busy())), "/")
	text := plain(body)
	for _, want := range []string{
		"v1.4.0", "on exporter-0", "started 1 d 2 h ago", "as of 03:12:07 UTC", "0d9c4f0e-6d55-4b7e-9a53-1f0f3c2b7a11",
		"events in the ledger 26,755", "dead letters 2", "ledger entries 184,233 21.4 MB",
		"shards restored 1 of 1 owned, 1 in all", "task list 9 41 s ago",
		"1 failing 2 calling 2 open 1 ended 2 sealed 31 not exported 1 closed",
		"truncated 12 s ago: read task detail: the response ends after 1,204 rows",
		"finished sealed × 2", "3,812 /5,000", "1,796 17 without a Status", "in 2.3 s", "in 11 s", "on change",
		"finished closed – – – 0 0 – never",
		"03:12:07 Collections DPD 1-7 · Jakarta pagi 00000000000000002bcdef0123458678 " +
			"0000000000000000001234567890abcd 2.1 s 1.8 kB",
		"0 this exporter 1 d 2 h ago commit transaction: end transaction: no answer within 10s",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
	order(t, text, "Due date reminder", "Jakarta pagi", "Surabaya", "Flash sale", "Welcome call", "COD", "12 Mar", "NPS",
		"10 Jan")
}

func TestPageSaysEachTroubleOnce(t *testing.T) {
	_, body := get(t, handler(running(down())), "/")
	text := plain(body)
	if got := strings.Count(text, "401: AppKey or AppSecret is wrong"); got != 1 {
		t.Errorf("the list's error stands on the page %d times, want once", got)
	}
	order(t, text, "Not ready the task list cannot be read", "Shard 1 is not restored 4.0 s ago: open shard 1", "Tasks")
}

// Notices stand in the verdict while the exporter is ready, and after it while it is
// not; each once, with its cause, since when, on what, and what to do.
func TestPageWithNotices(t *testing.T) {
	_, body := get(t, handler(running(advised())), "/")
	wants := []string{
		"data counts 2,500 rows, but shows 1,000 see AIRUDDER_DETAIL_REQUEST detail_total began 1 h ago task 7f and 2 more",
		`1,204 of 12,000 rows have the Status &#34;answered&#34;`, "set AIRUDDER_ROW_STATUSES to answered:finished",
		"row_status_unknown began 17 min ago task", "12 of 480 tasks cannot be read", "tasks_failing began 42 s ago the upstream",
	}
	order(t, plain(body), append([]string{"Ready, but events flow, and 3 things need you"}, append(wants, "events in the ledger")...)...)
	one := busy()
	one.Notices = but()
	_, body = get(t, handler(running(one)), "/")
	order(t, plain(body), "Ready, but events flow, and one thing needs you", wants[0])
	_, body = get(t, handler(running(downBut())), "/")
	text := plain(body)
	order(t, text, append([]string{"Not ready the task list cannot be read"}, wants...)...)
	if n := strings.Count(text, wants[0]); n != 1 {
		t.Errorf("a notice stands on the page %d times", n)
	}
}

func TestEmptyPages(t *testing.T) {
	_, body := get(t, handler(running(idle())), "/")
	order(t, plain(body), "Ready", "not read yet", "Tasks None yet.", "Recent events None since this process started.",
		"Shards")

	var waiting State
	waiting.Waiting("waiting for Kafka: <unknown host>")
	_, body = get(t, handler(&waiting), "/")
	order(t, plain(body), "Not ready waiting for Kafka: &lt;unknown host&gt;", "/api/status")
	if strings.Contains(body, "<table") || strings.Contains(body, "0001") {
		t.Error("the page shows tables or the year 1 before there is anything to show")
	}
}

func TestHugePage(t *testing.T) {
	_, body := get(t, handler(running(huge(100_000))), "/")
	if got := strings.Count(body, `<td class="state">`); got != maxTasks {
		t.Errorf("the page shows %d tasks, want %d", got, maxTasks)
	}
	text := plain(body)
	for _, want := range []string{"99,800 more; the numbers above show them group by group, and /api/status has all of them", "99,993 sealed",
		"Due date reminder H-1"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if len(body) > 1<<20 {
		t.Errorf("the page has %d bytes, want less than a megabyte", len(body))
	}
}

// TestPageOfSomeTasks: a group, a name, and what comes after.
func TestPageOfSomeTasks(t *testing.T) {
	h := handler(running(huge(1000)))
	shown := func(path string) (ids []string, text string) {
		t.Helper()
		response, body := get(t, h, path)
		if response.StatusCode != 200 {
			t.Fatalf("%s: %s %s", path, response.Status, body)
		}
		tasks, _, _ := strings.Cut(after(body, `<table class="tasks">`), "</table>")
		for _, found := range regexp.MustCompile(`<code>(\w+)</code>`).FindAllStringSubmatch(tasks, -1) {
			ids = append(ids, found[1])
		}
		return ids, plain(body)
	}
	if ids, text := shown("/?group=calling"); len(ids) != 2 || !slices.IsSorted(ids) || !strings.Contains(text, "all, the most urgent first") {
		t.Errorf("of the calling tasks the page shows %q", ids)
	}
	if ids, _ := shown("/?find=FLASH+sale"); len(ids) != 1 {
		t.Errorf("of a name the page shows %q", ids)
	}
	if ids, _ := shown("/?find=" + fmt.Sprintf("%032x", 77)); len(ids) != 1 {
		t.Errorf("of a TaskID the page shows %q", ids)
	}
	if ids, text := shown("/?find=nobody"); len(ids) != 0 || !strings.Contains(text, "No task is like that.") {
		t.Errorf("of nothing the page shows %q: %s", ids, text)
	}
	seen := map[string]bool{}
	for next, pages := "?group=sealed", 0; next != ""; pages++ {
		ids, _ := shown("/" + next)
		for _, id := range ids {
			if seen[id] {
				t.Errorf("task %s is on two pages", id)
			}
			seen[id] = true
		}
		_, body := get(t, h, "/"+next)
		next, _, _ = strings.Cut(after(body, `<p class="more"><a href="`), `"`)
		if next = html.UnescapeString(next); pages > 10 || next != "" && len(ids) != maxTasks {
			t.Fatalf("page %d has %d tasks, and the next is %q", pages, len(ids), next)
		}
	}
	if len(seen) != 993 {
		t.Errorf("the pages show %d sealed tasks, want 993", len(seen))
	}
	if response, body := get(t, h, "/?group=none"); response.StatusCode != 400 || !strings.Contains(body, "group is none of them: give failing") {
		t.Errorf("of an unknown group: %s %s", response.Status, body)
	}
}

func TestHostileTextsStayText(t *testing.T) {
	const evil = `</title><script>alert(1)</script><img src=x onerror=alert(1)>"'` + "`{{.}}"
	s := busy()
	for i := range s.Tasks {
		s.Tasks[i].Name, s.Tasks[i].Status, s.Tasks[i].TaskID = evil, evil, evil
		s.Tasks[i].Error, s.Tasks[i].ErrorKind, s.Tasks[i].Phase = evil, evil, ledger.Phase(evil)
	}
	s.Recent[0].CallID, s.Recent[0].TaskID = evil, evil
	s.Shards[0].Error, s.List.Error, s.List.ErrorAt = evil, evil, at
	s.LedgerID, s.Ready, s.Why = evil, false, evil
	h := Handler(running(s), nil, nil, Info{Version: evil, Host: evil, Started: started}, Operator{})
	_, body := get(t, h, "/")
	if got := strings.Count(body, "<script"); got != 1 {
		t.Errorf("the page has %d <script>, want its own alone", got)
	}
	for _, never := range []string{"<img", "</title><", "<script>alert"} {
		if strings.Contains(body, never) {
			t.Errorf("the page has %q in it", never)
		}
	}
	if _, body = get(t, h, "/api/status"); strings.Contains(body, "<") {
		t.Error("/api/status has a < in it, which a browser that sniffs could take for a page")
	}
}

func TestLongTextsAreClipped(t *testing.T) {
	s := busy()
	s.Tasks[0].Name = strings.Repeat("é", 1<<16)
	s.Tasks[8].Error = strings.Repeat("x", 1<<20)
	_, body := get(t, handler(running(s)), "/")
	if len(body) > 64<<10 {
		t.Errorf("the page has %d bytes: a long name or error drowns it", len(body))
	}
	if !strings.Contains(body, strings.Repeat("é", 120)+"…") {
		t.Error("the long name is not there up to its 120th letter")
	}
}

func TestSpan(t *testing.T) {
	tests := []struct {
		d    time.Duration
		want string
	}{
		{-time.Second, "0 ms"}, {0, "0 ms"}, {999 * time.Millisecond, "999 ms"}, {time.Second, "1.0 s"},
		{9990 * time.Millisecond, "9.9 s"},
		{10 * time.Second, "10 s"}, {time.Minute, "1 min"}, {61 * time.Second, "1 min 1 s"},
		{90 * time.Minute, "1 h 30 min"},
		{24 * time.Hour, "1 d"}, {99*24*time.Hour + 5*time.Hour + 59*time.Minute, "99 d 5 h"},
	}
	for _, tt := range tests {
		if got := span(tt.d); got != tt.want {
			t.Errorf("span(%v) = %q, want %q", tt.d, got, tt.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -100: "-100",
		-1000: "-1,000"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB",
		21_440_812: "21.4 MB", 7e12: "7.0 TB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestMoments(t *testing.T) {
	tests := []struct {
		name      string
		got, want string
	}{
		{"just past", ago(at, at.Add(-time.Millisecond)).Text, "now"},
		{"past", ago(at, at.Add(-3*time.Minute)).Text, "3 min ago"},
		{"to come", ago(at, at.Add(3*time.Minute)).Text, "in 3 min"},
		{"overdue", due(at, at.Add(-time.Hour)).Text, "due"},
		{"not yet due", due(at, at.Add(time.Hour)).Text, "in 1 h"},
		{"today", clock(at, at.Add(-3*time.Hour)).Text, "00:12:07"},
		{"yesterday", clock(at, at.Add(-4*time.Hour)).Text, "2026-03-13 23:12:07"},
		{"another zone", clock(at, at.In(time.FixedZone("WIB", 7*3600))).Text, "03:12:07"},
		{"exact", ago(at, at).Exact, "2026-03-14T03:12:07.250Z"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

var (
	inserts = regexp.MustCompile(`(?s)<(style|script|head)>.*?</(style|script|head)>`)
	tags    = regexp.MustCompile(`<[^>]*>`)
	spaces  = regexp.MustCompile(`\s+`)
)

// plain is the text of a page, its entities as they are.
func plain(body string) string {
	text := tags.ReplaceAllString(inserts.ReplaceAllString(body, ""), " ")
	text = spaces.ReplaceAllString(text, " ")
	return strings.NewReplacer(" :", ":", " ,", ",", " ;", ";").Replace(text)
}

// order fails unless the texts stand one after the other.
func order(t *testing.T, text string, wants ...string) {
	t.Helper()
	rest := text
	for _, want := range wants {
		_, after, ok := strings.Cut(rest, want)
		if !ok {
			t.Fatalf("%q does not follow in\n%s", want, text)
		}
		rest = after
	}
}

// BenchmarkPage is one refresh, with plots: of a usual page, and among many tasks.
func BenchmarkPage(b *testing.B) {
	for name, snap := range map[string]exporter.Snapshot{"busy": busy(), "10,000": huge(10_000), "100,000": huge(100_000)} {
		b.Run(name, func(b *testing.B) {
			p := newPage(newShelf(running(snap)), lived(), info)
			for b.Loop() {
				body, err := p.draw(take(p.shelf.state), query{limit: maxTasks}) // which a shelf does once a second
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(body)))
			}
		})
	}
}

// The page says what each topic is set to, and what of that is wrong.
func TestPageShowsTheTopics(t *testing.T) {
	_, body := get(t, handler(running(changed())), "/")
	text := plain(body)
	for _, want := range []string{
		"airudder.call-completed 8 6 used delete 30 d 3 –", "airudder.call-dead-letter missing",
		"airudder.task-status 1 delete 1 h 3 retention.ms 3600000, should be 604800000 or more, min.insync.replicas 1, should be 2 or more",
		"airudder.call-ledger 3 1 used delete ever 3 cleanup.policy delete, should be compact", "topics as of 03:11:26 · ledger",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
}

// What was known before the broker went stays, each of it marked as of then.
func TestPageWhileTheBrokerIsGone(t *testing.T) {
	_, body := get(t, handler(running(gone())), "/")
	text := plain(body)
	for _, want := range []string{
		"Not ready shard 0 is not restored", "events in the ledger 26,755 as of 03:08:07", "dead letters 2 as of 03:08:07",
		"ledger entries 184,233 21.4 MB as of 03:08:07", "Tasks as of 03:08:07 1 failing 2 calling",
		"Collections DPD 1-7 · Jakarta pagi", "3,812 /5,000", "1.7 s ago as of 03:08:07", "not restored",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(body, `<tr class="calling past">`); n != 2 {
		t.Errorf("%d calling tasks are marked as past, want 2", n)
	}
	for _, never := range []string{"on change", "in 2.3 s"} {
		if strings.Contains(text, never) {
			t.Errorf("the page tells what comes next: %q", never)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// What is not known yet is not shown as none: a ledger that is being replayed is
// not a lost one.
func TestPageOfAShardBeingRestored(t *testing.T) {
	snap := idle()
	snap.Shards[0].Restored = time.Time{}
	snap.Ready, snap.Why = false, "shard 0 is being restored"
	_, body := get(t, handler(running(snap)), "/")
	text := plain(body)
	for _, want := range []string{"events in the ledger –", "dead letters –", "ledger entries –",
		"Not known until a shard is restored."} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
}

// What keeps many tasks from being read is told once, and not beside each task.
func TestSharedErrorsAreToldOnce(t *testing.T) {
	s := down()
	s.List.ErrorShared = true
	for i := range s.Tasks {
		s.Tasks[i].Error, s.Tasks[i].ErrorKind, s.Tasks[i].ErrorShared = "read task: auth: refused", "auth", true
	}
	_, body := get(t, handler(running(s)), "/")
	if n := strings.Count(body, "refused") + strings.Count(body, `<tr class="error`) + strings.Count(body, "<b>Task list</b>"); n != 0 {
		t.Errorf("%d boxes tell of it besides the verdict:\n%s", n, body)
	}
}
