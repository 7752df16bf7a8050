package inspect

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"airudder-exporter/internal/airudder"
	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

// detail is what one answer shows of a task. It holds no value but plain words of a few
// fields, times, numbers that count, and CallIDs.
type detail struct {
	walk
	raw    airudder.Raw
	broke  error        // what ended the walk early
	made   call.Reading // what the exporter makes of it
	makes  error
	answer time.Time // by the answer's own clock

	task      Shape
	status    string            // the task's, if it is a plain word
	shape     Shape             // of the rows
	words     map[string]*words // by field, those of redials after "RedailCall."
	times     map[string]*times // likewise, and those of the task after "data."
	beside    []member
	callTimes int64 // the sum of the rows'

	calls    map[string]string // the row's id, by CallID
	repeated int               // rows with the CallID of an earlier row of the same id
	shared   int               // likewise, of another id
	holders  int               // rows with a placeholder for a CallID

	backwards int // rows that end before they start
	apart     redials
	likeness  map[string]*likeness // by field
}

// redials holds redials' times against their rows'.
type redials struct {
	seen    int
	zoned   int             // that name their zone
	offsets []time.Duration // of the others, read as UTC, to their rows
}

// likeness is how many values of a field look like what should not be there.
type likeness struct{ phones, mails, all int }

// free are the fields that customers fill as they like.
var free = []string{"Comments", "ExtraA", "ExtraB", "ExtraC"}

func (i *inspection) readDetail(ctx context.Context, taskID string, raw airudder.Raw) *detail {
	d := &detail{raw: raw, words: map[string]*words{}, times: map[string]*times{}, calls: map[string]string{}, likeness: map[string]*likeness{}}
	d.answer = dateOf(raw)
	d.walk.member, d.walk.row = d.takeMember, d.takeRow
	d.broke = d.walk.body(ctx, raw.Body)
	d.made, d.makes = i.client.ReadingOf(ctx, taskID, raw.Body)
	return d
}

// dateOf is when an answer was made, by its own clock, else by ours.
func dateOf(raw airudder.Raw) time.Time {
	if at, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", raw.Header.Get("Date")); err == nil {
		return at
	}
	return time.Now().UTC()
}

func (d *detail) takeMember(path string, raw []byte) {
	if raw == nil {
		raw = []byte(`""`) // too large to be held
	}
	v := jsonrows.Lend(raw)
	name, ofTask := strings.CutPrefix(path, "data.")
	switch {
	case ofTask:
		d.task.member(name).add(v)
		text, isText := v.Text()
		if isText && slices.Contains(kindsOfTask, name) {
			of(d.words, path).add(text)
		}
		if isText && name == "Status" && airudder.IsPlain(text) {
			d.status = text
		}
		if isText && strings.HasPrefix(name, "Schedule") {
			of(d.times, path).add(text)
		}
	case path == "code" || path == "status" || path == "data":
		return
	}
	switch {
	case v.IsObject() && aboutPages(name) && airudder.IsPlain(name):
		d.beside = append(d.beside, counting(v, path+".")...)
	case airudder.IsPlain(name) && ofCounts.MatchString(name) && !v.IsObject():
		d.beside = append(d.beside, member{path, name, shownCount(v)})
	}
}

func (d *detail) takeRow(row jsonrows.Value) {
	d.shape.add(row)
	var callID, id string
	var start, end time.Time
	var before jsonrows.Value
	for it := jsonrows.MembersOf(row); it.Next(); {
		v := it.Value
		s := d.shape.member(it.Key)
		text, isText := v.Text()
		switch it.Key {
		case "RedailCall":
			s.addItems(v)
			before = v
			continue
		case "AsrResult":
			s.addItems(v)
			continue
		}
		s.add(v)
		switch {
		case it.Key == "CallID":
			callID = literal(v)
		case it.Key == "id":
			id = v.String()
		case it.Key == "CallTimes":
			n, _ := strconv.ParseInt(v.String(), 10, 32)
			d.callTimes += n
		case it.Key == "CallStartTime" && (isText || jsonrows.IsNull(v.Bytes())):
			start = of(d.times, it.Key).add(text)
		case it.Key == "CallEndTime" && (isText || jsonrows.IsNull(v.Bytes())):
			end = of(d.times, it.Key).add(text)
		case slices.Contains(kindsOfRow, it.Key) && !jsonrows.IsNull(v.Bytes()):
			of(d.words, it.Key).add(literal(v))
		case slices.Contains(free, it.Key):
			of(d.likeness, it.Key).add(literal(v))
		}
	}
	if !start.IsZero() && end.Before(start) && !end.IsZero() {
		d.backwards++
	}
	d.call(callID, id)
	if len(before.Bytes()) > 0 && before.IsArray() {
		d.redials(before, start)
	}
}

// literal is a text, or a number as it is written; anything else says nothing.
func literal(v jsonrows.Value) string {
	text, _ := jsonrows.Literal(v.Bytes())
	return string(text)
}

// call takes a row's CallID.
func (d *detail) call(callID, id string) {
	if strings.Trim(callID, "0- \t\r\n") == "" {
		if callID != "" {
			d.holders++
		}
		return
	}
	switch before, seen := d.calls[callID]; {
	case !seen:
		d.calls[strings.Clone(callID)] = strings.Clone(id)
	case before == id:
		d.repeated++
	default:
		d.shared++
	}
}

func (d *detail) redials(all jsonrows.Value, start time.Time) {
	for it := jsonrows.ElementsOf(all); it.Next(); {
		if !it.Value.IsObject() {
			continue
		}
		for m := jsonrows.MembersOf(it.Value); m.Next(); {
			text, isText := m.Value.Text()
			switch {
			case !isText:
			case m.Key == "CallStartTime":
				form, _ := formOf(text)
				at := of(d.times, "RedailCall.CallStartTime").add(text)
				d.apart.add(form, at, start)
			case slices.Contains(kindsOfRedial, m.Key):
				of(d.words, "RedailCall."+m.Key).add(text)
			}
		}
	}
}

func (r *redials) add(form string, at, start time.Time) {
	if at.IsZero() || start.IsZero() {
		return
	}
	if r.seen++; form == inUTC || form == withOffset {
		r.zoned++
		return
	}
	r.offsets = append(r.offsets, at.Sub(start))
}

var (
	phone      = regexp.MustCompile(`^\+?[0-9]{9,15}$`)
	mail       = regexp.MustCompile(`[^@\s]+@[^@\s]+\.[^@\s]+`)
	separators = strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", ".", "")
)

func (l *likeness) add(text string) {
	if text == "" {
		return
	}
	l.all++
	switch {
	case mail.MatchString(text):
		l.mails++
	case phone.MatchString(separators.Replace(text)):
		l.phones++
	}
}
