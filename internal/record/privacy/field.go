package privacy

import (
	"fmt"
	"slices"
)

// Kind is what a field's values are. A token is made of a value and its kind, so one
// number has one token in all number fields.
type Kind uint8

// The kinds.
const (
	Number Kind = iota // a phone number
	Text               // any other text
	Whole              // an array, a map or bytes: shown whole or not at all
	Raw                // the row of a dead letter: in no event, so never in CallPrivate
)

// modes are those that a field of the kind can have.
func (k Kind) modes() []Mode {
	switch k {
	case Whole:
		return []Mode{Keep, Drop, Private}
	case Raw:
		return []Mode{Keep, Drop}
	}
	return []Mode{Keep, Drop, Mask, Pseudonym, Private, PseudonymPrivate}
}

// Field is a field that a deployment may want to hide.
type Field struct {
	Name     string // in CallCompleted; CalleeNumber and CallerNumber are in its redials, too
	Kind     Kind
	Personal bool // the schemas say so, too: a test holds the list against them
	lender   Mode
	strict   Mode
}

// The fields that code has to name.
const (
	CallerNumber     = "caller_number"
	CalleeNumber     = "callee_number"
	AdditionalFields = "additional_fields"
	RawRow           = "raw" // of a DeadLetter
)

// fields are all of them, in the order of the schemas.
var fields = []Field{
	{CallerNumber, Number, false, Keep, Keep}, // the lender's own line
	{CalleeNumber, Number, true, PseudonymPrivate, Pseudonym},
	{"callee_name", Text, true, Private, Drop},
	{"callee_gender", Text, true, Drop, Drop},
	{"intention", Text, false, Keep, Keep},
	{"intention_description", Text, false, Keep, Keep},
	{"multi_intention", Text, true, Private, Drop},
	{"comments", Text, true, Keep, Keep}, // by which events are joined with loans
	{"extra_a", Text, true, Private, Drop},
	{"extra_b", Text, true, Private, Drop},
	{"extra_c", Text, true, Private, Drop},
	{"asr_result", Whole, true, Private, Drop},
	{"event_label", Whole, false, Keep, Keep},
	{"ner_slots", Whole, true, Private, Drop},
	{"call_notes", Text, true, Private, Drop},
	{"case_id", Text, false, Keep, Keep},
	{AdditionalFields, Whole, true, Drop, Drop},
	{RawRow, Raw, true, Drop, Drop},
}

// Fields are all fields that a deployment may want to hide, in the order of the
// schemas.
func Fields() []Field { return slices.Clone(fields) }

// CanHide reports whether a field is among them.
func CanHide(field string) bool {
	return slices.ContainsFunc(fields, func(f Field) bool { return f.Name == field })
}

func find(name string) (Field, error) {
	var names []string
	for _, f := range fields {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Field{}, fmt.Errorf("%q is not a field that can be hidden: give %s, or %sNAME for one field that the schema does not know",
		name, oneOf(names), unknownPrefix)
}

// allow says whether a field can have a mode.
func (f Field) allow(m Mode) error {
	can := f.Kind.modes()
	if slices.Contains(can, m) {
		return nil
	}
	var names []string
	for _, m := range can {
		names = append(names, m.String())
	}
	return fmt.Errorf("%s cannot be %s: give %s", f.Name, m, oneOf(names))
}

// Preset is a mode for each field.
type Preset string

// The presets.
const (
	Open   Preset = "open"   // everything is kept
	Lender Preset = "lender" // who talked and what was said is apart, in CallPrivate
	Strict Preset = "strict" // is nowhere
)

// ParsePreset reads a preset's name; empty is Open.
func ParsePreset(s string) (Preset, error) {
	switch p := Preset(s); p {
	case "":
		return Open, nil
	case Open, Lender, Strict:
		return p, nil
	}
	return "", fmt.Errorf("%q is not a preset: give %s, %s or %s", s, Open, Lender, Strict)
}

func (p Preset) mode(f Field) Mode {
	switch p {
	case Lender:
		return f.lender
	case Strict:
		return f.strict
	}
	return Keep
}
