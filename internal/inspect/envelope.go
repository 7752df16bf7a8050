package inspect

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"airudder-exporter/internal/airudder"
	"airudder-exporter/internal/jsonrows"
)

// This file looks at what any answer has: HTTP's status and headers, and the envelope.

// answer prints how an answer came.
func (i *inspection) answer(ctx context.Context, raw airudder.Raw, err error) {
	if raw.Status == 0 {
		i.line("answer", "none: %v", err)
		return
	}
	more := ""
	if raw.Cut {
		more = "; it is longer: only so much was looked at"
	}
	code, status := enveloped(ctx, raw.Body)
	i.line("answer", "HTTP %d, code %s, status %s; %s%s", raw.Status, code, status, media(raw.Header), more)
	i.line("size", "%d bytes; first byte after %s, all of it after %s", len(raw.Body), spoken(raw.FirstByte), spoken(raw.Whole))
	told := false
	for _, name := range slices.Sorted(maps.Keys(raw.Header)) {
		if said, shows := header(name, raw.Header.Get(name)); shows {
			i.line("headers", "%s: %s", name, said)
			told = true
		}
	}
	if !told {
		i.line("headers", "none that tells of a rate limit or a cache")
	}
	if err != nil {
		i.note("%v", err)
	}
}

// enveloped are the envelope's code and status, as far as they can be shown.
func enveloped(ctx context.Context, body []byte) (code, status string) {
	code, status = "absent", "absent"
	w := walk{row: func(jsonrows.Value) {}, member: func(path string, raw []byte) {
		switch path {
		case "code":
			code = shownCode(raw)
		case "status":
			status = shownStatus(raw)
		}
	}}
	_ = w.body(ctx, body) // as far as it is JSON
	return code, status
}

// shownCode is a code as the exporter's errors show it.
func shownCode(raw []byte) string {
	const longest = 8
	text, isText := jsonrows.Text(raw)
	switch {
	case isText && len(text) <= longest && airudder.IsPlain(string(text)):
		return strconv.Quote(string(text))
	case isText:
		return fmt.Sprintf("a text of %d bytes", len(text))
	case jsonrows.IsNumber(raw) && len(raw) <= longest, jsonrows.IsNull(raw):
		return string(raw)
	}
	return typeOf(raw)
}

// shownStatus is a status that is a usual word; others may say anything.
func shownStatus(raw []byte) string {
	text, isText := jsonrows.Text(raw)
	switch {
	case isText && slices.Contains([]string{"ok", "success", "error", "fail", "failed", "failure"}, strings.ToLower(string(text))):
		return strconv.Quote(string(text))
	case isText:
		return fmt.Sprintf("a text of %d bytes", len(text))
	}
	return typeOf(raw)
}

// media is how a body is written.
func media(h http.Header) string {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	if !slices.Contains([]string{"application/json", "text/json", "text/plain", "text/html"}, kind) {
		kind = "no usual content type"
	}
	switch encoding := h.Get("Content-Encoding"); encoding {
	case "":
		return kind + ", not compressed"
	case "gzip":
		return kind + ", gzip"
	}
	return kind + ", encoded"
}

var (
	ofLimits = regexp.MustCompile(`(?i)rate-?limit|retry-after|quota`)
	ofCaches = regexp.MustCompile(`(?i)^(age|x-cache|cf-cache-status|x-cache-status)$`)
	numbers  = regexp.MustCompile(`\b\d{1,10}\b`)
)

// header is what may be shown of a header that tells of limits or caches.
func header(name, value string) (said string, shows bool) {
	switch {
	case ofLimits.MatchString(name) && airudder.IsPlain(name):
		return cmp.Or(strings.Join(numbers.FindAllString(value, -1), ", "), "no number"), true
	case ofCaches.MatchString(name):
		return "the answer may come from a cache", true
	}
	return "", false
}

// member is one that counts or pages, by its name.
type member struct{ path, name, value string }

var ofCounts = regexp.MustCompile(`(?i)total|count$|^count|record|pages?$|page_?(no|num|size)|^size$|limit|offset|has_?(more|next)|^next`)

// counting finds the members of an object, and of those below it that are about pages,
// that could count what there is or lead to more.
func counting(object jsonrows.Value, path string) (all []member) {
	for it := jsonrows.MembersOf(object); it.Next(); {
		switch v := it.Value; {
		case !airudder.IsPlain(it.Key):
		case v.IsObject() && aboutPages(it.Key):
			all = append(all, counting(v, path+it.Key+".")...)
		case ofCounts.MatchString(it.Key) && !strings.Contains(strings.ToLower(it.Key), "account"):
			all = append(all, member{path + it.Key, it.Key, shownCount(v)})
		}
	}
	return all
}

// aboutPages is as the exporter's own.
func aboutPages(name string) bool {
	name = airudder.Folded(name)
	return strings.HasPrefix(name, "pag") || strings.HasPrefix(name, "meta") || name == "links" || strings.HasPrefix(name, "cursor")
}

// small is a count of things, which has few digits.
func small(n int64) string { return shownCount(jsonrows.Lend(strconv.AppendInt(nil, n, 10))) }

// shownCount is a small number, true, false or null; of anything else the shape.
func shownCount(v jsonrows.Value) string {
	const longest = 7
	switch kind := typeOf(v.Bytes()); {
	case kind == "integer" && len(v.Bytes()) <= longest, kind == "boolean", kind == "null":
		return v.String()
	}
	var s Shape
	s.add(v)
	return s.String()
}

func (i *inspection) counting(all []member) {
	var said []string
	for _, m := range all {
		said = append(said, m.path+" "+m.value)
	}
	if len(said) > 0 {
		i.line("counts", "%s", strings.Join(said, ", "))
	}
}

// isRefused reports whether an answer refuses the token.
func isRefused(ctx context.Context, raw airudder.Raw, err error) bool {
	code, _ := enveloped(ctx, raw.Body)
	return err != nil && (raw.Status == http.StatusUnauthorized || raw.Status == http.StatusForbidden || code == "401" || code == "403")
}

// otherScheme tries the other word before the token, that clients of this API were
// seen to send.
func (i *inspection) otherScheme(ctx context.Context, template string, first *listed, firstErr error) (*listed, error) {
	other := "Bearer"
	if i.Account.AuthScheme == other {
		other = "Token"
	}
	i.waiting("the list with %s before the token, which was refused", other)
	i.scheme = other
	second, err := i.askList(ctx, airudder.Question{Template: template})
	if err != nil {
		i.scheme = ""
		i.note("the token is refused with %s before it, and with %s, too", cmp.Or(i.Account.AuthScheme, "Token"), other)
		return first, firstErr
	}
	i.propose("AuthScheme", other, "the token is refused with "+cmp.Or(i.Account.AuthScheme, "Token")+" before it")
	return second, nil
}
