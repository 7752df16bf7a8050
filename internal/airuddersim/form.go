package airuddersim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// form is how a detail response is written; the zero form is the documented one.
type form struct {
	shuffled, detailFirst, duplicates, sparse, nested bool

	code      int // of the envelope; 0: a good one
	codeFirst bool
	rows      rowsForm
}

// rowsForm is what detail holds.
type rowsForm int

const (
	allRows  rowsForm = iota
	noRows            // an empty array
	nullRows          // null
)

// formOf is the form that faults ask for.
func formOf(drawn []Fault) form {
	var f form
	for _, fault := range drawn {
		switch fault.Kind {
		case Shuffled:
			f.shuffled = true
		case DetailFirst:
			f.detailFirst = true
		case DuplicateKeys:
			f.duplicates = true
		case Sparse:
			f.sparse = true
		case Nested:
			f.nested = true
		case EmptyDetail:
			f.rows = noRows
		case NullDetail:
			f.rows = nullRows
		case BadCodeFirst, BadCodeLast:
			f.code, f.codeFirst = or(fault.Status, badCode), fault.Kind == BadCodeFirst
		}
	}
	return f
}

// plain reports whether rows are written in their usual form.
func (f form) plain() bool {
	return !f.shuffled && !f.duplicates && !f.sparse && !f.nested
}

// formed is a row in a form that is not the usual one.
func (s *Sim) formed(t *task, index int, f form) *shown {
	fields := s.rowFields(t, index)
	if f.sparse {
		fields = thin(fields, s.drawn, "id", "CallID", "Status")
	}
	if f.nested {
		fields = nest(fields, s.drawn)
	}
	if f.shuffled {
		s.drawn.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	}
	if f.duplicates { // after shuffling, or the last of a pair would not be the right one
		fields = double(fields, s.drawn)
	}
	out := &shown{raw: appendObject(nil, fields), call: t.shownCall(t.Rows[index])}
	out.says(fields)
	return out
}

// thin leaves out or nulls about a third of the members, but not those kept.
func thin(fields []field, r *rand.Rand, keep ...string) []field {
	var out []field
	for _, f := range fields {
		switch n := r.IntN(6); {
		case slices.Contains(keep, f.name) || n > 1:
			out = append(out, f)
		case n == 1:
			out = append(out, field{f.name, []byte("null")})
		}
	}
	return out
}

// double sends some members twice; what comes first is wrong.
func double(fields []field, r *rand.Rand) []field {
	wrong := map[string]string{
		"CallID": quoted(strings.Repeat("0", 32)), "Status": quoted(Calling),
		"Comments": quoted("C000"), "AsrResult": "null", "id": "1",
	}
	var out []field
	for _, f := range fields {
		if raw, ok := wrong[f.name]; ok && r.IntN(2) == 0 {
			out = append(out, field{f.name, []byte(raw)})
		}
		out = append(out, f)
	}
	return out
}

// nest puts members with documented names deeper inside unknown fields, before
// and after the real ones.
func nest(fields []field, r *rand.Rand) []field {
	const inner = `{"CallID":"%032x","Status":"%s","detail":[{"Status":"finished","CallID":""}],"note":"\"Status\":\"finished\"]}"}`
	front := field{"PreviousAttempt", fmt.Appendf(nil, inner, r.Uint64(), Pending)}
	back := field{"Trace", fmt.Appendf(nil, "["+inner+"]", r.Uint64(), Finished)}
	return append(append([]field{front}, fields...), back)
}

// quoted is quote as text.
func quoted(text string) string { return string(quote(text)) }

// envelope is all of a detail response before and after its rows.
func (s *Sim) envelope(fields []field, f form) (head, tail []byte) {
	before, after := fields, []field(nil)
	if f.sparse {
		before = thin(before, s.drawn, "TaskID", "Status")
	}
	switch {
	case f.detailFirst:
		before, after = nil, before
	case f.shuffled:
		s.drawn.Shuffle(len(before), func(i, j int) { before[i], before[j] = before[j], before[i] })
		at := s.drawn.IntN(len(before) + 1)
		before, after = before[:at], before[at:]
	}
	if f.duplicates {
		before, after = double(before, s.drawn), double(after, s.drawn)
	}
	code := strconv.Itoa(or(f.code, s.goodCode()))
	start, end := `{"data":{`, `},"status":"OK","code":`+code+`}`
	if f.codeFirst || f.shuffled && s.drawn.IntN(2) == 0 {
		start, end = `{"code":`+code+`,"status":"OK","data":{`, `}}`
	}
	head = appendMembers([]byte(start), before)
	if len(before) > 0 {
		head = append(head, ',')
	}
	if f.rows == nullRows {
		head = append(head, `"detail":null`...)
	} else {
		head, tail = append(head, `"detail":[`...), append(tail, ']')
	}
	if len(after) > 0 {
		tail = appendMembers(append(tail, ','), after)
	}
	return head, append(tail, end...)
}
