package inspect

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"airudder-exporter/internal/airudder"
	"airudder-exporter/internal/call"
)

// detail looks at a task's detail.
func (i *inspection) detail(ctx context.Context, taskID string) error {
	i.section("Detail of task " + taskID)
	template := cmp.Or(i.Account.DetailRequest, airudder.DefaultDetail)
	i.waiting("the detail of task %s", taskID)
	raw, err := i.raw(ctx, airudder.Question{Template: template, TaskID: taskID})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	i.line("request", "%s", template)
	i.answer(ctx, raw, err)
	if raw.Status == 0 {
		return err
	}
	if wait := i.Account.Timeout; 2*raw.FirstByte > wait {
		longer := min((3*raw.FirstByte).Truncate(time.Minute)+time.Minute, i.Account.ResponseTimeout)
		i.propose("Timeout", longer.String(), "the first byte came after "+spoken(raw.FirstByte)+"; larger tasks take longer")
	}
	d := i.readDetail(ctx, taskID, raw)
	task, row := d.task, d.shape // without what else d holds
	i.saved["task"], i.saved["row"] = &task, &row
	if err == nil && d.makes != nil {
		i.note("the exporter cannot read it to its end: %v", d.makes)
	}
	if !d.array {
		if err == nil {
			i.note("data.detail is no array of rows")
		}
		return cmp.Or(err, d.makes)
	}
	i.rows(d)
	i.known(d)
	i.vocabularies(d)
	i.calls(d)
	i.totals(d)
	i.clocks(d)
	i.free(d)
	return cmp.Or(err, d.makes)
}

// rows prints how many rows there are, and what the exporter makes of them.
func (i *inspection) rows(d *detail) {
	round := ""
	if airudder.IsRound(d.walk.rows) {
		round = "; a round number: a limit, or as many as were uploaded"
	}
	i.line("rows", "%d in data.detail%s", d.walk.rows, round)
	if w := d.words["Status"]; w != nil {
		i.line("rows", "by Status: %s", w.all())
	}
	if n := d.shape.Seen; n > 0 {
		if m := d.shape.Members["Status"]; m == nil || m.Seen < n {
			i.note("rows without a Status: they count as open, and nothing of them is published")
		}
	}
	if n := d.broken; n > 0 {
		i.note("rows that are no sound JSON: %d", n)
	}
	if n := d.alien; n > 0 {
		i.note("elements of data.detail that are no objects: %d", n)
	}
	c := d.made.Counts
	dead := map[call.Reason]int{}
	for _, r := range d.made.Rejects {
		dead[r.Reason]++
	}
	said := fmt.Sprintf("counts %d finished, %d cancelled, %d open", c.Finished, c.Cancelled, c.Open())
	for _, reason := range slices.Sorted(maps.Keys(dead)) {
		said += fmt.Sprintf("; dead letters: %d (%s)", dead[reason], reason)
	}
	i.line("exporter", "%s", said)
	if d.made.MoreRejects {
		i.line("exporter", "and more dead letters than one reading holds")
	}
	if n := dead[call.NoCallID]; n > 0 {
		i.note("finished rows without a usable CallID: %d; once their task has ended they are dead letters", n)
	}
	i.strange(d)
}

// strange proposes a meaning for rows' words that nobody knows.
func (i *inspection) strange(d *detail) {
	c := d.made.Counts
	if c.Unknown == 0 {
		return
	}
	i.note("rows of a status that is not known: %d, of which %d have a CallID and an end, as calls have. "+
		"They count as open: nothing of them is published", c.Unknown, c.UnknownEnded)
	entries := slices.Clone(i.Account.RowStatuses)
	var counts map[string]int
	if w := d.words["Status"]; w != nil {
		counts = w.counts
	}
	for _, word := range slices.Sorted(maps.Keys(counts)) {
		if word != "" && i.client.Means(word) == call.MeansNothing {
			entries = append(entries, strings.ToLower(word)+":?")
		}
	}
	if len(entries) > len(i.Account.RowStatuses) {
		i.wonder("RowStatuses", strings.Join(entries, ","), fmt.Sprintf(
			"put finished, cancelled or open for each ?; %d of these %d rows have a CallID and an end, as finished calls do", c.UnknownEnded, c.Unknown))
	}
}

// known holds the fields against the documented ones.
func (i *inspection) known(d *detail) {
	task, row, redial, workflow := airudder.Documented()
	i.against("task", &d.task, append(task, "detail"), workflow...)
	if d.shape.Seen > 0 {
		i.against("row", &d.shape, row, workflow...)
	}
	if r := d.shape.Members["RedailCall"]; r != nil && r.Items != nil {
		i.against("redial", r.Items, redial)
	}
	var odd []string
	for name, n := range i.mismatches() {
		odd = append(odd, fmt.Sprintf("%s in %.0f", name, n))
	}
	slices.Sort(odd)
	if len(odd) > 0 {
		i.line("other types", "%s: not as documented; taken where that loses nothing, else kept raw", strings.Join(odd, ", "))
	}
}

// mismatches are how often the exporter found a field to be of another type than
// documented.
func (i *inspection) mismatches() map[string]float64 {
	all := map[string]float64{}
	families, _ := i.metrics.Gather()
	for _, family := range families {
		if family.GetName() != "airudder_field_mismatch_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			if n := m.GetCounter().GetValue(); n > 0 && len(m.GetLabel()) == 1 {
				all[m.GetLabel()[0].GetValue()] = n
			}
		}
	}
	return all
}

// against holds an object's fields against the documented ones, and those it may have.
func (i *inspection) against(what string, s *Shape, documented []string, may ...string) {
	var missing, some, unknown []string
	for _, name := range documented {
		switch m := s.Members[name]; {
		case m == nil:
			if name != "detail" {
				missing = append(missing, name)
			}
		case m.Seen < s.Types["object"]:
			some = append(some, fmt.Sprintf("%s (in %d)", name, m.Seen))
		}
	}
	for _, name := range s.order {
		if !slices.Contains(documented, name) && !slices.Contains(may, name) {
			unknown = append(unknown, fmt.Sprintf("%s %s", name, s.Members[name]))
		}
	}
	if s.Unnamed > 0 {
		unknown = append(unknown, fmt.Sprintf("%d under names that are not shown", s.Unnamed))
	}
	for _, list := range []struct {
		says  string
		names []string
	}{{"not here", missing}, {"not in all", some}, {"not documented", unknown}} {
		if len(list.names) > 0 {
			i.line(what+" fields", "%s: %s", list.says, strings.Join(list.names, ", "))
		}
	}
	if len(missing)+len(some)+len(unknown) == 0 {
		i.line(what+" fields", "as documented")
	}
}

func (i *inspection) vocabularies(d *detail) {
	names := slices.Concat(kindsOfRow[1:])
	for _, name := range kindsOfRedial {
		names = append(names, "RedailCall."+name)
	}
	for _, name := range kindsOfTask {
		names = append([]string{"data." + name}, names...)
	}
	for _, name := range names {
		switch w := d.words[name]; {
		case w == nil:
		case strings.HasPrefix(name, "data."):
			i.line("words", "%s: %s", strings.TrimPrefix(name, "data."), strings.TrimSuffix(w.all(), " 1"))
		default:
			i.line("words", "%s: %s", name, w)
		}
	}
}

// calls prints what the CallIDs are like.
func (i *inspection) calls(d *detail) {
	if d.shape.Seen == 0 {
		return
	}
	i.line("CallIDs", "%d different ones", len(d.calls))
	if d.holders > 0 {
		i.line("CallIDs", "%d rows hold a placeholder, of 0, - and blanks alone: it counts as none", d.holders)
	}
	if d.repeated > 0 {
		i.line("CallIDs", "%d rows repeat the CallID of a row of the same id", d.repeated)
	}
	if d.shared > 0 {
		i.note("rows that show the CallID of another row, of another id: %d. Only one of them is an event: ask AIRudder why", d.shared)
	}
}

// totals holds what counts against the rows.
func (i *inspection) totals(d *detail) {
	i.counting(d.beside)
	for _, m := range d.beside {
		var n int64
		if _, err := fmt.Sscan(m.value, &n); err != nil || !d.array {
			continue
		}
		believed := i.client.IsTotal(m.name)
		switch rows := int64(d.walk.rows); {
		case believed && n > rows && n == d.callTimes:
			i.propose("TotalFields", strings.Join(without(i.Account.TotalFields, m.name), ","),
				fmt.Sprintf("%s counts attempts (the sum of CallTimes), not rows", m.path))
		case believed && n > rows:
			i.note("%s says %d rows, but %d are shown. The others are not exported, and the task is not sealed: "+
				"ask AIRudder how to get all of it, and set %s",
				m.path, n, rows, i.setting("DetailRequest"))
		case !believed && n > rows && n != d.callTimes:
			i.perhapsTotal(m, n, rows, "rows")
		}
	}
	if d.made.More != "" {
		i.note("%s says that there are more rows than the %d shown. The others are not exported, and the task is not sealed: "+
			"ask AIRudder how to get all of it, and set %s", d.made.More, d.walk.rows, i.setting("DetailRequest"))
	}
}

// perhapsTotal asks whether a member that is not believed counts all there is.
func (i *inspection) perhapsTotal(m member, n, shown int64, what string) {
	if name := airudder.Folded(m.name); !strings.Contains(name, "total") && !strings.HasPrefix(name, "record") && name != "count" {
		return
	}
	i.wonder("TotalFields", strings.Join(append(slices.Clone(i.Account.TotalFields), m.name), ","),
		fmt.Sprintf("%s is %d, and %d %s are shown: if it counts %s, this has the exporter notice what is missing", m.path, n, shown, what, what))
}

func without(all []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return airudder.Folded(s) == airudder.Folded(name) })
}

// free warns of fields that customers fill, where they hold what is personal.
func (i *inspection) free(d *detail) {
	for _, name := range free {
		l := d.likeness[name]
		if l == nil || l.phones+l.mails == 0 {
			continue
		}
		i.note("of %d values of %s, %d look like phone numbers (9 to 15 digits) and %d like e-mail addresses. Events carry them",
			l.all, name, l.phones, l.mails)
	}
}
