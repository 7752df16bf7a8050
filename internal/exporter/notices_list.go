package exporter

import (
	"fmt"
	"strings"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
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

// listedSubject is how notices name what the list shows of a shard's tasks.
func listedSubject(shard int) string { return fmt.Sprintf("the task list, shard %d", shard) }

// OfListing is what a complete listing shows that the operator should know: that it is
// not the whole list.
func (c Config) OfListing(l call.Listing) []notice.Sighting {
	var seen sightings
	request := c.Setting("ListRequest")
	if l.Total > int64(l.Entries) {
		seen.see(causeListTotal,
			fmt.Sprintf("the task list counts %d tasks in its field %s, but shows %d; the others are not exported",
				l.Total, l.TotalName, l.Entries),
			fmt.Sprintf("have %s ask for all of them: page={page}, which counts from 1, {page0}, from 0, or {offset:100}; if the field counts "+
				"something else, leave it out of %s", request, c.Setting("TotalFields")))
	}
	if l.More != "" {
		cursor := ", or a cursor, as in {cursor:data.next}"
		if strings.HasPrefix(strings.ToLower(l.More), "next") {
			cursor = ", or {cursor:data." + l.More + "}, if that is where the field stands"
		}
		seen.see(causeListMore,
			fmt.Sprintf("the task list says by its field %s that there is more than it shows; the other tasks are not exported", l.More),
			fmt.Sprintf("have %s ask for the next page: by page={page} or {offset:100}%s", request, cursor))
	}
	if l.Nameless > 0 {
		seen.see(causeListNameless,
			fmt.Sprintf("%d of the task list's %d entries say that they have begun, but have no TaskID that can be used; "+
				"they are not exported", l.Nameless, l.Entries),
			"a TaskID has at most 128 bytes and no slash; ask AIRudder for these tasks' ids, and name them in "+c.Setting("TaskIDs"))
	}
	if l.Repeated > 0 {
		seen.see(causeListRepeats,
			fmt.Sprintf("page 2 of the task list shows the %d tasks of page 1 again; those on other pages are not exported", l.Repeated),
			fmt.Sprintf("the server does not know the paging of %s: try other names, such as PageNum={page}, page_no={page} "+
				"or offset={offset:100}", request))
	}
	if l.Pushes >= pushesOut {
		seen.see(causeListPushesOut,
			fmt.Sprintf("new tasks push old ones out of the task list, which always shows %d; those that are out are no longer found", l.Entries),
			fmt.Sprintf("have %s ask for more than the first page: by page={page} or {offset:100}, or a greater {limit:1000}", request))
	}
	if l.Pages > 0 {
		seen.see(causeListPages,
			fmt.Sprintf("the task list has more than the %d pages that are read; tasks on the others are not exported", l.Pages),
			fmt.Sprintf("have %s ask for more tasks a page, as in size={limit:100}, or for fewer by {since}", request))
	}
	return seen
}

// ofEmpty is what an empty list shows while so many tasks that it has shown before are
// under way.
func (c Config) ofEmpty(underway int) (seen sightings) {
	if underway > 0 {
		seen.see(causeListEmpty,
			fmt.Sprintf("the task list is empty, though %d tasks that it has shown are calling or paused; new ones are not found", underway),
			fmt.Sprintf("those %d are read all the same; see with inspect whether %s still finds any task, and ask AIRudder",
				underway, c.Setting("ListRequest")))
	}
	return seen
}

// overlooked are listed tasks of a shard that are not read for good.
type overlooked struct {
	tooOld  int64 // by their schedule's end, and never read
	unknown int   // of those, with a status that nobody knows
	closed  int   // closed, and calling or paused again
}

// note takes a listed task that is not wanted.
func (o *overlooked) note(l call.Listed, phase ledger.Phase) {
	switch {
	case phase == ledger.Unknown:
		o.tooOld++
		if l.Status != "" && call.MeaningOf(l.Status) == call.MeansNothing {
			o.unknown++
		}
	case phase == ledger.Closed && call.Underway(l.Status):
		o.closed++
	}
}

// sightings are what the operator should know of them.
func (o overlooked) sightings(c Config) (seen sightings) {
	if o.unknown > 0 {
		seen.see(causePassedOver,
			fmt.Sprintf("%d listed tasks are not exported, since their schedules ended before the export began, "+
				"but the list gives them a Status that the exporter does not know: they may still be calling", o.unknown),
			fmt.Sprintf("ask AIRudder what it means; tasks that are to be exported can be named in %s, or %s set earlier",
				c.Setting("TaskIDs"), c.Setting("ExportSince")))
	}
	if o.closed > 0 {
		seen.see(causeClosedCalling,
			fmt.Sprintf("%d tasks are calling or paused again in the list, but were closed %s or more after their seal: "+
				"nothing more of them is published", o.closed, c.Policy.Retention),
			fmt.Sprintf("have AIRudder make new tasks of such campaigns, or set %s longer for the next ones", c.Setting("Policy.Retention")))
	}
	return seen
}

// ofBudget is what there is to know of the request budget. A single 429 is nothing.
func (c Config) ofBudget(l call.Listing) (seen sightings) {
	if l.Slowed > 1 {
		seen.see(causeRateLimited,
			fmt.Sprintf("AIRudder answers 429, too many requests: until that ends the exporter uses only %.0f%% of its request budget, "+
				"and sees calls later", l.Speed*100),
			fmt.Sprintf("lower %s, or see who else uses the account", c.Setting("RequestsPerSecond")))
	}
	return seen
}
