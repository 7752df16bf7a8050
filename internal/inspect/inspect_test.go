package inspect

import (
	"testing"

	"airudder-exporter/internal/airuddersim"
)

// Each account's whole report is a file, to be read as a stranger would.
func TestReports(t *testing.T) {
	for _, tt := range []struct {
		name string
		sim  airuddersim.Config
	}{
		{"plain", airuddersim.Config{Tasks: 3, Rate: 5, WarmUp: 3 * 60e9}},
		{"pages_and_words", airuddersim.Config{Tasks: 25, Rate: 20, WarmUp: 60e9, ListPageSize: 20, Oddities: map[airuddersim.Oddity]string{
			airuddersim.ListTotal: "total", airuddersim.ListDepth: "2", airuddersim.RowWords: "finished:answered,cancelled:blacklisted",
		}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := lookAt(t, tt.sim, nil, nil)
			if l.err != nil {
				t.Error(l.err)
			}
			golden(t, tt.name+".txt", l.out)
		})
	}
}
