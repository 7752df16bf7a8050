package ledger

import (
	"cmp"
	"fmt"
	"strings"
)

// Pins are what a ledger keeps fixed besides which one it is. With another of them
// under the same ledger, consumers would take what is published from then on for
// something else, or tasks would look as if they were gone.
type Pins struct {
	EventKey   string `json:"event_key"`
	Account    string `json:"account,omitempty"`
	Source     string `json:"source"`      // what every ce_source begins with
	DetailPath string `json:"detail_path"` // of the request for a task's detail
	Privacy    string `json:"privacy"`
}

// Difference is one pin of which the ledger and the configuration say different
// things.
type Difference struct {
	Field    string // the setting that decides it, by its field's name
	Old, New string // the ledger's and the configuration's
}

// Change is the two in words, old → new.
func (d Difference) Change() string { return shown(d.Old) + " → " + shown(d.New) }

func (d Difference) String() string { return d.Field + ": " + d.Change() }

func shown(value string) string { return cmp.Or(value, "(none)") }

// Wanted is what a configuration asks of a ledger's pins. An empty EventKey is
// whatever the ledger says.
type Wanted struct {
	Pins

	// Stricter reports whether a privacy shows nothing that another one hides, and
	// less than that one. nil: none does.
	Stricter func(old, new string) bool
}

// Over are a ledger's pins once the configuration's are taken over.
func (w Wanted) Over(p Pins) Pins {
	w.EventKey = cmp.Or(w.EventKey, p.EventKey)
	return w.Pins
}

// Tighten are a ledger's pins once a stricter privacy is taken over, for which
// nobody needs to be asked.
func (w Wanted) Tighten(p Pins) Pins {
	if p.Privacy != w.Privacy && w.Stricter != nil && w.Stricter(p.Privacy, w.Privacy) {
		p.Privacy = w.Privacy
	}
	return p
}

// Differences lists what only an operator's word changes in a ledger's pins.
func (w Wanted) Differences(p Pins) (all []Difference) {
	p, want := w.Tighten(p), w.Over(p)
	for _, d := range []Difference{
		{"EventKey", p.EventKey, want.EventKey},
		{"Account", p.Account, want.Account},
		{"BaseURL", p.Source, want.Source},
		{"DetailRequest", p.DetailPath, want.DetailPath},
		{"Privacy", p.Privacy, want.Privacy},
	} {
		if d.Old != d.New {
			all = append(all, d)
		}
	}
	return all
}

// Check refuses a ledger that was made for another configuration.
func (w Wanted) Check(p Pins, topics Topics) error {
	differ := w.Differences(p)
	if len(differ) == 0 {
		return nil
	}
	var lines []string
	for _, d := range differ {
		lines = append(lines, fmt.Sprintf("%s is %s, but the ledger was made with %s",
			topics.setting(d.Field), shown(d.New), shown(d.Old)))
	}
	return refuse("%s belongs to another configuration: %s. What is published would be taken for something else. "+
		"Set it back; or, to go on with what is configured now, run `airudder-exporter ledger adopt`, which shows "+
		"what changes and does it with --execute; or use another %s",
		topics.Ledger, strings.Join(lines, "; "), topics.setting("LedgerTopic"))
}
