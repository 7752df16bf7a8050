package exporter

import (
	"fmt"
	"strings"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/notice"
)

// pushesOut is how often new tasks must have pushed old ones out of the list. Less can
// be chance: one task came and another one went between two listings.
const pushesOut = 3

// Subjects of notices that no task shows.
const (
	listSubject   = "the task list"
	budgetSubject = "the request budget"
)

// OfListing is what a complete listing shows that the operator should know: that it is
// not the whole list.
func (c Config) OfListing(l call.Listing) (seen []notice.Sighting) {
	request := c.setting("ListRequest")
	see := func(cause, text, cure string) {
		seen = append(seen, notice.Sighting{Cause: cause, Text: text, Cure: cure})
	}
	if l.Total > int64(l.Entries) {
		see(causeListTotal,
			fmt.Sprintf("the task list counts %d tasks in its field %s, but shows %d; the others are not exported", l.Total, l.TotalName, l.Entries),
			fmt.Sprintf("have %s ask for all of them: page={page}, which counts from 1, {page0}, from 0, or {offset:100}; if the field counts "+
				"something else, leave it out of %s", request, c.setting("TotalFields")))
	}
	if l.More != "" {
		cursor := ", or a cursor, as in {cursor:data.next}"
		if strings.HasPrefix(strings.ToLower(l.More), "next") {
			cursor = ", or {cursor:data." + l.More + "}, if that is where the field stands"
		}
		see(causeListMore,
			fmt.Sprintf("the task list says by its field %s that there is more than it shows; the other tasks are not exported", l.More),
			fmt.Sprintf("have %s ask for the next page: by page={page} or {offset:100}%s", request, cursor))
	}
	if l.Nameless > 0 {
		see(causeListNameless,
			fmt.Sprintf("%d of the task list's %d entries say that they have begun, but have no TaskID that can be used; they are not exported", l.Nameless, l.Entries),
			fmt.Sprintf("a TaskID has at most 128 bytes and no slash; ask AIRudder for these tasks' ids, and name them in %s", c.setting("TaskIDs")))
	}
	if l.Repeated > 0 {
		see(causeListRepeats,
			fmt.Sprintf("page 2 of the task list shows the %d tasks of page 1 again; those on other pages are not exported", l.Repeated),
			fmt.Sprintf("the server does not know the paging of %s: try other names, such as PageNum={page}, page_no={page} or offset={offset:100}", request))
	}
	if l.Pushes >= pushesOut {
		see(causeListPushesOut,
			fmt.Sprintf("new tasks push old ones out of the task list, which always shows %d; those that are out are no longer found", l.Entries),
			fmt.Sprintf("have %s ask for more than the first page: by page={page} or {offset:100}, or a greater {limit:1000}", request))
	}
	if l.Pages > 0 {
		see(causeListPages,
			fmt.Sprintf("the task list has more than the %d pages that are read; tasks on the others are not exported", l.Pages),
			fmt.Sprintf("have %s ask for more tasks a page, as in size={limit:100}, or for fewer by {since}", request))
	}
	return seen
}

// ofBudget is what there is to know of the request budget. A single 429 is nothing.
func (c Config) ofBudget(l call.Listing) (seen []notice.Sighting) {
	if l.Slowed > 1 {
		seen = append(seen, notice.Sighting{
			Cause: causeRateLimited,
			Text: fmt.Sprintf("AIRudder answers 429, too many requests: until that ends the exporter uses only %.0f%% of its request budget, and sees calls later",
				l.Speed*100),
			Cure: fmt.Sprintf("lower %s, or see who else uses the account", c.setting("RequestsPerSecond")),
		})
	}
	return seen
}
