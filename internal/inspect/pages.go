package inspect

import (
	"context"
	"fmt"
	"strings"

	"airudder-exporter/internal/airudder"
	"airudder-exporter/internal/airudder/template"
)

// This file looks for the list's second page.

// trial is a way of paging, as a request.
type trial struct {
	template string
	size     int // entries that it asks for
	says     string
}

// pages tries the usual parameters, each by one request, until one turns the page.
func (i *inspection) pages(ctx context.Context, template string, first *listed) {
	whole := !airudder.IsRound(first.Entries) && first.Total <= int64(first.Entries) && first.More == ""
	switch {
	case len(first.Tasks) == 0:
		return
	case pagesOf(template):
		i.secondPage(ctx, template, first)
		return
	case whole && !i.Pages:
		i.line("pages", "the list looks whole; --pages looks for a second page all the same")
		return
	}
	for _, t := range trials(template, first) {
		i.waiting("page 2 of the list by %s", t.says)
		second, err := i.askList(ctx, airudder.Question{Template: t.template, Page: 1, Before: first.raw.Body})
		if ctx.Err() != nil {
			return
		}
		turned, said := compare(first, second, err)
		i.line("page 2", "by %s: %s", t.says, said)
		counts := strings.Contains(t.template, "{page}")
		switch {
		case turned && !counts:
			i.propose("ListRequest", t.template, t.says+" turn the list's pages")
			return
		case (turned || said == emptyPage && !whole) && counts && i.firstPage(ctx, t, first, turned):
			return
		}
	}
	if !whole {
		i.note("none of these turns the page: ask AIRudder how the list pages, and set %s", i.setting("ListRequest"))
	}
}

// pagesOf reports whether a request asks for pages.
func pagesOf(request string) bool {
	t, err := template.Parse(request)
	return err == nil && t.Paging().Word != ""
}

// secondPage asks for it as the configured request does.
func (i *inspection) secondPage(ctx context.Context, template string, first *listed) {
	i.waiting("page 2 of the list")
	second, err := i.askList(ctx, airudder.Question{Template: template, Page: 1, Before: first.raw.Body})
	if ctx.Err() != nil {
		return
	}
	_, said := compare(first, second, err)
	i.line("page 2", "%s", said)
	if err == nil && second.err == nil && strings.HasPrefix(said, samePage) && airudder.IsRound(first.Entries) {
		i.note("%s does not turn the page", i.setting("ListRequest"))
	}
}

const (
	samePage  = "the first page again"
	emptyPage = "an empty page"
)

// compare says how a second page differs from the first.
func compare(first, second *listed, err error) (turned bool, said string) {
	fresh := 0
	for id := range second.ids {
		if !first.ids[id] {
			fresh++
		}
	}
	switch {
	case err != nil:
		return false, err.Error()
	case second.err != nil:
		return false, second.err.Error()
	case 2*fresh > len(second.ids):
		return true, fmt.Sprintf("another page, %d tasks, of which %d are new", len(second.ids), fresh)
	case len(second.ids) == 0:
		return false, emptyPage
	case fresh > 0:
		return false, fmt.Sprintf("%s, but for %d tasks that are new", samePage, fresh)
	case len(second.ids) == len(first.ids):
		return false, samePage
	}
	return false, fmt.Sprintf("%d of the first page's tasks", len(second.ids))
}

// trials are the usual ways of paging, the likeliest first.
func trials(template string, first *listed) (all []trial) {
	n := first.Entries
	add := func(query, body, says string) {
		if t, ok := extended(template, query, body); ok {
			all = append(all, trial{template: t, size: n, says: says})
		}
	}
	for _, m := range first.beside {
		if strings.HasPrefix(airudder.Folded(m.name), "next") && m.value != "null" && m.value != "false" && m.value != "0" && m.value != "true" {
			hole := "{cursor:" + m.path + "}"
			param := "cursor"
			if strings.HasSuffix(airudder.Folded(m.name), "page") {
				param = "page"
			}
			add(param+"="+hole, `"`+param+`":`+hole, param+" from "+m.path)
			if param != m.name {
				add(m.name+"="+hole, `"`+m.name+`":`+hole, m.name+" from "+m.path)
			}
		}
	}
	for _, names := range [][2]string{{"page", "pageSize"}, {"PageNum", "PageSize"}} {
		add(fmt.Sprintf("%s={page}&%s={limit:%d}", names[0], names[1], n),
			fmt.Sprintf(`"%s":{page},"%s":{limit:%d}`, names[0], names[1], n), names[0]+" and "+names[1])
	}
	add(fmt.Sprintf("offset={offset:%d}&limit={limit:%d}", n, n),
		fmt.Sprintf(`"offset":{offset:%d},"limit":{limit:%d}`, n, n), "offset and limit")
	return all
}

// extended is a request with more parameters: in its JSON body, if it has one that is
// an object, else in its query.
func extended(template, query, body string) (string, bool) {
	method, rest, _ := strings.Cut(strings.TrimSpace(template), " ")
	rest = strings.TrimSpace(rest)
	if url, sent, has := strings.Cut(rest, " "); has && !strings.Contains(url, "{") {
		sent = strings.TrimSpace(sent)
		inside, closed := strings.CutSuffix(sent, "}")
		if !closed || !strings.HasPrefix(sent, "{") {
			return "", false
		}
		if strings.TrimSpace(inside) != "{" {
			inside += ","
		}
		return method + " " + url + " " + inside + body + "}", true
	} else if has {
		return "", false // a placeholder with a blank: too clever for us
	}
	if strings.Contains(rest, "?") {
		return method + " " + rest + "&" + query, true
	}
	return method + " " + rest + "?" + query, true
}

// firstPage asks for page 1 by a trial that counts pages, to see from where it does,
// and whether the page is as large as it asks for. It proposes the trial if it turns
// the page; turned says that it did.
func (i *inspection) firstPage(ctx context.Context, t trial, first *listed, turned bool) bool {
	size := max(100, t.size)
	wide := strings.Replace(t.template, fmt.Sprintf("{limit:%d}", t.size), fmt.Sprintf("{limit:%d}", size), 1)
	i.waiting("page 1 of the list by %s, %d a page", t.says, size)
	one, err := i.askList(ctx, airudder.Question{Template: wide})
	if ctx.Err() != nil {
		return true
	}
	setting, why := t.template, t.says+" turn the list's pages"
	again := overlap(first, one)
	switch {
	case err != nil || one.err != nil:
		i.line("page 1", "by %s, %d a page, cannot be read", t.says, size)
	case len(one.ids) > 0 && 2*again < len(one.ids) && 2*again < len(first.ids):
		i.line("page 1", "by %s: not the first tasks, but others: pages count from 0", t.says)
		i.propose("ListRequest", strings.Replace(setting, "{page}", "{page0}", 1), why+", and count from 0")
		return true
	case len(one.ids) > len(first.ids)+len(first.ids)/2:
		i.line("page 1", "by %s, %d a page: %d tasks, the first ones among them: pages count from 1, and are as large as is asked",
			t.says, size, len(one.ids))
		setting, turned = wide, true
	default:
		i.line("page 1", "by %s, %d a page: the first tasks again, and no more of them", t.says, size)
	}
	if turned {
		i.propose("ListRequest", setting, why)
	}
	return turned
}

func overlap(a, b *listed) (n int) {
	for id := range b.ids {
		if a.ids[id] {
			n++
		}
	}
	return n
}
