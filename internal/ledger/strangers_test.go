package ledger

import (
	"errors"
	"strings"
	"testing"
)

func TestStrangers(t *testing.T) {
	type written struct{ key, value string } // an empty value: a tombstone
	const good = `{"at":"2026-01-02T03:04:05.000Z","as":"event","row":"0000000000000001"}`
	for _, tt := range []struct {
		name    string
		records []written
		foreign int
		want    string // of the refusal; empty: none
	}{
		{"none", []written{{"call/t/c", good}, {"call/t/d", ""}, {"meta", `{"format":2,"ledger_id":"i","partitions":1}`}}, 0, ""},
		{"keys that are none of ours", []written{{"", "x"}, {"\x00\xff", "x"}, {"hello", ""}, {"calls/t/c", good}}, 4, ""},
		{"values", []written{{"call/t/c", "x"}, {"row/t/1", "{}"}, {"task/t", "[]"}, {"meta", "{}"}, {"producer", "x"}}, 0,
			"partition 3 of ledger holds 5 entries that cannot be read (1 of kind call, 1 row, 1 task, 1 meta, 1 producer)"},
		{"keys of another form", []written{{"call/c", good}, {"call/d", good}}, 0, "2 entries that cannot be read (2 of kind call"},
		{"a good entry that is overwritten", []written{{"call/t/c", good}, {"call/t/c", "x"}}, 0, "1 of kind call"},
		{"written again", []written{{"call/t/c", "x"}, {"call/c", good}, {"call/t/c", good}, {"call/c", ""}}, 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := New()
			var s Strangers
			for _, w := range tt.records {
				value := []byte(w.value)
				if w.value == "" {
					value = nil
				}
				s.Note([]byte(w.key), value, l.Replay([]byte(w.key), value))
			}
			if s.Foreign() != tt.foreign {
				t.Errorf("got %d foreign records, want %d", s.Foreign(), tt.foreign)
			}
			err := s.Check(3, Topics{Ledger: "ledger"})
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.want != "" && (!errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want a refusal with %q", err, tt.want)
			}
		})
	}
}
