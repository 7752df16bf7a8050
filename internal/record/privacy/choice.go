package privacy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// unknownPrefix stands before a field that the schema does not know.
const unknownPrefix = AdditionalFields + "."

// Overrides are modes that stand above those of a preset.
type Overrides struct {
	modes map[string]Mode
	names []string // fields of additional_fields that are kept, sorted
}

// ParseOverrides reads entries of the form field:mode.
// additional_fields.Name:keep keeps one field that the schema does not know.
func ParseOverrides(entries []string) (Overrides, error) {
	o := Overrides{modes: map[string]Mode{}}
	for _, entry := range entries {
		if err := o.add(entry); err != nil {
			return Overrides{}, err
		}
	}
	slices.Sort(o.names)
	return o, nil
}

func (o *Overrides) add(entry string) error {
	entry = strings.TrimSpace(entry)
	if entry == "" {
		return nil
	}
	colon := strings.LastIndex(entry, ":") // an unknown field's name may hold one
	if colon < 0 {
		return fmt.Errorf("%q is not field:mode: give one such as %s:%s", entry, CalleeNumber, Pseudonym)
	}
	name, word := strings.TrimSpace(entry[:colon]), strings.TrimSpace(entry[colon+1:])
	if unknown, is := strings.CutPrefix(name, unknownPrefix); is {
		return o.addUnknown(unknown, word)
	}
	f, err := find(name)
	if err != nil {
		return err
	}
	mode, err := parseMode(word)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if _, twice := o.modes[name]; twice {
		return fmt.Errorf("%s stands there twice: give each field one mode", name)
	}
	o.modes[name] = mode
	return f.allow(mode)
}

func (o *Overrides) addUnknown(name, word string) error {
	switch {
	case name == "":
		return fmt.Errorf("%s names no field: give one such as %sCampaignCode:%s", unknownPrefix, unknownPrefix, Keep)
	case word != Keep.String():
		return fmt.Errorf("%s%s can only be kept: give %s%s:%s, or leave it out",
			unknownPrefix, name, unknownPrefix, name, Keep)
	case slices.Contains(o.names, name):
		return fmt.Errorf("%s%s stands there twice: give it once", unknownPrefix, name)
	}
	o.names = append(o.names, name)
	return nil
}

// Choice is what a deployment does with each field. The zero Choice keeps
// everything.
type Choice struct {
	preset Preset
	modes  []Mode   // as fields; nil: all are kept
	names  []string // fields of additional_fields that are kept where the others are not, sorted
	key    Key
}

// ErrNoKey says that a field's mode is a token, for which a key is needed.
var ErrNoKey = errors.New("a token needs a key")

// New returns the preset's modes with those above it. Where any field is not kept,
// additional_fields and raw are dropped unless the overrides name them: a field that
// AIRudder misspells once would stand there beside its token.
func New(preset Preset, above Overrides, key Key) (Choice, error) {
	c := Choice{preset: preset, modes: make([]Mode, len(fields)), key: key}
	hides := false
	for i, f := range fields {
		mode, named := above.modes[f.Name]
		if !named {
			mode = preset.mode(f)
		}
		c.modes[i] = mode
		hides = hides || mode != Keep
		if mode.Token() && !key.Set() {
			return Choice{}, fmt.Errorf("%s is %s: %w", f.Name, mode, ErrNoKey)
		}
	}
	if !hides {
		return Choice{preset: preset, key: key}, nil
	}
	for i, f := range fields {
		catchAll := f.Name == AdditionalFields || f.Name == RawRow
		if _, named := above.modes[f.Name]; catchAll && !named {
			c.modes[i] = Drop
		}
	}
	if c.Mode(AdditionalFields) != Keep {
		c.names = above.names
	}
	return c, nil
}

// Preset is the name that the choice began with.
func (c Choice) Preset() Preset {
	if c.preset == "" {
		return Open
	}
	return c.preset
}

// Open reports whether everything is kept.
func (c Choice) Open() bool { return c.modes == nil }

// Mode is what becomes of a field. One that is in no list is kept.
func (c Choice) Mode(field string) Mode {
	if c.modes == nil {
		return Keep
	}
	if i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == field }); i >= 0 {
		return c.modes[i]
	}
	return Keep
}

// Separate reports whether any field's value stands in CallPrivate.
func (c Choice) Separate() bool { return slices.ContainsFunc(c.modes, Mode.Separate) }

// KeptNames are the fields of additional_fields that are kept where the others are
// not. The caller must not change them.
func (c Choice) KeptNames() []string { return c.names }

// KeyName is the name of the key that tokens are made with; empty: there is none.
func (c Choice) KeyName() string { return c.key.name }

// Show returns how an event shows a field. With shown false the event has null
// there; a nil show gives the value as it is, and so it is for all but texts and
// numbers. Of additional_fields, only the names that are kept may be shown. Only one
// goroutine may use a show at a time.
func (c Choice) Show(field string) (show func(string) string, shown bool) {
	kind := Text
	if f, err := find(field); err == nil {
		kind = f.Kind
	}
	switch mode := c.Mode(field); {
	case mode.Token():
		return c.key.tokens(kind), true
	case mode == Mask && kind == Number:
		return MaskNumber, true
	case mode == Mask:
		return MaskText, true
	default:
		return nil, mode == Keep || field == AdditionalFields && len(c.names) > 0
	}
}

// CheckEventKey says whether the events' key may be a field.
func (c Choice) CheckEventKey(field string) error {
	if mode := c.Mode(field); mode != Keep && !mode.Token() {
		return fmt.Errorf("%s is %s, so it cannot be the key of the events: keep it, make it a %s, or give another key",
			field, mode, Pseudonym)
	}
	return nil
}
