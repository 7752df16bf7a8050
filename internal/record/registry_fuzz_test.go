package record

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"airudder-exporter/internal/batch"
)

// FuzzRegistry has a schema registry answer anything: nothing panics, ids are
// ids, and an error is one line, not too long, that gives no credentials away,
// even where the answer echoes them.
func FuzzRegistry(f *testing.F) {
	const user, password = "registry-user", "registry-password-4714"
	basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	for _, s := range []struct {
		status int
		body   string
	}{
		{200, `{"id":1}`}, {200, `{"id":-1,"version":1,"schema":"\"string\""}`}, {200, `{"id":4294967296}`}, {200, ``},
		{200, `null`}, {200, `[]`},
		{200, `{"schema":"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"f\",\"type\":\"r\"}]}"}`},
		{200, `{"is_compatible":false,"messages":["` + password + `"],"compatibilityLevel":"NONE"}`},
		{404, `{"error_code":40403,"message":"no"}`},
		{409, `{"error_code":409,"message":"` + password + ` is no password"}`},
		{422, `{"error_code":42205,"message":"Basic ` + basic + `"}`}, {401, password},
		{500, "<html>\n" + strings.Repeat("x ", 2000)}, {302, "/elsewhere?p=" + password},
		{302, "http://u:" + password + "@[::1"}, {503, "\xff\x00"},
	} {
		f.Add(s.status, s.body, uint16(0))
	}
	type answer struct {
		status int
		body   string
	}
	var now atomic.Pointer[answer]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a := now.Load()
		if a.status/100 == 3 {
			w.Header().Set("Location", a.body)
		}
		w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.body))
	}))
	f.Cleanup(server.Close)
	f.Fuzz(func(t *testing.T, status int, body string, id uint16) {
		if status < 200 || status > 599 {
			status = 200 + (status%400+400)%400
		}
		if status/100 == 3 && !strings.HasPrefix(body, "http://u:") && !strings.HasPrefix(body, "/elsewhere") {
			return // the network is not to be asked for whatever stands there
		}
		now.Store(&answer{status, body})
		cfg := Registry{URL: server.URL, Username: user, Password: password, AutoRegister: id%2 == 0}
		ids, err := Register(t.Context(), cfg, testTopics())
		if err == nil && (ids.CallCompleted <= 0 || ids.TaskStatus <= 0 || ids.DeadLetter <= 0) {
			t.Fatalf("got the ids %+v", ids)
		}
		findings, checkErr := CheckSchemas(t.Context(), cfg, testTopics())
		d, decodeErr := NewDecoder(cfg)
		if decodeErr == nil {
			_, decodeErr = d.JSON(t.Context(), batch.Record{Topic: "t", Value: appendFrame(nil, int(id))})
		}
		var shown []string
		for _, err := range []error{err, checkErr, decodeErr} {
			if err != nil {
				shown = append(shown, err.Error())
			}
		}
		for _, f := range findings {
			shown = append(shown, f.Text)
		}
		for _, text := range shown {
			if strings.Contains(text, password) || strings.Contains(text, basic) {
				t.Fatalf("credentials are in %q", text)
			}
			if strings.ContainsAny(text, "\n\r") || len(text) > 1500 {
				t.Fatalf("not one line of fair length: %q", text)
			}
		}
	})
}
