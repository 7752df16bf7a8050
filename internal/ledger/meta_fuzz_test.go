package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// FuzzMeta gives a ledger's partitions any values of the meta entry: those that
// are accepted go on only where all pinned partitions agree and none has lost
// its beginning, and whatever is refused says so in one sentence.
func FuzzMeta(f *testing.F) {
	good := Entry{Kind: KindMeta, Meta: meta}.AppendValue(nil)
	f.Add(good, good, int64(0), uint8(2), true)
	f.Add(good, []byte(nil), int64(0), uint8(2), false)
	f.Add(good, good, int64(7), uint8(1), true)
	f.Add([]byte(`{"format":2,"ledger_id":"x","partitions":-1}`), good, int64(0), uint8(3), true)
	f.Add([]byte(`{"format":2,"ledger_id":"x\n","partitions":9223372036854775807,"event_topic":"airudder.call-completed"}`), good, int64(0), uint8(3), true)
	f.Add([]byte(`{"format":3,"ledger_id":"x"}`), good, int64(0), uint8(2), true)
	f.Add([]byte(`{"FORMAT":2,"LEDGER_ID":"x","partitions":1,"partitions":2,"export_since":"0001-01-01T00:00:00Z"}`), []byte(`null`), int64(-1), uint8(2), false)
	f.Fuzz(func(t *testing.T, first, other []byte, logStart int64, count uint8, published bool) {
		parts := make([]Seen, count)
		for i := range parts {
			value := other
			if i%2 == 0 {
				value = first
			}
			e, err := ParseEntry([]byte(KindMeta), value)
			parts[i] = Seen{Meta: e.Meta, HasMeta: err == nil && !e.Tombstone}
			checkMetaRead(t, value, e, err)
		}
		if count > 0 {
			parts[count-1].LogStart = max(logStart, 0)
		}
		m, found, err := CheckMeta(parts, Topics{Ledger: ledgerTopic, Event: eventTopic}, published)
		switch {
		case err != nil:
			if !errors.Is(err, ErrRefused) || m != (Meta{}) && !found {
				t.Fatalf("got %+v, %v and %v, want a refusal", m, found, err)
			}
			if strings.ContainsAny(err.Error(), "\n\r\x00") {
				t.Fatalf("the refusal is more than a sentence: %q", err)
			}
		case !found:
			if published {
				t.Fatal("events without a ledger were accepted")
			}
		default:
			checkAgreed(t, m, parts)
		}
	})
}

// checkMetaRead holds what was read against encoding/json.
func checkMetaRead(t *testing.T, value []byte, e Entry, err error) {
	t.Helper()
	if err != nil || e.Tombstone {
		return
	}
	if e.Meta.Format != Format {
		return
	}
	var want Meta
	if json.Unmarshal(value, &want) != nil || e.Meta.Partitions < 1 || e.Meta.LedgerID == "" {
		t.Fatalf("%q is read as %+v", value, e.Meta)
	}
	again, err := ParseEntry([]byte(KindMeta), e.AppendValue(nil))
	if err != nil || !bytes.Equal(again.AppendValue(nil), e.AppendValue(nil)) {
		t.Fatalf("%q is written %q, which is read as %+v, %v", value, e.AppendValue(nil), again.Meta, err)
	}
}

func checkAgreed(t *testing.T, m Meta, parts []Seen) {
	t.Helper()
	if m.Partitions > len(parts) || m.EventTopic != eventTopic {
		t.Fatalf("accepted %+v for %d partitions of %s", m, len(parts), eventTopic)
	}
	for i, p := range parts[:m.Partitions] {
		if !p.HasMeta || p.Meta.Format != Format || p.LogStart > 0 || p.Meta.LedgerID != m.LedgerID || p.Meta.Partitions != m.Partitions {
			t.Fatalf("accepted %+v beside partition %d: %+v", m, i, p)
		}
	}
}
