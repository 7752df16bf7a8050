package record

import (
	"slices"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/record/privacy"
)

// This file is where a choice of privacy meets the columns: by their names, since
// privacy.Fields has those that can be hidden, and a test holds it against the columns
// and the schemas. What is kept is filled by the column's own function, so that a
// choice that hides nothing costs nothing.

// protected has columns show what a choice lets them.
func protected[T any](c privacy.Choice, columns []column[T]) []column[T] {
	for i := range columns {
		own := &columns[i]
		switch show, shown := c.Show(own.name); {
		case !shown:
			own.fill = leaveNull[T]
		case show != nil:
			own.fill = own.through(show)
		}
	}
	return columns
}

func leaveNull[T any](s *slot, _ *T) { s.null() }

// shownColumns are rowColumns as a choice lets an event show them.
func shownColumns(c privacy.Choice) []column[event] {
	columns := protected(c, rowColumns())
	for i := range columns {
		switch name := columns[i].name; {
		case name == "redials" && !c.Open():
			columns[i] = array(name, func() []column[call.Redial] { return protected(c, redialColumns()) }, (*event).redials)
		case name == privacy.AdditionalFields && len(c.KeptNames()) > 0:
			columns[i] = dict(name, func(e *event) map[string]string { return someOf(c, e.additional(), true) })
		}
	}
	return columns
}

// someOf are those unknown fields that an event shows by their names, or the others.
func someOf(c privacy.Choice, all map[string]string, shown bool) map[string]string {
	if all == nil {
		return nil
	}
	some := make(map[string]string)
	for name, value := range all {
		if slices.Contains(c.KeptNames(), name) == shown {
			some[name] = value
		}
	}
	return some
}

// privateColumns are the fields of CallPrivate: what identifies the event, and those
// whose value a choice keeps apart from it.
func privateColumns(c privacy.Choice, account string) []column[event] {
	columns := []column[event]{
		required("task_id", func(e *event) string { return e.task.ID }),
		text("account", func(*event) call.Opt[string] { return nonEmpty(account) }),
		required("call_id", func(e *event) string { return e.CallID }),
		requiredLong("revision", func(e *event) int64 { return e.revision }),
	}
	for _, own := range rowColumns() {
		switch mode := c.Mode(own.name); {
		case own.name == "observed_at":
		case own.name == "redials":
			redials := array(own.name, func() []column[call.Redial] { return privateRedials(c) }, (*event).redials)
			own = apart(c.Mode(privacy.CallerNumber).Separate() || c.Mode(privacy.CalleeNumber).Separate(), redials)
		case own.name == privacy.AdditionalFields:
			own = apart(mode.Separate(), dict(own.name, func(e *event) map[string]string {
				return someOf(c, e.additional(), false)
			}))
		case privacy.CanHide(own.name):
			own = apart(mode.Separate(), own)
		default:
			continue
		}
		columns = append(columns, own)
	}
	return columns
}

// apart is a column of CallPrivate, which is null where its value is not kept apart.
func apart(is bool, own column[event]) column[event] {
	if !is {
		own.fill = leaveNull
	}
	return own
}

// privateRedials are the fields of an earlier attempt in CallPrivate.
func privateRedials(c privacy.Choice) (columns []column[call.Redial]) {
	for _, own := range redialColumns() {
		switch {
		case own.name == "call_id":
		case !privacy.CanHide(own.name):
			continue
		case !c.Mode(own.name).Separate():
			own.fill = leaveNull
		}
		columns = append(columns, own)
	}
	return columns
}
