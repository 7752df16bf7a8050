package privacy

import (
	"fmt"
	"slices"
	"strings"
)

// Mode is what becomes of a field's value.
type Mode uint8

// The modes. The zero Mode keeps.
const (
	Keep             Mode = iota // in the event, as it is
	Drop                         // nowhere: null
	Mask                         // in the event, all but its last four characters masked
	Pseudonym                    // a token in the event
	Private                      // null in the event, the value in CallPrivate
	PseudonymPrivate             // a token in the event, the value in CallPrivate
)

var modeNames = [...]string{"keep", "drop", "mask", "pseudonym", "private", "pseudonym+private"}

func (m Mode) String() string { return modeNames[m] }

// Token reports whether the event has a token in the value's place.
func (m Mode) Token() bool { return m == Pseudonym || m == PseudonymPrivate }

// Separate reports whether the value stands in CallPrivate.
func (m Mode) Separate() bool { return m == Private || m == PseudonymPrivate }

func parseMode(s string) (Mode, error) {
	if i := slices.Index(modeNames[:], s); i >= 0 {
		return Mode(i), nil
	}
	return 0, fmt.Errorf("%q is not a mode: give %s", s, oneOf(modeNames[:]))
}

// reveals is what a mode shows to whom. Each part is ordered: the more, the more is
// shown.
type reveals struct {
	value       int  // 2: to all who read events; 1: to those who read CallPrivate; 0: to nobody
	token, tail bool // to all who read events; of a value that they see, both follow
}

func (m Mode) reveals() reveals {
	switch m {
	case Keep:
		return reveals{2, true, true}
	case Mask:
		return reveals{0, false, true}
	case Pseudonym:
		return reveals{0, true, false}
	case Private:
		return reveals{1, false, false}
	case PseudonymPrivate:
		return reveals{1, true, false}
	}
	return reveals{}
}

// within reports whether a mode shows nobody anything that another does not show.
func (m Mode) within(other Mode) bool {
	a, b := m.reveals(), other.reveals()
	return a.value <= b.value && (!a.token || b.token) && (!a.tail || b.tail)
}

// oneOf lists names as a sentence does: a, b or c.
func oneOf(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
