package status

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"time"

	"airudder-exporter/internal/history"
)

// The page's parts. Style and script stand inside the page and its policy allows
// them by their hashes, so that nothing hidden in a task's name can style or run.
var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed plot.css
	plotCSS string
	//go:embed page.js
	pageJS string
)

// page draws the status page.
type page struct {
	shelf    *shelf
	past     *Past // nil: there are no plots
	info     Info
	template *template.Template
	policy   string
}

// drawn is what the template gets.
type drawn struct {
	view
	Figures []figure
	Marks   []history.Mark // newest first
	Group   string         // the tasks shown are those of one group; empty: of any
	Find    string         // or whose name or TaskID has this
	Filters bool           // either, or those after a task
	Next    template.URL   // the query of the next of them; empty: there are none
	CSS     template.CSS
	JS      template.JS
	Build   string // when it changes, the page in the browser reloads itself
}

func newPage(s *shelf, past *Past, info Info) *page {
	return &page{
		shelf: s, past: past, info: info,
		template: template.Must(template.New("page").Funcs(template.FuncMap{
			"ago": ago, "due": due, "clock": clock, "day": day, "span": span,
			"count": count[int64], "number": count[int], "size": size[int64], "octets": size[int],
			"clip": clip, "kept": func(ms int64) string { return span(time.Duration(ms) * time.Millisecond) },
		}).Parse(pageHTML)),
		policy: "default-src 'none'; style-src '" + hash(pageCSS+plotCSS) + "'; script-src '" + hash(pageJS) + "'; " +
			"connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
	}
}

// hash is a text as a Content-Security-Policy names it.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	q.limit = maxTasks
	w.Header().Set("Content-Security-Policy", p.policy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	p.shelf.serve(w, ofPage(q), func(shown *picture) ([]byte, error) { return p.draw(shown, q) })
}

// ofPage is a query of the page; a bare one is of /api/status.
type ofPage query

// draw makes the whole page before any of it is sent: half a page would look like a
// whole one.
func (p *page) draw(shown *picture, q query) ([]byte, error) {
	d := drawn{
		view: newView(shown, p.info), Find: q.find, Filters: q.filters(),
		CSS: template.CSS(pageCSS + plotCSS), JS: template.JS(pageJS),
		Build: hash(pageCSS + plotCSS + pageJS),
	}
	if q.grouped {
		d.Group = q.group.Class()
	}
	if d.Filters {
		d.Next = d.choose(shown, q)
	}
	if p.past != nil {
		for _, c := range charts {
			d.Figures = append(d.Figures, c.figure(p.past, shown.At))
		}
		d.Marks = p.past.Marks(shown.At)
		slices.Reverse(d.Marks)
		d.pace(p.past.paces)
	}
	var body bytes.Buffer
	if err := p.template.Execute(&body, d); err != nil {
		return nil, fmt.Errorf("draw status page: %w", err)
	}
	return body.Bytes(), nil
}

// choose shows the tasks that a query asks for, by their TaskIDs, and returns the query of
// those after them.
func (v *view) choose(shown *picture, q query) (next template.URL) {
	found, after := shown.tasks(q)
	v.Tasks, v.Hidden = nil, 0
	for _, t := range found {
		v.Tasks = append(v.Tasks, task{TaskStatus: t, Group: groupOf(t)})
	}
	if after == "" {
		return ""
	}
	values := url.Values{"after": {after}}
	if q.grouped {
		values.Set("group", q.group.Class())
	}
	if q.find != "" {
		values.Set("find", q.find)
	}
	return template.URL(values.Encode())
}
