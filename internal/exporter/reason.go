package exporter

import (
	"cmp"
	"errors"
	"regexp"
	"strings"
)

// reason is why a reading fails, apart from what was to be read: readings that fail for
// the same one are told of together.
type reason struct {
	kind string
	text string // empty where the kind says it all
}

func (r reason) compare(to reason) int {
	return cmp.Or(strings.Compare(r.kind, to.kind), strings.Compare(r.text, to.text))
}

// nobodysOwn are the kinds of errors that are never one task's own trouble: the key, the
// way there, the budget.
var nobodysOwn = map[string]bool{"auth": true, "network": true, tooMany: true}

// reasonOf is the reason in an error of the source.
func reasonOf(err error) reason {
	kind := kindOf(err)
	if nobodysOwn[kind] {
		return reason{kind: kind}
	}
	return reason{kind, figures.ReplaceAllString(causeOf(err), "")}
}

// figures, such as counts of bytes, do not make another reason.
var figures = regexp.MustCompile(`[0-9]+`)

// causeOf is an error's text without what was to be read.
func causeOf(err error) string {
	var upstream UpstreamError
	if errors.As(err, &upstream) {
		return upstream.Cause()
	}
	return err.Error()
}

// shared reports whether an error of a task is not its own trouble: it is told of once,
// for all tasks.
func (u *upstream) shared(err error) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	why := reasonOf(err)
	return nobodysOwn[why.kind] || u.reasons[why].tasks >= several
}

// like is how many tasks fail as an error of the list says, and whether no task fails
// otherwise.
func (u *upstream) like(err error) (tasks int, all bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	tasks = u.reasons[reasonOf(err)].tasks
	return tasks, tasks == len(u.failing)
}
