package inspect

import (
	"fmt"
	"slices"
	"time"

	"airudder-exporter/internal/call"
)

// This file holds an answer's times against each other, and against its clock.

// lately is how long before an answer its newest call may have ended, where calls go on.
const lately = 30 * time.Minute

func (i *inspection) clocks(d *detail) {
	for _, name := range []string{"data.ScheduleStartTime", "data.ScheduleEndTime", "CallStartTime", "CallEndTime", "RedailCall.CallStartTime"} {
		if t := d.times[name]; t != nil {
			i.line("times", "%s: %s", name, t)
		}
	}
	if d.backwards > 0 {
		i.note("rows that end before they start: %d", d.backwards)
	}
	zone := offsetOf(i.Account.Zone, d.answer)
	if end := d.times["CallEndTime"]; end != nil && end.known() {
		if end.zoneless() {
			i.zoneOfRows(d, end, zone)
		} else {
			i.utcOfRows(d, end)
		}
	}
	i.zoneOfRedials(d, zone)
}

// farthest is how far east of UTC a zone can be.
const farthest = 14 * time.Hour

// utcOfRows asks whether times that name their zone can be true.
func (i *inspection) utcOfRows(d *detail, end *times) {
	ahead := end.newest.Sub(d.answer)
	switch {
	case ahead > farthest:
		i.note("the newest call ends %s after the answer was made: one of the two clocks is wrong", spoken(ahead))
	case ahead > 2*time.Minute:
		i.note("the newest call ends %s after the answer was made: these times are not in the zone that they name; "+
			"%s would fit. No setting corrects that: tell AIRudder",
			spoken(ahead), offsetText(zoneAfter(ahead-2*time.Minute)))
	case ahead > -lately:
		i.line("UTC", "fits: the newest call ends %s before the answer was made", spoken(min(ahead, 0)))
	default:
		i.line("UTC", "cannot be told: the newest call ends %s before the answer; a task that is calling would tell", spoken(ahead))
	}
}

// zoneOfRows asks the same of times that name none.
func (i *inspection) zoneOfRows(d *detail, end *times, zone time.Duration) {
	ahead := end.newest.Sub(d.answer) // of a clock at UTC
	fits := zoneAfter(ahead - 2*time.Minute)
	gap := zone - ahead
	switch {
	case ahead > farthest:
		i.note("the newest call ends %s after the answer was made: one of the two clocks is wrong", spoken(ahead))
	case gap < -2*time.Minute:
		i.note("at %s the newest call ends %s after the answer was made; %s would fit", offsetText(zone), spoken(gap), offsetText(fits))
		i.propose("Zone", offsetText(fits), "times of calls name no zone; this is the first in which none has ended after the answer")
	case gap < lately:
		i.line("zone", "%s fits: the newest call ends %s before the answer was made", offsetText(zone), spoken(max(gap, 0)))
	case call.Underway(d.status):
		i.note("the task is calling, but at %s its newest call ended %s ago", offsetText(zone), spoken(gap))
		i.wonder("Zone", offsetText(fits), "times of calls name no zone; in this one the newest call has just ended")
	default:
		i.line("zone", "cannot be told: at %s the newest call ends %s before the answer; a task that is calling would tell",
			offsetText(zone), spoken(gap))
	}
}

// zoneOfRedials asks in which zone redials come before their rows.
func (i *inspection) zoneOfRedials(d *detail, zone time.Duration) {
	r := d.apart
	start := d.times["CallStartTime"]
	switch {
	case r.seen == 0:
		i.line("redials", "none to hold %s against", i.setting("Zone"))
		return
	case len(r.offsets) == 0:
		i.line("redials", "%d, whose times name their zone", r.zoned)
		return
	case start.zoneless():
		i.line("redials", "%d, whose times name no zone, as their rows' do not", r.seen)
		return
	}
	latest := slices.Max(r.offsets)
	late := 0
	for _, offset := range r.offsets {
		if offset >= zone {
			late++
		}
	}
	fits := zoneAfter(latest)
	switch gap := zone - latest; {
	case late > 0:
		i.note("of %d redials %d start after their rows at %s; at %s none would", r.seen, late, offsetText(zone), offsetText(fits))
		i.propose("Zone", offsetText(fits), "redials' times name no zone; this is the first in which each comes before its row")
	case gap < step:
		i.line("redials", "%d, all before their rows at %s, the nearest by %s: it fits", r.seen, offsetText(zone), spoken(gap))
	default:
		i.note("of %d redials, the nearest is %s before its row at %s; %s before it at %s",
			r.seen, spoken(gap), offsetText(zone), spoken(fits-latest), offsetText(fits))
		i.wonder("Zone", offsetText(fits), fmt.Sprintf("if numbers are called again within %s, this is the redials' zone", spoken(gap)))
	}
}
