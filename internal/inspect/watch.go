package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"time"

	"airudder-exporter/internal/airudder"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

// watch reads a task again and again, and says what changes where it should not.
func (i *inspection) watch(ctx context.Context, taskID string) {
	i.section(fmt.Sprintf("Watch of task %s for %s: a line for what is not plain progress", taskID, i.Watch))
	w := &watched{seed: maphash.MakeSeed(), means: i.client.Means, began: time.Now(), places: map[string]int{}, late: map[string]*lateness{}}
	asked := airudder.Question{Template: cmp.Or(i.Account.DetailRequest, airudder.DefaultDetail), TaskID: taskID}
	var told time.Time
	for time.Since(w.began) < i.Watch {
		if time.Since(told) >= time.Minute {
			told = time.Now()
			i.waiting("reading %d of the task; so far %d rows, %d of them finished", w.readings+w.failed+1, w.last.shown, w.last.finished)
		}
		raw, err := i.raw(ctx, asked)
		if ctx.Err() != nil {
			break
		}
		for _, said := range w.take(ctx, raw, err) {
			i.line("+"+time.Since(w.began).Round(time.Second).String(), "%s", said)
		}
	}
	i.section(fmt.Sprintf("What %d readings in %s showed", w.readings, time.Since(w.began).Round(time.Second)))
	w.sum(&i.paper)
}

// watched is what the readings of a task have shown.
type watched struct {
	seed   maphash.Seed
	means  func(status string) call.Meaning
	began  time.Time
	names  []string       // of rows' members, those that are not shown being one
	places map[string]int // of the names

	readings, failed int
	last             snapshot
	late             map[string]*lateness // by field
	fresh            int                  // rows that finished while we looked
	early            int                  // rows that were finished at the first look
	earlyChanged     int                  // of early, how often one changed
	changed          int                  // rows of fresh that changed afterwards, each as often as it did
	replaced         int                  // finished attempts that gave way to another
	left             int                  // rows that left finished
	gone             int                  // rows that were no longer shown
	renamed          int                  // calls that came under another id
	moved            int                  // readings in which rows changed places
	back             int                  // readings in which there were fewer rows, or fewer finished ones
}

// lateness is how a field changed after its row was seen finished.
type lateness struct {
	rows    int
	longest time.Duration // since the row was first seen finished
}

// snapshot is one reading.
type snapshot struct {
	rows     map[string]*watchedRow // by id, those that earlier readings alone showed among them
	status   string                 // the task's, if it is a plain word
	shown    int
	finished int // of shown
}

// watchedRow is a row without its values.
type watchedRow struct {
	at       int
	call     uint64    // hash of the CallID; 0: there is none
	finished time.Time // when it was first seen so; zero: it is not
	early    bool      // it was so at the first look
	gone     bool      // it is not shown
	fields   []uint64  // hashes by the place of their name; 0: there is none
}

func (w *watched) take(ctx context.Context, raw airudder.Raw, err error) (said []string) {
	now := snapshot{rows: map[string]*watchedRow{}}
	walk := walk{
		member: func(path string, raw []byte) {
			if text, ok := jsonrows.Text(raw); ok && path == "data.Status" && airudder.IsPlain(string(text)) {
				now.status = string(text)
			}
		},
		row: func(row jsonrows.Value) { w.add(&now, row) },
	}
	if err == nil && raw.Cut {
		err = errors.New("the answer is too long to be compared")
	}
	if err == nil {
		err = walk.body(ctx, raw.Body)
	}
	if err != nil {
		w.failed++
		return []string{"no reading: " + err.Error()}
	}
	if w.readings++; w.readings > 1 {
		said = w.compare(&now)
	}
	for _, row := range now.rows {
		row.early = row.early || w.readings == 1 && !row.finished.IsZero()
	}
	if w.readings == 1 {
		w.early = now.finished
	}
	w.last = now
	return said
}

// add takes a row of the reading at hand.
func (w *watched) add(to *snapshot, row jsonrows.Value) {
	r := &watchedRow{at: to.shown, fields: make([]uint64, len(w.names))}
	key := ""
	for it := jsonrows.MembersOf(row); it.Next(); {
		hash := maphash.Bytes(w.seed, it.Value.Bytes())
		w.set(r, shownName(it.Key), hash)
		switch text := literal(it.Value); it.Key {
		case "id":
			key = strings.Clone(it.Value.String())
		case "CallID":
			if text != "" {
				r.call = hash
			}
		case "Status":
			if w.means(text) == call.MeansFinished {
				r.finished = time.Now()
				to.finished++
			}
		}
	}
	if _, twice := to.rows[key]; key == "" || twice {
		key = fmt.Sprintf("%s#%d", key, r.at)
	}
	to.rows[key] = r
	to.shown++
}

// set notes a member's hash; those without a name that is shown have a common one.
func (w *watched) set(r *watchedRow, name string, hash uint64) {
	at, seen := w.places[name]
	if !seen {
		at = len(w.names)
		name = strings.Clone(name)
		w.names, w.places[name] = append(w.names, name), at
	}
	if at >= len(r.fields) {
		r.fields = append(r.fields, make([]uint64, at+1-len(r.fields))...)
	}
	r.fields[at] ^= hash | 1 // of duplicates, all
}

// compare holds a reading against the one before.
func (w *watched) compare(now *snapshot) (said []string) {
	say := func(n int, total *int, format string) {
		if n > 0 {
			*total += n
			said = append(said, fmt.Sprintf(format, n))
		}
	}
	var gone, left, replaced int
	changes := map[string]int{}
	renamed, moved := w.otherIDs(now), w.otherPlaces(now)
	for key, old := range w.last.rows {
		row, there := now.rows[key]
		switch {
		case !there && !old.gone:
			gone++
			old.gone = true
			fallthrough
		case !there:
			now.rows[key] = old
		case old.finished.IsZero():
			if !row.finished.IsZero() {
				w.fresh++
			}
		case row.call != old.call:
			replaced++
		case row.finished.IsZero():
			left++
		default:
			row.finished, row.early = old.finished, old.early
			w.afterFinished(old, row, changes)
		}
	}
	if s := w.last.status; s != now.status {
		said = append(said, fmt.Sprintf("the task's Status: %s, then %s", cmp.Or(s, "none"), cmp.Or(now.status, "none")))
	}
	if len(changes) > 0 {
		said = append(said, "changed in rows that were finished: "+counted(changes))
	}
	say(replaced, &w.replaced, "finished attempts that another attempt replaced: %d")
	say(left, &w.left, "rows that left finished: %d")
	say(gone, &w.gone, "rows that are no longer shown: %d")
	say(renamed, &w.renamed, "calls that are shown under another id: %d")
	if moved > 0 {
		w.moved++
		said = append(said, fmt.Sprintf("rows that changed places: %d", moved))
	}
	if now.shown < w.last.shown || now.finished+replaced < w.last.finished {
		w.back++
		said = append(said, fmt.Sprintf("counts went back: rows %d, then %d; finished %d, then %d. An answer from a cache?",
			w.last.shown, now.shown, w.last.finished, now.finished))
	}
	return said
}

// afterFinished notes which fields of a finished row changed.
func (w *watched) afterFinished(old, row *watchedRow, changes map[string]int) {
	any := false
	for at, name := range w.names {
		if old.field(at) == row.field(at) {
			continue
		}
		any = true
		changes[name]++
		if !old.early {
			l := of(w.late, name)
			l.rows++
			l.longest = max(l.longest, time.Since(old.finished))
		}
	}
	switch {
	case any && old.early:
		w.earlyChanged++
	case any:
		w.changed++
	}
}

func (r *watchedRow) field(at int) uint64 {
	if at >= len(r.fields) {
		return 0
	}
	return r.fields[at]
}

func counted(all map[string]int) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		words = append(words, fmt.Sprintf("%s in %d", name, all[name]))
	}
	return strings.Join(words, ", ")
}

// otherIDs counts the calls that have another row's id now.
func (w *watched) otherIDs(now *snapshot) (n int) {
	before := map[uint64]string{}
	for key, row := range w.last.rows {
		before[row.call] = key
	}
	for key, row := range now.rows {
		own := w.last.rows[key]
		if was, seen := before[row.call]; row.call != 0 && seen && was != key && now.rows[was] == nil && (own == nil || own.call != row.call) {
			n++
		}
	}
	return n
}

// otherPlaces counts the rows that come after one that they came before.
func (w *watched) otherPlaces(now *snapshot) (n int) {
	type place struct{ was, is int }
	var places []place
	for key, row := range now.rows {
		if old := w.last.rows[key]; old != nil && !old.gone {
			places = append(places, place{old.at, row.at})
		}
	}
	slices.SortFunc(places, func(a, b place) int { return a.is - b.is })
	furthest := -1
	for _, p := range places {
		if p.was < furthest {
			n++
		}
		furthest = max(furthest, p.was)
	}
	return n
}

// sum prints what there was in all.
func (w *watched) sum(p *paper) {
	if w.failed > 0 {
		p.line("failed", "readings: %d", w.failed)
	}
	if w.readings == 0 {
		return
	}
	p.line("rows", "%d; finished at the first reading: %d, later: %d", w.last.shown, w.early, w.fresh)
	switch {
	case w.changed == 0 && w.earlyChanged == 0:
		p.line("changes", "none in finished rows")
	default:
		for _, name := range slices.Sorted(maps.Keys(w.late)) {
			l := w.late[name]
			p.line("changes", "%s, rows: %d, up to %s after they were first seen finished", name, l.rows, spoken(l.longest))
		}
		if w.earlyChanged > 0 {
			p.line("changes", "in rows that were finished at the first reading, %d times: how late is not known", w.earlyChanged)
		}
		p.note("an event holds what its row showed when it was first seen finished: such changes are counted, not published")
	}
	for _, one := range []struct {
		n           int
		label, says string
	}{
		{w.replaced, "redials", "finished attempts that gave way to another attempt: %d; each that the exporter sees is an event"},
		{w.left, "statuses", "rows that left finished: %d"},
		{w.gone, "gone", "times that a row was no longer shown: %d"},
		{w.back, "counts", "readings with fewer rows, or fewer finished ones, than the one before: %d; a cache may answer"},
	} {
		if one.n > 0 {
			p.line(one.label, one.says, one.n)
		}
	}
	p.line("id", "%s", either(w.renamed, "stable", "calls that came under another one: %d"))
	p.line("order", "%s", either(w.moved, "rows keep it", "readings in which rows had changed places: %d"))
}

func either(n int, none, some string) string {
	if n == 0 {
		return none
	}
	return fmt.Sprintf(some, n)
}
