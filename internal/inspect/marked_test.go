package inspect

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// marks are values that nothing else looks like; the first ones are plain words.
var marks = []string{
	"Zqsiti", "Zqrobot", "Zqsaid", "Zqnote", "Zqcomment", "Zqextra", "Zqslot", "Zqlabel", "Zqkey", "Zqmulti", "Zqecho", "Zqunknown", "Zqtask", "Zqplatform", "Zqline",
	"+62000771200345", "62000771200346", "771200347", "siti@zq.example", "Zq Siti Zq", "Zq12345", token, "the-secret", "the-key",
}

// TestNothingPersonal puts marked values wherever an answer may have them, also under
// names and in places where they do not belong: nothing that is printed or saved has one.
func TestNothingPersonal(t *testing.T) {
	rows := markedRows()
	entry := `{"TaskID":"t1","TaskName":"Zqtask","Status":"calling","Owner":"Zqsiti","Zq Siti Zq":1,"Mobile":62000771200346,"CreateTime":"+62000771200345","Tags":["Zqsiti"],"Map":{"Zqkey":1}}`
	list := `{"message":"Zqecho","status":"Zqecho is down","code":200,"total":62000771200346,"data":{"total":"Zqsiti","Zq Siti Zq":[1],"62000771200346":{"x":[]},"next":"Zqecho","list":[` + entry + `]}}`
	head := `{"message":"Zqecho","code":200,"data":{"TaskID":"t1","TaskName":"Zqtask","SIPLine":"Zqline","Status":"calling","ScheduleStartTime":"Zq Siti Zq",` +
		`"total":"62000771200346","page":{"total":"Zqsiti","Zq Siti Zq":1},"Unheard":"Zqunknown","+62000771200345":1,"detail":[`
	detail := head + strings.Join(rows, ",") + `]}}`
	header := http.Header{}
	for _, name := range []string{"Content-Type", "X-Ratelimit-Owner", "X-Cache", "Age", "Retry-After", "X-Quota-62000771200346", "Server", "Date"} {
		header.Set(name, "Zqecho Zq12345 siti@zq.example +62000771200345")
	}
	changed := strings.NewReplacer("Zqnote", "Zqnote Zqnote", `"k":"Zqslot"`, `"k":"Zqslot2"`)
	for name, handle := range map[string]http.Handler{
		"whole":   answers(header, list, detail),
		"cut":     answers(header, list, detail[:len(detail)-30]),
		"ids":     answers(header, strings.ReplaceAll(list, `"TaskID"`, `"Zqkey Zq"`), detail),
		"refused": refusing(http.StatusForbidden, header, `{"code":"ZqechoZqecho","status":"Zqsiti","message":"Zq Siti Zq","data":"Zqsiti"}`),
		"code":    refusing(http.StatusOK, header, `{"code":"ZqechoZqecho","status":"+62000771200345","data":"Zqsiti"}`),
		"html":    refusing(http.StatusOK, header, `<html>Zqecho Zqsiti</html>`),
		"strings": answers(header, `{"code":200,"data":["t1","Zq Siti Zq","62000771200346"]}`, `{"code":200,"data":"Zqsiti"}`),
		"changes": changing(answers(header, list, detail), answers(header, list, changed.Replace(detail))),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := look(t, handle, func(cfg *Config) { cfg.Pages, cfg.Watch, cfg.TaskID = true, time.Minute, "t1" })
				for where, text := range map[string]string{"out": l.out, "progress": l.progress, "saved": l.saved, "error": fmt.Sprint(l.err)} {
					for _, m := range marks {
						if at := strings.Index(text, m); at >= 0 {
							t.Errorf("%s shows %s:\n%s", where, m, text[max(0, at-200):min(len(text), at+100)])
						}
					}
				}
				if len(l.out) < 100 || len(l.saved) == 0 && name != "refused" && name != "code" {
					t.Errorf("%q and %q: this shows nothing", l.out, l.saved)
				}
			})
		})
	}
}

// markedRows are rows full of marks, in their places and in others.
func markedRows() (rows []string) {
	good := `"CalleeName":"Zqsiti","CalleeNumber":"+62000771200345","caller_number":"62000771200346","Comments":"771200347","ExtraA":"siti@zq.example","ExtraB":"Zqextra","ExtraC":62000771200346,` +
		`"AsrResult":[{"time":"Zqsaid","robottext":"Zqrobot","text":"Zqsaid","Zq Siti Zq":1}],"EventLabel":{"Zqkey":"Zqlabel"},"NerSlots":{"k":"Zqslot"},"call_notes":"Zqnote","Multi_intention":"[{\"a\":\"Zqmulti\"}]",` +
		`"PlatformName":"Zqplatform","Unheard":"Zqunknown","Zq Siti Zq":"Zqunknown","62000771200346":{"Zqkey":1},"Object":{"Zqkey":"Zqsiti"}`
	for n := range 20 {
		rows = append(rows, fmt.Sprintf(`{"id":%d,"Status":"finished","CallID":"c%d","CallStartTime":"2000-01-01T00:00:00Z","CallEndTime":"2000-01-01T00:00:00Z","CalleeGender":"female","RedailCall":[`+
			`{"CallID":"Zqsiti","CallStartTime":"1999-12-31 23:59:00","caller_number":"+62000771200345","callee_number":"62000771200346","ResultLabel":"Zq Siti Zq","Note":"Zqnote"}],%s}`, n, n, good))
	}
	for n, field := range []string{"Status", "Intention", "RingType", "HangupType", "CalleeGender", "CallStartTime", "CallEndTime", "CallID", "id", "CallTimes", "RedailCall", "AsrResult"} {
		rows = append(rows,
			fmt.Sprintf(`{"id":1%d0,"Status":"finished","CallID":"d%d",%q:"Zq Siti Zq",%q:"+62000771200345"}`, n, n, field, field),
			fmt.Sprintf(`{"id":1%d1,"Status":"finished","CallID":"e%d",%q:{"Zqkey":"Zqsiti"}}`, n, n, field),
			fmt.Sprintf(`{"id":1%d2,"Status":"finished","CallID":"f%d",%q:["Zqsiti"]}`, n, n, field),
			fmt.Sprintf(`{"id":1%d3,"Status":"finished","CallID":"g%d",%q:62000771200346}`, n, n, field))
	}
	return append(rows, `{"Status":"finished","CallID":"Zqsiti","CalleeName":Zqsiti}`, `"Zqsiti"`, `62000771200346`)
}

func refusing(status int, header http.Header, body string) http.Handler {
	good := answers(header, "", "")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "auth") {
			good.ServeHTTP(w, r)
			return
		}
		for name := range header {
			w.Header()[name] = header[name]
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}

// changing answers one way and then the other, in turn.
func changing(a, b http.Handler) http.Handler {
	n := 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n++; n%2 == 0 {
			a, b = b, a
		}
		a.ServeHTTP(w, r)
	})
}
