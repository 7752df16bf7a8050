// Package template reads a request as a setting gives it, with placeholders, and fills
// it: pure.
package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The requests of an account that needs no others.
const (
	DefaultList   = "GET /service/cloud/list"
	DefaultDetail = "GET /service/cloud/detail?TaskID={task}"
)

// Off, instead of the list's request, says that there is none.
const Off = "off"

// Template is a request as a setting gives it: method, path, query and, after the
// first blank outside a placeholder, a JSON body.
type Template struct {
	method            string
	path, query, body []piece
	holes             []piece // those of the pieces that are placeholders
}

// piece is some text of a template, or a placeholder: {word} or {word:argument}.
type piece struct {
	text      string // as it stands in the template
	word      string // of the placeholder; empty: it is text
	argument  string
	size      int  // the argument of limit and offset
	inAString bool // of a JSON body
}

// placeholders are the words, and whether each needs an argument or may have one.
var placeholders = map[string]struct{ needs, may bool }{
	"task": {}, "page": {}, "page0": {},
	"limit": {needs: true}, "offset": {needs: true}, "cursor": {needs: true},
	"since": {may: true}, "until": {may: true},
}

// maxSize is how large a page may be that is asked for: as many tasks as a list may
// name.
const maxSize = 400_000

// pagings are the placeholders that ask for one page after the other.
var pagings = []string{"page", "page0", "offset", "cursor"}

// Parse reads a template. Its error follows the value in a sentence.
func Parse(text string) (*Template, error) {
	method, rest := cutBlank(strings.TrimSpace(text))
	switch {
	case method != "GET" && method != "POST":
		return nil, errors.New("does not begin with GET or POST")
	case !strings.HasPrefix(rest, "/"):
		return nil, errors.New("has no path that begins with a slash after " + method)
	}
	pieces, err := parsePieces(rest)
	if err != nil {
		return nil, err
	}
	t := &Template{method: method}
	for _, p := range pieces {
		if p.word != "" {
			t.holes = append(t.holes, p)
		}
	}
	url, body := cutPieces(pieces, blanks)
	t.path, t.query = cutPieces(url, "?")
	t.body = markStrings(body)
	return t, t.sound()
}

const blanks = " \t\r\n"

func cutBlank(text string) (before, after string) {
	i := strings.IndexAny(text, blanks)
	if i < 0 {
		return text, ""
	}
	return text[:i], strings.TrimLeft(text[i:], blanks)
}

// parsePieces divides a template at its placeholders. Braces around anything else
// are text.
func parsePieces(text string) (pieces []piece, err error) {
	from := 0
	for i := 0; i < len(text); i++ {
		if text[i] != '{' {
			continue
		}
		inner, _, closed := strings.Cut(text[i:], "}")
		if !closed {
			break
		}
		word, argument, has := strings.Cut(inner[1:], ":")
		rule, known := placeholders[word]
		if !known {
			continue
		}
		p := piece{text: inner + "}", word: word, argument: argument}
		switch {
		case rule.needs && argument == "":
			return nil, fmt.Errorf("has {%s} without what it needs, as in %s", word, example(word))
		case has && !rule.needs && (!rule.may || argument == ""):
			return nil, fmt.Errorf("has {%s:%s}: write {%s}", word, argument, word)
		}
		if p.size, err = p.check(); err != nil {
			return nil, err
		}
		pieces = append(pieces, piece{text: text[from:i]}, p)
		i += len(inner)
		from = i + 1
	}
	return append(pieces, piece{text: text[from:]}), nil
}

// check says what is wrong with a placeholder's argument; of a number it returns it.
func (p piece) check() (size int, err error) {
	switch p.word {
	case "limit", "offset":
		size, err = strconv.Atoi(p.argument)
		if err != nil || size < 1 || size > maxSize {
			return 0, fmt.Errorf("has %s, whose argument is no number of tasks, as in %s", p.text, example(p.word))
		}
	case "cursor":
		if slices.Contains(strings.Split(p.argument, "."), "") || strings.ContainsAny(p.argument, blanks) {
			return 0, fmt.Errorf("has %s, which names no member of the answer, as %s does", p.text, example(p.word))
		}
	case "since", "until":
		a, b := time.Unix(0, 0), time.Date(2031, 11, 23, 22, 33, 44, 0, time.UTC)
		if p.time(a, time.UTC) == p.time(b, time.UTC) {
			return 0, fmt.Errorf("has %s, which holds no time: write the time of 2006-01-02 15:04:05 in the form that it should have, as in %s",
				p.text, example(p.word))
		}
	}
	return size, nil
}

func example(word string) string {
	switch word {
	case "cursor":
		return "{cursor:data.next}"
	case "since", "until":
		return "{" + word + ":2006-01-02 15:04:05}"
	}
	return "{" + word + ":100}"
}

// cutPieces divides pieces at the first of these bytes in their text.
func cutPieces(pieces []piece, at string) (before, after []piece) {
	for i, p := range pieces {
		if p.word != "" {
			continue
		}
		if j := strings.IndexAny(p.text, at); j >= 0 {
			before = append(slices.Clone(pieces[:i]), piece{text: p.text[:j]})
			return before, append([]piece{{text: p.text[j+1:]}}, pieces[i+1:]...)
		}
	}
	return pieces, nil
}

// markStrings notes which placeholders of a JSON body stand between quotes.
func markStrings(body []piece) []piece {
	inside, escaped := false, false
	for i := range body {
		if body[i].word != "" {
			body[i].inAString = inside
			continue
		}
		for _, c := range []byte(body[i].text) {
			switch {
			case escaped:
				escaped = false
			case inside && c == '\\':
				escaped = true
			case c == '"':
				inside = !inside
			}
		}
	}
	return body
}

// sound says what is wrong with a template whatever it asks for.
func (t *Template) sound() error {
	for _, p := range slices.Concat(t.path, t.query) {
		switch {
		case p.word == "" && strings.ContainsAny(p.text, "{}"):
			return errors.New("has a brace before its body that belongs to no placeholder: the placeholders are " +
				"{task}, {page}, {page0}, {limit:100}, {offset:100}, {cursor:data.next}, {since} and {until}; write a brace as %7B or %7D")
		case p.word == "" && strings.ContainsFunc(p.text, func(r rune) bool { return r <= ' ' || r == '#' || r >= 0x7f }):
			return errors.New("has a path or query that is not escaped: write it as in name=a%20b")
		}
	}
	sample := t.Fill(Filling{Task: "t", Cursor: json.RawMessage(`"c"`), Zone: time.UTC})
	if _, err := url.PathUnescape(sample.Path); err != nil {
		return errors.New("has a path that is not escaped: write it as in /a%20b")
	}
	if _, err := url.ParseQuery(sample.Query); err != nil {
		return errors.New("has a query that is not escaped: write it as in name=a%20b")
	}
	if t.body != nil && !json.Valid(sample.Body) {
		return errors.New("has something after its URL that is no JSON body once its placeholders are filled: " +
			`write one as in POST /path {"page":{page}}, and a blank in a query as %20`)
	}
	var paging string
	for _, p := range t.holes {
		if kind := p.word; slices.Contains(pagings, kind) {
			if paging != "" && paging != p.text {
				return fmt.Errorf("has both %s and %s: keep one of them, since pages are asked for in one way", paging, p.text)
			}
			paging = p.text
		}
	}
	return nil
}

// ParseList reads the list's request; nil: there is to be none.
func ParseList(text string) (*Template, error) {
	if text == Off {
		return nil, nil
	}
	t, err := Parse(text)
	if err == nil && t.Has("task") {
		err = errors.New("has {task}, but the list is asked for without one")
	}
	if err != nil {
		return nil, fmt.Errorf("%w; give one such as %s?page={page}, or %s for no list", err, DefaultList, Off)
	}
	return t, nil
}

// ParseDetail reads the request for a task's detail.
func ParseDetail(text string) (*Template, error) {
	t, err := Parse(text)
	if err == nil && !t.Has("task") {
		err = errors.New("does not say where the task's id goes")
	}
	if err == nil {
		if i := slices.IndexFunc(t.holes, func(p piece) bool { return p.word != "task" }); i >= 0 {
			err = fmt.Errorf("has %s, but one answer holds the whole task", t.holes[i].text)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w; give one such as %s", err, DefaultDetail)
	}
	return t, nil
}

// Path is the request's path as the template has it, with its placeholders.
func (t *Template) Path() string {
	var path strings.Builder
	for _, p := range t.path {
		path.WriteString(p.text)
	}
	return path.String()
}

// Has reports whether the template has a placeholder.
func (t *Template) Has(word string) bool {
	return slices.ContainsFunc(t.holes, func(p piece) bool { return p.word == word })
}

// Placeholder is one that asks for pages.
type Placeholder struct {
	Word     string // page, page0, offset or cursor
	Argument string // of a cursor: the path of the member that holds it
	Size     int    // of an offset: its step
}

// Paging is the placeholder that asks for one page after the other; the zero one:
// there is a single page.
func (t *Template) Paging() Placeholder {
	i := slices.IndexFunc(t.holes, func(p piece) bool { return slices.Contains(pagings, p.word) })
	if i < 0 {
		return Placeholder{}
	}
	return Placeholder{Word: t.holes[i].word, Argument: t.holes[i].argument, Size: t.holes[i].size}
}

// Limit is how many entries a page the request asks for; 0: it does not say.
func (t *Template) Limit() (limit int) {
	for _, p := range t.holes {
		if p.word == "limit" {
			limit = p.size
		}
	}
	return limit
}
