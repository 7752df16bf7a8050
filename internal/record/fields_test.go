package record

import (
	"maps"
	"slices"
	"testing"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/record/privacy"
)

// Every documented field of a row counts, and nothing else.
func TestFieldsCount(t *testing.T) {
	everyField(t, func(row call.Row) any { return string(appendFields(nil, &row)) },
		"CallID", "Means", "Additional", "Raw", "Hash") // a row with another CallID is another call
	everyField(t, func(turn call.Turn) any {
		return string(appendFields(nil, &call.Row{AsrResult: []call.Turn{turn}}))
	})
	everyField(t, func(of call.Redial) any {
		return string(appendFields(nil, &call.Row{Redials: []call.Redial{of}}))
	})
}

// Values do not run into each other, and what is empty is not what is not set.
func TestFieldsDiffer(t *testing.T) {
	seen := map[string]int{}
	for i, row := range []call.Row{
		{},
		{ExtraA: call.Some("")},
		{ExtraA: call.Some("ab")},
		{ExtraA: call.Some("a"), ExtraB: call.Some("b")},
		{ExtraB: call.Some("ab")},
		{AsrResult: []call.Turn{}},
		{AsrResult: []call.Turn{{}}},
		{Redials: []call.Redial{}},
		{NerSlots: map[string]string{}},
		{NerSlots: map[string]string{"a": ""}},
		{NerSlots: map[string]string{"": "a"}},
		{EventLabel: map[string]string{"a": ""}},
		{CallTimes: call.Some[int64](0)},
		{RingTime: call.Some[int64](0)},
	} {
		text := string(appendFields(nil, &row))
		if before, again := seen[text]; again {
			t.Errorf("rows %d and %d say the same", before, i)
		}
		seen[text] = i
	}
}

// The hash is the same in every process, as entries outlive them, and with a key it is
// another one.
func TestRevisionHashes(t *testing.T) {
	row := sampleRow()
	row.NerSlots = map[string]string{}
	for i := range 20 {
		row.NerSlots[string(rune('a'+i))] = "x"
	}
	same := row
	same.NerSlots = maps.Clone(row.NerSlots)
	forms := []string{}
	for _, c := range []privacy.Choice{{}, chosen(t, "open"), chosen(t, "lender"), chosen(t, "strict")} {
		r := Revisions(c)
		if got, want := r.Hash(&row), r.Hash(&same); got != want || got == 0 {
			t.Errorf("%s: %x and %x of one row", c, got, want)
		}
		forms = append(forms, r.Form)
	}
	if want := []string{"1", "1.k1", "1.k1", "1.k1"}; !slices.Equal(forms, want) {
		t.Errorf("forms %q, want %q", forms, want)
	}
	const plain, keyed = 0xc31d57c43bb79528, 0x8623099efa1e8b8b
	if got := Revisions(privacy.Choice{}).Hash(&row); got != plain {
		t.Errorf("without a key %#x, want %#x: ledgers hold it", got, uint64(plain))
	}
	if got := Revisions(chosen(t, "lender")).Hash(&row); got != keyed {
		t.Errorf("with a key %#x, want %#x: ledgers hold it", got, uint64(keyed))
	}
}

func BenchmarkFields(b *testing.B) {
	row := sampleRow()
	for name, c := range map[string]privacy.Choice{"plain": {}, "keyed": chosen(b, "lender")} {
		hash := Revisions(c).Hash
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				hash(&row)
			}
		})
	}
}
