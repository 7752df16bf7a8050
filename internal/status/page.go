package status

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"slices"

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
	past     *history.Recorder // nil: there are no plots
	info     Info
	template *template.Template
	policy   string
}

// drawn is what the template gets.
type drawn struct {
	view
	Figures []figure
	Marks   []history.Mark // newest first
	CSS     template.CSS
	JS      template.JS
	Build   string // when it changes, the page in the browser reloads itself
}

func newPage(s *shelf, past *history.Recorder, info Info) *page {
	return &page{
		shelf: s, past: past, info: info,
		template: template.Must(template.New("page").Funcs(template.FuncMap{
			"ago": ago, "due": due, "clock": clock, "day": day, "span": span,
			"count": count[int64], "number": count[int], "size": size[int64], "octets": size[int],
			"clip": clip,
		}).Parse(pageHTML)),
		policy: "default-src 'none'; style-src '" + hash(pageCSS+plotCSS) + "'; script-src '" + hash(pageJS) + "'; " +
			"connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	}
}

// hash is a text as a Content-Security-Policy names it.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func (p *page) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Security-Policy", p.policy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	p.shelf.serve(w, p, p.draw)
}

// draw makes the whole page before any of it is sent: half a page would look like a
// whole one.
func (p *page) draw(shown *picture) ([]byte, error) {
	var body bytes.Buffer
	var figures []figure
	var marks []history.Mark
	if p.past != nil {
		marks = p.past.Marks(shown.At)
		slices.Reverse(marks)
		for _, c := range charts {
			figures = append(figures, c.figure(p.past, shown.At))
		}
	}
	err := p.template.Execute(&body, drawn{
		view: newView(shown, p.info), Figures: figures, Marks: marks,
		CSS: template.CSS(pageCSS + plotCSS), JS: template.JS(pageJS),
		Build: hash(pageCSS + plotCSS + pageJS),
	})
	if err != nil {
		return nil, fmt.Errorf("draw status page: %w", err)
	}
	return body.Bytes(), nil
}
