package inspect

import (
	"strings"
	"testing"
	"time"

	"airudder-exporter/internal/airuddersim"
)

// Each account is odd in a way of its own, and the report says so, and what to set.
func TestAccounts(t *testing.T) {
	type odd = map[airuddersim.Oddity]string
	many := func(oddities odd) airuddersim.Config { return airuddersim.Config{ListPageSize: 20, Oddities: oddities} }
	add := func(s *airuddersim.Sim) {
		for range 45 {
			s.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: airuddersim.FinishedRows(3)})
		}
	}
	few := func(oddities odd) airuddersim.Config {
		return airuddersim.Config{Tasks: 2, Rate: 5, WarmUp: 2 * time.Minute, Oddities: oddities}
	}
	for _, tt := range []struct {
		name   string
		sim    airuddersim.Config
		play   func(*airuddersim.Sim)
		change func(*Config)
		want   []string
	}{
		{"capped", airuddersim.Config{Oddities: odd{airuddersim.ListCap: "20", airuddersim.ListTotal: ""}}, add, nil,
			[]string{"total counts 45 tasks, but 20 are shown", "none of these turns the page", "No setting follows"}},
		{"pages from 0", many(odd{airuddersim.ListPageFrom0: ""}), add, nil,
			[]string{"pages count from 0", "THE_LISTREQUEST='GET /service/cloud/list?page={page0}&pageSize={limit:20}'"}},
		{"few pages from 0", airuddersim.Config{ListPageSize: 30, Oddities: odd{airuddersim.ListPageFrom0: "", airuddersim.ListTotal: ""}}, add, nil,
			[]string{"by page and pageSize: an empty page", "pages count from 0", "THE_LISTREQUEST='GET /service/cloud/list?page={page0}&pageSize={limit:30}'"}},
		{"moving", airuddersim.Config{Tasks: 45, Rate: 20, WarmUp: time.Minute, ListPageSize: 20, Oddities: odd{airuddersim.ListPageIgnored: ""}}, nil, nil,
			[]string{"the first page again, but for", "none of these turns the page"}},
		{"offset", many(odd{airuddersim.ListOffset: ""}), add, nil,
			[]string{"by page and pageSize: the first page again", "THE_LISTREQUEST='GET /service/cloud/list?offset={offset:20}&limit={limit:20}'"}},
		{"cursor", many(odd{airuddersim.ListCursor: ""}), add, nil,
			[]string{"next says that there are more", "THE_LISTREQUEST='GET /service/cloud/list?cursor={cursor:data.next}'"}},
		{"next page", many(odd{airuddersim.ListNext: "", airuddersim.ListDepth: "2"}), add, nil,
			[]string{"THE_LISTREQUEST='GET /service/cloud/list?page={cursor:data.page.next_page}'"}},
		{"page ignored", many(odd{airuddersim.ListPageIgnored: ""}), add, nil, []string{"by offset and limit: the first page again", "none of these turns the page"}},
		{"page configured", many(odd{airuddersim.ListPageIgnored: ""}), add, func(cfg *Config) { cfg.Account.ListRequest = "GET /service/cloud/list?page={page}" },
			[]string{"THE_LISTREQUEST does not turn the page"}},
		{"a body", many(nil), add, func(cfg *Config) { cfg.Account.ListRequest = "POST /service/cloud/list {}" },
			[]string{`THE_LISTREQUEST='POST /service/cloud/list {"page":{page},"pageSize":{limit:20}}'`}},
		{"id for TaskID", few(odd{airuddersim.ListID: "id"}), nil, nil, []string{"the list's entries have no TaskID", "id has 32 characters in each entry", "# THE_LISTREQUEST=off", "in data.detail"}},
		{"a range is required", few(odd{airuddersim.ListRange: "local"}), nil, nil, []string{"a list without tasks"}},
		{"nobody pages", few(nil), nil, func(cfg *Config) { cfg.Pages = true }, []string{"by page and pageSize: the first page again"}},
		{"list off", few(nil), nil, func(cfg *Config) { cfg.Account.ListRequest, cfg.TaskID = "off", "nope" },
			[]string{"THE_LISTREQUEST is off", "HTTP 404, code 404", "the upstream knows no such task"}},
		{"Bearer", airuddersim.Config{Tasks: 2, AuthScheme: "Bearer"}, nil, nil, []string{"THE_AUTHSCHEME=Bearer", "request       GET /service/cloud/list\n  answer        HTTP 200"}},
		{"code 0", few(odd{airuddersim.Code: "0"}), nil, nil, []string{"HTTP 200 with code 0"}},
		{"detail capped", few(odd{airuddersim.DetailCap: "10", airuddersim.DetailTotal: ""}), nil, nil,
			[]string{"data.total says", "but 10 are shown", "set THE_DETAILREQUEST", "10 in data.detail; a round number"}},
		{"detail of pages", few(odd{airuddersim.DetailCap: "10", airuddersim.DetailTotal: "total_pages"}), nil, nil,
			[]string{"total_pages says that there are more rows than the 10 shown", "set THE_DETAILREQUEST"}},
		{"total of attempts", few(odd{airuddersim.CallCount: "total"}), nil, nil, []string{"data.total counts attempts", "THE_TOTALFIELDS=totalCount"}},
		{"total of another name", few(odd{airuddersim.DetailCap: "10", airuddersim.DetailTotal: "grand_total"}), nil, nil, []string{"# THE_TOTALFIELDS=total,totalCount,grand_total"}},
		{"a list's total of another name", airuddersim.Config{Oddities: odd{airuddersim.ListCap: "17", airuddersim.ListTotal: "count"}}, add, nil, []string{"# THE_TOTALFIELDS=total,totalCount,count"}},
		{"words", few(odd{airuddersim.RowWords: "finished:3,cancelled:blacklisted"}), nil, nil, []string{"# THE_ROWSTATUSES='", "3:?"}},
		{"words known", few(odd{airuddersim.RowWords: "finished:answered"}), nil, func(cfg *Config) { cfg.Account.RowStatuses = []string{"answered:finished"} },
			[]string{"nothing to change"}},
		{"shared CallIDs", few(odd{airuddersim.SharedCallID: "5"}), nil, nil, []string{"the CallID of another row, of another id"}},
		{"no zones", few(odd{airuddersim.Zoneless: ""}), nil, nil, []string{"2006-01-02 15:04:05 without a zone", "+08:00 fits", "written as {since:2006-01-02 15:04:05} would be", "nothing to change"}},
		{"another zone", few(odd{airuddersim.Zoneless: ""}), nil, func(cfg *Config) { cfg.Account.Zone = time.FixedZone("", 7*3600) }, []string{"\n  THE_ZONE=+08:00"}},
		{"a zone too far east", few(odd{airuddersim.Zoneless: ""}), nil, func(cfg *Config) { cfg.Account.Zone = time.FixedZone("", 9*3600) }, []string{"# THE_ZONE=+08:00"}},
		{"redials in another zone", few(nil), nil, func(cfg *Config) { cfg.Account.Zone = time.UTC }, []string{"\n  THE_ZONE=+08:00", "start after their rows at +00:00; at +08:00 none would"}},
		{"redials too far east", few(nil), nil, func(cfg *Config) { cfg.Account.Zone = time.FixedZone("", 9*3600) }, []string{"\n  # THE_ZONE=+08:00"}},
		{"the end of time", few(odd{airuddersim.End1970: ""}), nil, nil, []string{"ScheduleEndTime: not set"}},
		{"slow", few(odd{airuddersim.LatePerRow: "200ms"}), nil, nil, []string{"THE_TIMEOUT="}},
		{"drift", airuddersim.Config{Tasks: 2, Rate: 5, WarmUp: 5 * time.Minute, DriftAfter: time.Second}, nil, nil,
			[]string{"other types", "TalkRound in", "not documented: Region string 2"}},
		{"no calls", airuddersim.Config{}, func(s *airuddersim.Sim) { s.AddTask(airuddersim.TaskSpec{}) }, nil, []string{"0 in data.detail"}},
		{"no tasks", airuddersim.Config{}, nil, nil, []string{"a list without tasks", "no task is listed"}},
		{"null", airuddersim.Config{ListShape: airuddersim.ListNull}, nil, nil, []string{"no task is listed"}},
		{"strings", airuddersim.Config{Tasks: 3, WarmUp: time.Minute, ListShape: airuddersim.ListStrings}, nil, nil, []string{"3 in data", "reads 3 tasks"}},
		{"columns", airuddersim.Config{Tasks: 3, WarmUp: time.Minute, ListShape: airuddersim.ListNested}, nil, nil, []string{"3 in data.list", "data.columns is an array, too: array of 2"}},
		{"a mark first", few(odd{airuddersim.BOM: ""}), nil, nil, []string{"nothing to change"}},
		{"a page", few(nil), func(s *airuddersim.Sim) {
			s.Script(airuddersim.Fault{Kind: airuddersim.HTMLPage, Endpoint: airuddersim.List})
		}, nil, []string{"an HTML page instead of JSON"}},
		{"cut", few(nil), func(s *airuddersim.Sim) {
			s.Script(airuddersim.Fault{Kind: airuddersim.Cut, Endpoint: airuddersim.Detail})
		}, nil, []string{"in data.detail"}},
		{"broken rows", few(nil), func(s *airuddersim.Sim) {
			s.Script(airuddersim.Fault{Kind: airuddersim.BrokenJSON, Endpoint: airuddersim.Detail}, airuddersim.Fault{Kind: airuddersim.NoCallID, Endpoint: airuddersim.Detail})
		}, nil, []string{"rows that are no sound JSON: 1", "dead letters: 1 (broken_json)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := lookAt(t, tt.sim, tt.play, tt.change)
			for _, want := range tt.want {
				if !strings.Contains(l.out, want) {
					t.Errorf("%q is not in (%v)\n%s", want, l.err, l.out)
				}
			}
		})
	}
}
