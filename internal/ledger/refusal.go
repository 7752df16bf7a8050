package ledger

import (
	"errors"
	"fmt"
)

// ErrRefused marks a ledger that no exporter may use: it could publish calls a
// second time. The text says what happened and what to do.
var ErrRefused = errors.New("ledger refused")

// Topics are the two topics that a refusal is about.
type Topics struct {
	Ledger, Event string // their names

	// SettingName is what the operator calls the settings LedgerTopic and
	// EventTopic; nil: that.
	SettingName func(field string) string
}

func (t Topics) setting(field string) string {
	if t.SettingName == nil {
		return field
	}
	return t.SettingName(field)
}

// restore is the cure where entries are gone and others are left, which a rebuild
// does not take for granted.
func (t Topics) restore() string {
	return "restore the topic from a mirror or a backup; or delete it and " + t.rebuild()
}

// remake is the cure where there is no entry.
func (t Topics) remake() string {
	return "restore the topic from a mirror or a backup; or " + t.rebuild()
}

func (t Topics) rebuild() string {
	return fmt.Sprintf("run `airudder-exporter ledger rebuild --execute`, which makes a new one from what was published; "+
		"or begin a new export under new names for both %s and %s",
		t.setting("LedgerTopic"), t.setting("EventTopic"))
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrRefused}, args...)...)
}
