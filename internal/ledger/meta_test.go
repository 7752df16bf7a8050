package ledger

import (
	"errors"
	"strings"
	"testing"
	"time"
)

const (
	ledgerTopic = "airudder.call-ledger"
	eventTopic  = "airudder.call-completed"
)

// parts are n partitions that hold the meta entry m.
func parts(n int, m Meta) []Seen {
	seen := make([]Seen, n)
	for i := range seen {
		seen[i] = Seen{Meta: m, HasMeta: true}
	}
	return seen
}

func TestCheckMeta(t *testing.T) {
	three := meta
	three.Partitions = 3
	other := three
	other.LedgerID = "another"
	four := three
	four.Partitions = 4
	const cure = "restore the topic from a mirror or a backup; or delete it and run `airudder-exporter ledger rebuild --execute`, which makes a new one from what was published; or begin a new export under new names for both LedgerTopic and EventTopic"
	const remake = "restore the topic from a mirror or a backup; or run `airudder-exporter ledger rebuild --execute`, which makes a new one from what was published; or begin a new export under new names for both LedgerTopic and EventTopic"

	const create = "; or, where this is the first start for another account beside those events, name it by Account and run `airudder-exporter ledger create`"
	old, newer := three, three
	old.Format, newer.Format = 0, 3
	const format = ", and this program knows format 2 alone: what it does not know would be lost from the entries that it writes again. Run the program that made the ledger; or, with all exporters stopped, delete the topic and run `airudder-exporter ledger rebuild --execute`, which makes a new one from what was published; or begin a new export under new names for both LedgerTopic and EventTopic"

	for _, tt := range []struct {
		name      string
		parts     []Seen
		topic     string // the event topic that is configured
		published bool
		found     bool
		refused   string
	}{
		{name: "new", parts: make([]Seen, 3)},
		{name: "new, no partition at all", parts: nil},
		{name: "settled", parts: parts(3, three), found: true, published: true},
		{name: "settled, nothing published yet", parts: parts(3, three), found: true},
		{name: "partitions added later", parts: append(parts(3, three), Seen{}, Seen{LogStart: 9}), found: true, published: true},
		{name: "an added partition holds another meta", parts: append(parts(3, three), Seen{HasMeta: true, Meta: other}), found: true},
		{name: "lost", parts: make([]Seen, 3), published: true,
			refused: "ledger refused: airudder.call-ledger holds no meta entry, but airudder.call-completed holds events: the ledger was lost or another one is configured, and to continue would publish every call again. Set LedgerTopic to the right topic; or: " + remake + create},
		{name: "lost, with its topic", parts: nil, published: true,
			refused: "ledger refused: airudder.call-ledger holds no meta entry, but airudder.call-completed holds events: the ledger was lost or another one is configured, and to continue would publish every call again. Set LedgerTopic to the right topic; or: " + remake + create},
		{name: "records deleted", parts: edit(parts(3, three), 1, func(s *Seen) { s.LogStart = 17 }), published: true,
			refused: "ledger refused: partition 1 of airudder.call-ledger begins at offset 17, not 0: records of the ledger were deleted, and which calls were published is no longer known. " + cure},
		{name: "records deleted, meta among them", parts: edit(make([]Seen, 3), 2, func(s *Seen) { s.LogStart = 17 }),
			refused: "ledger refused: partition 2 of airudder.call-ledger begins at offset 17, not 0: records of the ledger were deleted, and which calls were published is no longer known. " + cure},
		{name: "one partition without meta", parts: edit(parts(3, three), 0, func(s *Seen) { *s = Seen{} }), published: true,
			refused: "ledger refused: partition 0 of airudder.call-ledger holds no meta entry although others do: that partition was lost or created again. " + cure},
		{name: "the last without meta", parts: edit(parts(3, three), 2, func(s *Seen) { *s = Seen{} }),
			refused: "ledger refused: partition 2 of airudder.call-ledger holds no meta entry although others do: that partition was lost or created again. " + cure},
		{name: "fewer partitions", parts: parts(2, three), published: true,
			refused: "ledger refused: airudder.call-ledger has 2 partitions, but its meta entry says 3: the topic was created again with fewer. " + cure},
		{name: "ids differ", parts: edit(parts(3, three), 1, func(s *Seen) { s.Meta = other }),
			refused: "ledger refused: the partitions of airudder.call-ledger hold meta entries of different ledgers (" + three.LedgerID + " with 3 partitions; partition 1: another with 3): two deployments wrote it. Give each its own LedgerTopic"},
		{name: "counts differ", parts: edit(parts(4, three), 2, func(s *Seen) { s.Meta = four }),
			refused: "ledger refused: the partitions of airudder.call-ledger hold meta entries of different ledgers (" + three.LedgerID + " with 3 partitions; partition 2: " + three.LedgerID + " with 4): two deployments wrote it. Give each its own LedgerTopic"},
		{name: "an older format", parts: parts(3, old), published: true,
			refused: "ledger refused: airudder.call-ledger has no format" + format},
		{name: "a newer format in one partition", parts: edit(parts(3, three), 2, func(s *Seen) { s.Meta = newer }), published: true,
			refused: "ledger refused: airudder.call-ledger has format 3" + format},
		{name: "another event topic", parts: parts(3, three), topic: "calls",
			refused: "ledger refused: airudder.call-ledger belongs to the event topic airudder.call-completed, but EventTopic is calls: one ledger serves one event topic. Set it back, or use another LedgerTopic"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			topic := eventTopic
			if tt.topic != "" {
				topic = tt.topic
			}
			got, found, err := CheckMeta(tt.parts, Topics{Ledger: ledgerTopic, Event: topic}, tt.published)
			checkRefused(t, err, tt.refused)
			if err != nil {
				return
			}
			if found != tt.found {
				t.Errorf("found: got %v, want %v", found, tt.found)
			}
			if found && got != three {
				t.Errorf("got %+v, want %+v", got, three)
			}
		})
	}
}

func edit(s []Seen, i int, with func(*Seen)) []Seen {
	with(&s[i])
	return s
}

func checkRefused(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err == nil:
	case err == nil || err.Error() != want:
		t.Errorf("got error\n%v\nwant\n%s", err, want)
	case !errors.Is(err, ErrRefused):
		t.Errorf("%v is not ErrRefused", err)
	}
}

func TestCheckShard(t *testing.T) {
	const cure = "restore the topic from a mirror or a backup; or delete it and run `airudder-exporter ledger rebuild --execute`, which makes a new one from what was published; or begin a new export under new names for both LedgerTopic and EventTopic"
	const adopt = "What is published would be taken for something else. Set it back; or, to go on with what is configured now, run `airudder-exporter ledger adopt`, which shows what changes and does it with --execute; or use another LedgerTopic"
	other := meta
	other.LedgerID = "another"
	more := meta
	more.Partitions = 2
	pinned, tightened, newer := meta, meta, meta
	pinned.EventKey, pinned.Source = "comments", "https://proxy.example.com"
	tightened.Privacy = "strict"
	newer.Format = 3
	rebuilt := meta
	rebuilt.Created = noon.Add(time.Hour)
	lowered := meta
	lowered.ExportSince = lowered.ExportSince.AddDate(-1, 0, 0)
	for _, tt := range []struct {
		name    string
		entries []Entry
		refused string
	}{
		{"the same", []Entry{{Kind: KindMeta, Meta: meta}}, ""},
		{"lowered meanwhile", []Entry{{Kind: KindMeta, Meta: lowered}}, ""},
		{"rebuilt meanwhile", []Entry{{Kind: KindMeta, Meta: rebuilt}},
			"ledger refused: airudder.call-ledger was made anew at 2026-03-01T13:00:00Z, and this exporter started with the one that was lost: start it again"},
		{"another configuration's", []Entry{{Kind: KindMeta, Meta: pinned}},
			"ledger refused: airudder.call-ledger belongs to another configuration: EventKey is row, but the ledger was made with comments; BaseURL is https://api.airudder.com, but the ledger was made with https://proxy.example.com. " + adopt},
		{"stricter than the configuration", []Entry{{Kind: KindMeta, Meta: tightened}},
			"ledger refused: airudder.call-ledger belongs to another configuration: Privacy is (none), but the ledger was made with strict. " + adopt},
		{"another format", []Entry{{Kind: KindMeta, Meta: newer}},
			"ledger refused: airudder.call-ledger has format 3, and this program knows format 2 alone: what it does not know would be lost from the entries that it writes again. Run the program that made the ledger; or, with all exporters stopped, delete the topic and " + cure[strings.LastIndex(cure, "run `"):]},
		{"none", nil,
			"ledger refused: partition 4 of airudder.call-ledger held a meta entry and holds none any more: the entry was deleted, or the topic was deleted and created again. " + cure},
		{"deleted", []Entry{{Kind: KindMeta, Meta: meta}, {Kind: KindMeta, Tombstone: true}},
			"ledger refused: partition 4 of airudder.call-ledger held a meta entry and holds none any more: the entry was deleted, or the topic was deleted and created again. " + cure},
		{"another ledger", []Entry{{Kind: KindMeta, Meta: other}},
			"ledger refused: partition 4 of airudder.call-ledger belongs to ledger another with 1 partitions now, but the exporter started with " + meta.LedgerID + " with 1: another deployment wrote it. Give each its own LedgerTopic"},
		{"another count", []Entry{{Kind: KindMeta, Meta: more}},
			"ledger refused: partition 4 of airudder.call-ledger belongs to ledger " + meta.LedgerID + " with 2 partitions now, but the exporter started with " + meta.LedgerID + " with 1: another deployment wrote it. Give each its own LedgerTopic"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := New()
			for _, e := range tt.entries {
				l.Apply(e)
			}
			checkRefused(t, CheckShard(meta, Wanted{Pins: meta.Pins}, l, 4, Topics{Ledger: ledgerTopic, Event: eventTopic}), tt.refused)
		})
	}
}

func TestLowered(t *testing.T) {
	since, reach := noon, noon.Add(-time.Hour)
	for _, tt := range []struct {
		name        string
		asked, want time.Time
	}{
		{"nothing", time.Time{}, since},
		{"later", since.Add(time.Hour), since},
		{"earlier", since.Add(-time.Minute), since.Add(-time.Minute)},
		{"before all that is known", reach.Add(-time.Hour), reach},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := (Meta{ExportSince: since, Reach: reach}).Lowered(tt.asked); !got.Equal(tt.want) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
