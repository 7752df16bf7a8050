package airudder

import (
	"context"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/call"
)

// An answer comes as it is, whatever it is, and the error beside it is the one that
// the exporter would have.
func TestRaw(t *testing.T) {
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		limit  int64
		want   Raw    // Status, Body, Cut
		kind   string // of the error; empty: there is none
	}{
		{"good", body(`{"data":[],"code":200}`), 100, Raw{Status: 200, Body: []byte(`{"data":[],"code":200}`)}, ""},
		{"a mark before it", body("\uFEFF{}"), 100, Raw{Status: 200, Body: []byte("{}")}, ""},
		{"long", body(`{"data":[],"code":200}`), 5, Raw{Status: 200, Body: []byte(`{"dat`), Cut: true}, ""},
		{"no JSON", body("<html>"), 100, Raw{Status: 200, Body: []byte("<html>")}, ""},
		{"a bad code", body(`{"code":500}`), 100, Raw{Status: 200, Body: []byte(`{"code":500}`)}, KindServer},
		{"refused", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"code":403}`)
		}, 100, Raw{Status: 403, Body: []byte(`{"code":403}`)}, KindAuth},
		{"cut", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, `{"data":`)
		}, 100, Raw{Status: 200, Body: []byte(`{"data":`)}, KindCut},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, testConfig(newUpstream(t, tt.answer).URL))
			got, err := c.Raw(t.Context(), Question{Template: DefaultList}, tt.limit)
			if kind := kindOf(err); err != nil && kind != tt.kind || err == nil && tt.kind != "" {
				t.Errorf("got error %v, want one of kind %q", err, tt.kind)
			}
			if got.Header == nil {
				t.Error("no headers")
			}
			got.Header, got.FirstByte, got.Whole = nil, 0, 0
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// A question's placeholders are filled as List's and Read's are.
func TestQuestion(t *testing.T) {
	var asked string
	c := newClient(t, testConfig(newUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.RequestURI()
		io.WriteString(w, "{}")
	}).URL))
	for _, tt := range []struct {
		question Question
		want     string
	}{
		{Question{Template: "GET /l?p={page}&n={limit:7}", Page: 2}, "/l?p=3&n=7"},
		{Question{Template: "GET /l?o={offset:20}", Page: 2}, "/l?o=40"},
		{Question{Template: "GET /l?c={cursor:data.next}", Before: []byte(`{"data":{"next":"a/b"}}`)}, "/l?c=a%2Fb"},
		{Question{Template: "GET /l?c={cursor:data.next}"}, "/l?c="},
		{Question{Template: "GET /l?s={since}", Since: time.Unix(1_700_000_000, 0)}, "/l?s=2023-11-14T22%3A13%3A20Z"},
		{Question{Template: DefaultDetail, TaskID: "t 1"}, "/service/cloud/detail?TaskID=t+1"},
	} {
		if _, err := c.Raw(t.Context(), tt.question, 100); err != nil || asked != tt.want {
			t.Errorf("%s: asked for %s (%v), want %s", tt.question.Template, asked, err, tt.want)
		}
	}
	if _, err := c.Raw(t.Context(), Question{Template: "PUT /"}, 100); err == nil {
		t.Error("a template that is none: no error")
	}
}

// Another word before the token is sent as it is asked for; a token that is refused is
// asked for again, once.
func TestRawTokens(t *testing.T) {
	u := newUpstream(t, body("{}"))
	c := newClient(t, testConfig(u.URL))
	_, err := c.Raw(t.Context(), Question{Template: DefaultList, AuthScheme: "Bearer"}, 100)
	if kindOf(err) != KindAuth || u.auths.Load() != 2 || u.requests.Load() != 2 {
		t.Errorf("got %v after %d tokens and %d requests", err, u.auths.Load(), u.requests.Load())
	}
	if got, err := c.TokenShape(t.Context()); err != nil || !reflect.DeepEqual(got, TokenShape{8, []string{"a-z", "+", "/", "="}}) {
		t.Errorf("got the token's shape %+v, %v", got, err)
	}
}

// A 429 slows what follows, as it does the exporter.
func TestRawIsSlowedDown(t *testing.T) {
	c := newClient(t, testConfig(newUpstream(t, body(`{"code":429}`)).URL))
	_, err := c.Raw(t.Context(), Question{Template: DefaultList}, 100)
	if _, slowed := c.budget.slowness(); slowed != 1 || kindOf(err) != KindRateLimited {
		t.Errorf("got %v, slowed %d times", err, slowed)
	}
}

// What is made of a body is what List and Read make of it.
func TestOfBodies(t *testing.T) {
	sample, err := os.ReadFile("testdata/detail_sample.json")
	if err != nil {
		t.Fatal(err)
	}
	late := strings.Replace(string(sample), `"Status": "finished"`, `"Status": "answered"`, 1)
	large := `{"data":{"detail":[` + strings.Repeat(`{"Status":"finished","CallID":"c","x":"`+strings.Repeat("y", 1<<20)+`"},`, 3) +
		`{"Status":"finished","CallID":"d"}],` + header + `},"code":200}`
	for _, text := range []string{string(sample), late, large, detailBody(`{"Status":"finished"}`, `{"Status":"odd"}`), detailBody()[:100], "<", `{"data":[],"code":200}`, `{"code":500}`} {
		c := newClient(t, testConfig(newUpstream(t, body(text)).URL))
		task := "t1"
		if strings.Contains(text, sampleTask) {
			task = sampleTask
		}
		_, want, wantErr := collect(t, c, task, none)
		got, err := c.ReadingOf(context.Background(), task, []byte(text))
		if wantErr != nil {
			want, got = call.Reading{}, call.Reading{}
		}
		got.Started, want.Started = time.Time{}, time.Time{}
		if kindOf(err) != kindOf(wantErr) || !reflect.DeepEqual(got, want) {
			t.Errorf("%.60s: got %+v, %v; want %+v, %v", text, got, err, want, wantErr)
		}
	}
	for _, text := range []string{`{"data":[{"TaskID":"a"},{"TaskID":"b","Status":"calling"}],"total":5}`, `{"data":{"list":["a"],"has_more":true}}`, `{"data":[]}`, `{"code":404}`} {
		c := newClient(t, testConfig(newUpstream(t, body(text)).URL))
		want, wantErr := c.List(context.Background(), time.Time{})
		got, err := c.ListOf([]byte(text))
		if want.Slowed, want.Speed = 0, 0; wantErr != nil {
			want, got = call.Listing{}, call.Listing{}
		}
		if kindOf(err) != kindOf(wantErr) || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v; want %+v, %v", text, got, err, want, wantErr)
		}
	}
}
