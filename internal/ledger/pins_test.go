package ledger

import (
	"slices"
	"testing"
)

func TestPins(t *testing.T) {
	made := Pins{EventKey: "call", Account: "id", Source: "https://api", DetailPath: "/detail", Privacy: "lender"}
	edited := func(edit func(*Wanted)) Wanted {
		w := Wanted{Pins: made, Stricter: func(old, new string) bool { return old == "lender" && new == "strict" }}
		edit(&w)
		return w
	}
	for _, tt := range []struct {
		name      string
		wanted    Wanted
		tightened string   // the privacy that is taken over
		differ    []string // what an operator has to say
		over      Pins
	}{
		{"the same", edited(func(*Wanted) {}), "lender", nil, made},
		{"the key left open", edited(func(w *Wanted) { w.EventKey = "" }), "lender", nil, made},
		{"stricter", edited(func(w *Wanted) { w.Privacy = "strict" }), "strict", nil,
			Pins{"call", "id", "https://api", "/detail", "strict"}},
		{"less strict", edited(func(w *Wanted) { w.Privacy = "" }), "lender", []string{"Privacy: lender → (none)"},
			Pins{"call", "id", "https://api", "/detail", ""}},
		{"nobody says what is stricter", Wanted{Pins: Pins{"call", "id", "https://api", "/detail", "strict"}}, "lender",
			[]string{"Privacy: lender → strict"}, Pins{"call", "id", "https://api", "/detail", "strict"}},
		{"all others", edited(func(w *Wanted) { w.Pins = Pins{"row", "", "https://b", "/other", "strict"} }), "strict",
			[]string{"EventKey: call → row", "Account: id → (none)", "BaseURL: https://api → https://b", "DetailRequest: /detail → /other"},
			Pins{"row", "", "https://b", "/other", "strict"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var differ []string
			for _, d := range tt.wanted.Differences(made) {
				differ = append(differ, d.String())
			}
			if !slices.Equal(differ, tt.differ) {
				t.Errorf("differences %q, want %q", differ, tt.differ)
			}
			if got := tt.wanted.Tighten(made).Privacy; got != tt.tightened {
				t.Errorf("takes over the privacy %s, want %s", got, tt.tightened)
			}
			if got := tt.wanted.Over(made); got != tt.over {
				t.Errorf("adopted: %+v, want %+v", got, tt.over)
			}
			if err := tt.wanted.Check(made, Topics{Ledger: "l"}); (err != nil) != (tt.differ != nil) {
				t.Errorf("got %v", err)
			}
		})
	}
}
