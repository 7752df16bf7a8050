package record

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"airudder-exporter/internal/embedded"
	"airudder-exporter/schemas"
)

// startRegistry starts a registry that checks what it is given.
func startRegistry(t *testing.T) (Registry, *sr.Client) {
	t.Helper()
	r, err := embedded.StartRegistry(embedded.RegistryConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	client, err := sr.NewClient(sr.URLs(r.URL()))
	if err != nil {
		t.Fatal(err)
	}
	return Registry{URL: r.URL() + "/", AutoRegister: true}, client
}

// seed registers a schema as somebody else would.
func seed(t *testing.T, client *sr.Client, subject, schema string) int {
	t.Helper()
	id, err := client.RegisterSchema(t.Context(), subject, sr.Schema{Schema: schema, Type: sr.TypeAvro}, -1, -1)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// older is CallCompleted as an earlier version may have been; hostile is one
// that today's can never follow.
func older() string {
	return strings.Replace(schemas.CallCompleted(), `{"name": "extra_c"`, `{"name": "extra_d"`, 1)
}

func hostile() string {
	return strings.Replace(schemas.CallCompleted(), `"name": "call_id", "type": "string"`, `"name": "call_id", "type": "long"`, 1)
}

func TestRegister(t *testing.T) {
	cfg, client := startRegistry(t)
	seed(t, client, "something-value", `"string"`)
	ids, err := Register(t.Context(), cfg, testTopics())
	if err != nil {
		t.Fatal(err)
	}
	subjects, err := client.Subjects(t.Context())
	if want := []string{"dead-value", "events-value", "something-value", "status-value"}; err != nil || !slices.Equal(sorted(subjects), want) {
		t.Errorf("subjects %v, error %v; want %v", subjects, err, want)
	}
	for id, want := range map[int]string{
		ids.CallCompleted: schemas.CallCompleted(), ids.TaskStatus: schemas.TaskStatusChanged(), ids.DeadLetter: schemas.DeadLetter(),
	} {
		got, err := client.SchemaByID(t.Context(), id)
		if err != nil || string(parse(t, got.Schema).Canonical()) != string(parse(t, want).Canonical()) {
			t.Errorf("id %d is %s, error %v", id, got.Schema, err)
		}
	}
	for _, auto := range []bool{true, false} {
		cfg.AutoRegister = auto
		if again, err := Register(t.Context(), cfg, testTopics()); err != nil || again != ids {
			t.Errorf("again, auto-register %v: ids %v, error %v; want %v", auto, again, err, ids)
		}
	}
}

func sorted(s []string) []string { slices.Sort(s); return s }

func TestRegisterNextVersion(t *testing.T) {
	cfg, client := startRegistry(t)
	old := seed(t, client, "events-value", older())
	ids, err := Register(t.Context(), cfg, testTopics())
	if err != nil || ids.CallCompleted == old {
		t.Fatalf("ids %v, error %v; want another id than %d", ids, err, old)
	}
	if versions, err := client.SubjectVersions(t.Context(), "events-value"); err != nil || len(versions) != 2 {
		t.Errorf("versions %v, error %v", versions, err)
	}
}

func TestRegisterIncompatible(t *testing.T) {
	cfg, client := startRegistry(t)
	seed(t, client, "events-value", hostile())
	_, err := Register(t.Context(), cfg, testTopics())
	if !errors.Is(err, ErrIncompatible) || !strings.Contains(err.Error(), "events-value") || !strings.Contains(err.Error(), "call_id") {
		t.Errorf("error %v, want ErrIncompatible with the subject and the registry's reason", err)
	}
}

// TestRegisterLookup: without auto-register nothing is ever written.
func TestRegisterLookup(t *testing.T) {
	cfg, client := startRegistry(t)
	cfg.AutoRegister = false
	cfg.SettingName = func(field string) string { return "the setting " + field }
	for _, seeded := range []func(){
		func() {},
		func() { seed(t, client, "events-value", older()) },
	} {
		seeded()
		before, err := client.AllSchemas(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = Register(t.Context(), cfg, testTopics())
		if err == nil || errors.Is(err, ErrIncompatible) {
			t.Fatalf("error %v, want one that may pass", err)
		}
		for _, part := range []string{
			"subject events-value", "the setting AutoRegister is false", "schemas/call_completed.avsc",
			strings.TrimRight(cfg.URL, "/") + "/subjects/events-value/versions",
		} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("error %v does not say %s", err, part)
			}
		}
		if after, err := client.AllSchemas(t.Context()); err != nil || len(after) != len(before) {
			t.Errorf("%d schemas, %d before; error %v", len(after), len(before), err)
		}
	}
}

// TestRegisterErrors holds what a registry may answer against what is said of
// it: whether to give up, and never the password.
func TestRegisterErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		auto   bool
		status int
		body   string
		want   string
		fatal  bool
	}{
		{"incompatible", true, 409, `{"error_code":409,"message":"reader is missing call_id"}`, "reader is missing call_id", true},
		{"incompatible, no JSON", true, 409, `conflict`, "conflict", true},
		{"invalid", true, 422, `{"error_code":42201,"message":"invalid schema"}`, "invalid schema", true},
		{"read-only", true, 422, `{"error_code":42205,"message":"Subject x is in read-only mode"}`, "read-only. Set its mode to READWRITE", false},
		{"credentials", true, 401, `{"error_code":401,"message":"Unauthorized"}`, "check Username and Password", false},
		{"rights", true, 403, `{"error_code":40301,"message":"no"}`, "403", false},
		{"not a registry", false, 404, `<html>
			not here</html>`, "is no schema registry, or not under this path: are host, port and path right? (it answered 404: <html> not here</html>)", false},
		{"another server", true, 404, `404 page not found`, "is no schema registry, or not under this path", false},
		{"a redirect", true, 302, ``, "the schema registry redirects, which is not followed: set URL http://127.0.0.1", false},
		{"a page that forbids", true, 403, `<html>no</html>`, "is no schema registry, or not under this path", false},
		{"lookup", false, 404, `{"error_code":40403,"message":"Schema not found"}`, "not registered", false},
		{"404 on register", true, 404, `{"error_code":40401,"message":"Subject not found"}`, "answered 404: Subject not found", false},
		{"broken", true, 500, `{"error_code":50001,"message":"Error in the backend data store"}`, "the schema registry is out of order: look at its log (it answered 500: Error in the backend", false},
		{"proxy", true, 503, strings.Repeat("<p>", 5000), "a proxy before the schema registry does not reach it: see whether it is up, and whether URL http://127.0.0.1", false},
		{"empty", true, 502, ``, "answered 502", false},
		{"HTML", true, 200, `<html>welcome</html>`, "is no schema registry, or not under this path: are host, port and path right? (unable to decode", false},
		{"no id", true, 200, `{}`, "without an id", false},
		{"no id on lookup", false, 200, `{"subject":"events-value"}`, "without an id", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			}))
			defer server.Close()
			for _, cfg := range []Registry{
				{URL: server.URL, Username: "user", Password: "hunter2", AutoRegister: c.auto},
				{URL: strings.Replace(server.URL, "http://", "http://user:hunter2@", 1), AutoRegister: c.auto},
			} {
				_, err := Register(t.Context(), cfg, testTopics())
				if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrIncompatible) != c.fatal {
					t.Fatalf("error %v, want %q, to give up: %v", err, c.want, c.fatal)
				}
				if strings.Contains(err.Error(), "hunter2") || len(err.Error()) > 1000 || strings.Contains(err.Error(), "\n") {
					t.Errorf("error tells a password, or too much: %v", err)
				}
			}
		})
	}
}

func TestRegisterUnreachable(t *testing.T) {
	hang := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer slow.Close()
	defer close(hang)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	for _, url := range []string{slow.URL, "http://user:hunter2@127.0.0.1:1", "https://" + strings.TrimPrefix(slow.URL, "http://")} {
		cfg := Registry{URL: url, AutoRegister: true}
		_, err := Register(ctx, cfg, testTopics())
		if err == nil || errors.Is(err, ErrIncompatible) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Register at %s: error %v", url, err)
		}
		if _, err := CheckSchemas(ctx, cfg, testTopics()); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("CheckSchemas at %s: error %v", url, err)
		}
	}
	for _, url := range []string{"", "registry:8081", "ftp://registry", "http://us er:hunter2@x"} {
		if _, err := Register(ctx, Registry{URL: url}, testTopics()); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("URL %q: error %v", url, err)
		}
		if _, err := NewDecoder(Registry{URL: url}); err == nil {
			t.Errorf("NewDecoder takes the URL %q", url)
		}
	}
}

// TestRegistryIsElsewhere: where there is no answer, or another server's, the first words
// say what to look at, and the setting's own value.
func TestRegistryIsElsewhere(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") })
	plain, secure := httptest.NewServer(page), httptest.NewTLSServer(page)
	defer plain.Close()
	defer secure.Close()
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	serve := func(answer string) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					_, _ = io.Copy(io.Discard, r.Body)
				}
				_, _ = io.WriteString(conn, answer)
				conn.Close()
			}
		}()
		return "http://" + l.Addr().String()
	}
	for _, tt := range []struct{ url, want string }{
		{"http://127.0.0.1:1", "nothing listens at the setting URL http://127.0.0.1:1: is the schema registry up, and are host and port right? ("},
		{strings.Replace(plain.URL, "http:", "https:", 1), "the schema registry does not speak TLS: give http:// in the setting URL https://"},
		{strings.Replace(secure.URL, "https:", "http:", 1), "the "}, // with https: in it; the server may close before its answer is read
		{secure.URL, "the schema registry's certificate (issued by"},
		{serve("\x15\x03\x03 no HTTP\r\n"), "what answers at the setting URL http://"},
		{serve(""), "the connection to the setting URL http://"},
		{"http://registry.invalid:8081", `the host "registry.invalid" of the setting URL http://registry.invalid:8081 is not known here: is it spelled right? (`},
	} {
		cfg := Registry{URL: tt.url, AutoRegister: true, SettingName: func(field string) string { return "the setting " + field }}
		if _, err := Register(t.Context(), cfg, testTopics()); err == nil || !strings.HasPrefix(err.Error(), tt.want) || tt.want == "the " && !strings.Contains(err.Error(), "https://") {
			t.Errorf("%s:\ngot  %v\nwant %s", tt.url, err, tt.want)
		}
	}
}

// TestRegisterRequests: what is sent is what registries understand.
func TestRegisterRequests(t *testing.T) {
	for _, c := range []struct {
		user, password, inURL string
	}{{"", "", ""}, {"u", "p w", ""}, {"", "", "u:p%20w@"}} {
		var paths []string
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			paths = append(paths, r.Method+" "+r.URL.Path)
			user, password, has := r.BasicAuth()
			if want := c.user != "" || c.inURL != ""; has != want || want && (user != "u" || password != "p w") {
				t.Errorf("credentials %q %q %v", user, password, has)
			}
			var body struct{ Schema, SchemaType string }
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.SchemaType != "" && body.SchemaType != "AVRO" {
				t.Errorf("body %+v, error %v", body, err)
			}
			parse(t, body.Schema)
			fmt.Fprint(w, `{"id":7}`)
		}))
		cfg := Registry{URL: strings.Replace(server.URL, "//", "//"+c.inURL, 1) + "/apis/ccompat/v7", Username: c.user, Password: c.password, AutoRegister: true}
		topics := testTopics()
		topics.CallCompleted = "airudder.call-completed"
		ids, err := Register(t.Context(), cfg, topics)
		server.Close()
		if err != nil || ids != (IDs{CallCompleted: 7, TaskStatus: 7, DeadLetter: 7}) {
			t.Errorf("ids %v, error %v", ids, err)
		}
		want := []string{
			"POST /apis/ccompat/v7/subjects/airudder.call-completed-value/versions",
			"POST /apis/ccompat/v7/subjects/status-value/versions",
			"POST /apis/ccompat/v7/subjects/dead-value/versions",
		}
		if !slices.Equal(paths, want) {
			t.Errorf("requests %q, want %q", paths, want)
		}
	}
}

// Each request has the password as it is then.
func TestReplacedPassword(t *testing.T) {
	var shown []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		shown = append(shown, password)
		http.Error(w, "refused: "+password, http.StatusUnauthorized)
	}))
	defer server.Close()
	now := "old-4711"
	cfg := Registry{URL: server.URL, Username: "user", Password: now, PasswordNow: func() string { return now }}
	client, err := newClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{"old-4711", "new-4712"} {
		now = password
		_, err := client.SchemaByID(t.Context(), 1)
		now = "later-4713" // meanwhile
		if text := cfg.hide(fmt.Sprint(err)); err == nil || password == cfg.Password && strings.Contains(text, password) {
			t.Errorf("got %q, want an error without the password", text)
		}
	}
	if want := []string{"old-4711", "new-4712"}; !slices.Equal(shown, want) {
		t.Errorf("the registry was shown %q, want %q", shown, want)
	}
}

func TestCheckSchemas(t *testing.T) {
	cfg, client := startRegistry(t)
	check := func(cfg Registry, want ...string) {
		t.Helper()
		got, err := CheckSchemas(t.Context(), cfg, testTopics())
		if err != nil || len(got) != len(want) {
			t.Fatalf("findings %v, error %v; want %q", got, err, want)
		}
		for i := range want {
			if !strings.Contains(got[i].Text, want[i]) {
				t.Errorf("finding %q, want %q", got[i].Text, want[i])
			}
			if refused := strings.Contains(want[i], "refuses") || want[i] == "curl"; got[i].Refused != refused {
				t.Errorf("finding %q: refused %t, want %t", got[i].Text, got[i].Refused, refused)
			}
		}
	}
	lookup := cfg
	lookup.AutoRegister = false

	check(cfg, "events-value: not registered yet", "status-value: not", "dead-value: not")
	check(lookup, "curl", "curl", "curl")
	if all, err := client.AllSchemas(t.Context()); err != nil || len(all) != 0 {
		t.Fatalf("the check registered %v, error %v", all, err)
	}
	seed(t, client, "events-value", hostile())
	check(cfg, "events-value: the schema registry refuses the schema: avro: incompatible at call_id", "status-value: not", "dead-value: not")
	check(lookup, "events-value: the schema registry refuses", "curl", "curl")

	cfg, client = startRegistry(t)
	lookup.URL = cfg.URL
	seed(t, client, "events-value", older())
	check(cfg, "events-value: not registered yet", "status-value: not", "dead-value: not")
	if _, err := Register(t.Context(), cfg, testTopics()); err != nil {
		t.Fatal(err)
	}
	check(cfg)
	check(lookup)
	client.SetCompatibility(t.Context(), sr.SetCompatibility{Level: sr.CompatNone}, "status-value")
	check(cfg, "status-value: its compatibility level is NONE")
}

// TestCheckSchemasTransitive: what an older version than the latest forbids is
// found as well.
func TestCheckSchemasTransitive(t *testing.T) {
	cfg, client := startRegistry(t)
	level := func(l sr.CompatibilityLevel) {
		t.Helper()
		if r := client.SetCompatibility(t.Context(), sr.SetCompatibility{Level: l}, "events-value")[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	level(sr.CompatNone)
	seed(t, client, "events-value", hostile())
	seed(t, client, "events-value", older())
	level(sr.CompatBackwardTransitive)
	got, err := CheckSchemas(t.Context(), cfg, testTopics())
	if err != nil || len(got) != 3 || !strings.Contains(got[0].Text, "refuses") {
		t.Errorf("findings %v, error %v", got, err)
	}
}

// TestCheckSchemasErrors: a registry that cannot be asked gives an error, not a
// finding.
func TestCheckSchemasErrors(t *testing.T) {
	for _, c := range []struct {
		lookup, compatibility, level int // HTTP status of each answer
		want                         string
	}{
		{401, 0, 0, "wants credentials (401): set Username"},
		{500, 0, 0, "answered 500"},
		{404, 500, 0, "answered 500"},
		{200, 0, 503, "answered 503"},
		{200, 0, 403, ""},
		{404, 404, 404, ""},
		{404, 200, 0, ""}, // refused without a reason
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			status := c.lookup
			switch {
			case strings.HasPrefix(r.URL.Path, "/compatibility"):
				status = c.compatibility
			case strings.HasPrefix(r.URL.Path, "/config"):
				status = c.level
			}
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"error_code":%d,"message":"m","id":1}`, status*100+1)
		}))
		_, err := CheckSchemas(t.Context(), Registry{URL: server.URL, AutoRegister: true}, testTopics())
		server.Close()
		if (err != nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v", c, err)
		}
	}
}
