package main

import (
	"airudder-exporter/internal/env"
	"airudder-exporter/internal/kafka/access"
)

// tell notes what a room says of its settings, which it names by their variables.
// What follows from a value that could not be read is not a second mistake.
func tell(r *env.Reader, problems []*access.SettingError) {
	for _, p := range problems {
		switch {
		case !r.OK(p.Needs):
		case p.Value != "":
			r.Bad(p.Setting, p.Text)
		default:
			r.Add(p.Setting, p.Text)
		}
	}
}
