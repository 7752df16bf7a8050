package record

import (
	"errors"

	"airudder-exporter/internal/record/privacy"
	"airudder-exporter/internal/setting"
)

// Privacy says what becomes of personal data, as the operator gives it.
type Privacy struct {
	Preset string   // empty: open
	Fields []string // field:mode, above the preset's
	Key    string   // name:base64; needed where a field is a token

	EventKey EventKey // empty: not known yet

	// SettingName is what the operator calls a setting. Where an error names one
	// it passes the field's name; nil: that name.
	SettingName func(field string) string
}

// setting is how errors name a setting.
func (p Privacy) setting(field string) string {
	return setting.Name(p.SettingName, field)
}

// Check says what is wrong with the settings.
func (p Privacy) Check() []*setting.Error {
	_, problems := p.read()
	return problems
}

// Choice is what the settings say.
func (p Privacy) Choice() (privacy.Choice, error) {
	choice, problems := p.read()
	var errs []error
	for _, problem := range problems {
		errs = append(errs, problem)
	}
	return choice, errors.Join(errs...)
}

func (p Privacy) read() (privacy.Choice, []*setting.Error) {
	var problems []*setting.Error
	add := func(name string, err error) {
		if err != nil {
			problems = append(problems, &setting.Error{Setting: name, Text: err.Error()})
		}
	}
	preset, err := privacy.ParsePreset(p.Preset)
	add(p.setting("Privacy"), err)
	above, err := privacy.ParseOverrides(p.Fields)
	add(p.setting("Fields"), err)
	var key privacy.Key
	if p.Key != "" {
		key, err = privacy.ParseKey(p.Key)
		add(p.setting("Key"), err)
	}
	if len(problems) > 0 {
		return privacy.Choice{}, problems
	}
	choice, err := privacy.New(preset, above, key)
	if add(p.setting("Key"), err); err != nil {
		return privacy.Choice{}, problems
	}
	if p.EventKey != "" {
		add(p.setting("EventKey"), choice.CheckEventKey(string(p.EventKey)))
	}
	return choice, problems
}
