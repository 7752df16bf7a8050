package airudder

import (
	"strconv"
	"strings"

	"airudder-exporter/internal/jsonrows"
)

// Folded is a name as it is compared where case and underscores do not count.
func Folded(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "") }

// totals are the folded names of members that count what there is: rows of a detail,
// entries of the list. Others are not believed: a healthy task may count its attempts.
type totals map[string]bool

func newTotals(names []string) totals {
	t := totals{}
	for _, name := range names {
		t[Folded(name)] = true
	}
	return t
}

func (t totals) has(name string) bool { return len(t) > 0 && t[Folded(name)] }

// read is the count that a member gives, a number or its digits in a string; 0: it
// gives none.
func (t totals) read(name string, value []byte) int64 {
	if !t.has(name) {
		return 0
	}
	digits, _ := identity(value)
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// count takes what a member of the answer, or of its data, says of more rows than there
// are, or what a member of one about pages does; raw is valid JSON, or nil.
func (a *answer) count(name string, raw []byte) {
	withPages(name, raw, a.hear)
}

// withPages passes on a member and, where it is an object about pages, its own members.
func withPages(name string, raw []byte, take func(name string, raw []byte)) {
	take(name, raw)
	if len(raw) > 0 && raw[0] == '{' && aboutPages(name) {
		eachMember(jsonrows.Lend(raw), take)
	}
}

func eachMember(o jsonrows.Value, take func(name string, raw []byte)) {
	for it := jsonrows.MembersOf(o); it.Next(); {
		take(it.Key, it.Value.Bytes())
	}
}

// hear takes what a member that may be about pages says of rows that are not shown.
func (a *answer) hear(name string, raw []byte) {
	a.total = max(a.total, a.totals.read(name, raw))
	smaller := a.more == "" || name < a.more // in any order
	if smaller && len(raw) > 0 && (saysMore(name, raw, pointersOfTask) || pagesOf(name, raw) > 1) {
		a.more = strings.Clone(name)
	}
}

// aboutPages reports whether a member is likely to say which part of the whole an
// answer is: page, pagination, pageInfo, meta, links, cursors. What other members count
// is their own affair.
func aboutPages(name string) bool {
	name = Folded(name)
	return strings.HasPrefix(name, "pag") || strings.HasPrefix(name, "meta") || name == "links" || strings.HasPrefix(name, "cursor")
}

// isName reports whether a name can be compared: a word.
func isName(name string) bool {
	const longest = 32
	return name != "" && len(name) <= longest && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	})
}
