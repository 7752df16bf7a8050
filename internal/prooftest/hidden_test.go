package prooftest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"airudder-exporter/internal/airuddersim"
	"airudder-exporter/internal/rig"
)

// tokenKey is name and base64 of the bytes 0 to 31.
const tokenKey = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// A place is a topic that shows a mark: e is the events' and, of those that change, that
// of their revisions, p what is apart from them, d the
// dead letters'.
type hiding struct {
	name, header string
	settings     []string
	elsewhere    string            // places of the fields that are not named
	places       map[string]string // by field
}

func hidings() []hiding {
	return []hiding{
		{name: "open", header: "open/e3b0c44298fc1c14", elsewhere: "e", places: map[string]string{
			"raw": "d",
		}},
		{name: "lender", header: lenderPrivacy, settings: []string{"PRIVACY=lender"}, elsewhere: "p", places: map[string]string{
			"callee_gender": "", "caller_number": "e", "earlier caller": "e", "comments": "e", "additional_fields": "", "kept": "", "raw": "",
		}},
		{name: "strict", header: "strict/d5254fbc5dd85411", settings: []string{"PRIVACY=strict"}, places: map[string]string{"caller_number": "e", "earlier caller": "e", "comments": "e"}},
		{
			name: "each mode", header: "open/38fb79e372773f43", settings: []string{"PRIVACY_FIELDS=callee_name:mask,callee_gender:private,callee_number:mask," +
				"caller_number:pseudonym,comments:pseudonym+private,extra_a:pseudonym,extra_b:drop,extra_c:mask,asr_result:drop," +
				"ner_slots:private,call_notes:pseudonym+private,multi_intention:private,additional_fields.Unheard:keep",
				"KAFKA_EVENT_KEY=comments"},
			places: map[string]string{
				"callee_gender": "p", "comments": "p", "ner_slots": "p", "call_notes": "p", "multi_intention": "p", "kept": "e",
			},
		},
		{name: "what is unknown apart, raw kept", header: "strict/383842372110f428", settings: []string{"PRIVACY=strict", "PRIVACY_FIELDS=additional_fields:private,raw:keep"}, places: map[string]string{
			"caller_number": "e", "earlier caller": "ep", "earlier callee": "p", "comments": "e", "additional_fields": "p", "kept": "p", "raw": "d",
		}},
	}
}

// marksByField are the marks of what publishMarked publishes.
func marksByField() map[string][]string {
	return map[string][]string{
		"callee_name": {mark("name")}, "callee_gender": {mark("gender")},
		"callee_number": {"62000771200345"}, "caller_number": {"62000771200777"},
		"earlier callee": {"62000771200888"}, "earlier caller": {"62000771200999"}, // in redials, of which one has a time that is none
		"comments": {mark("comments"), "771299001122"}, "extra_a": {mark("extraA")}, "extra_b": {mark("extraB")}, "extra_c": {mark("extraC")},
		"asr_result": {mark("robot"), mark("said")}, "ner_slots": {mark("slot")}, "call_notes": {mark("notes")}, "multi_intention": {mark("multi")},
		"additional_fields": {mark("key"), mark("object"), mark("time"), mark("row")}, "kept": {mark("unknown")},
		"raw": {mark("damaged")},
	}
}

// lenderPrivacy is airudder_privacy of the preset lender: the first 16 digits of the
// SHA-256 of its modes.
const lenderPrivacy = "lender/835818f7373b1f4a"

// lender has the world's topics as of that preset, and returns what sets it.
func (w *world) lender() []string {
	w.Topics.Apart()
	w.Privacy, w.NoRaw = lenderPrivacy, true
	return []string{"PRIVACY=lender", "PRIVACY_KEY=" + tokenKey}
}

// TestHiddenStaysHidden feeds marked values, unknown, misspelt and wrongly typed ones
// too, through an exporter that is killed while rows are damaged and heal: each mark is
// in the topics where its field's mode lets it be, and in no byte of any other, of the
// log, of a dump in it, or of a page.
func TestHiddenStaysHidden(t *testing.T) {
	t.Parallel()
	for _, h := range hidings() {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, airuddersim.Config{Seed: 78}, nil)
			if !strings.Contains(strings.Join(h.settings, " "), "KAFKA_EVENT_KEY=comments") {
				w.Topics.Changes()
			}
			if strings.Contains(h.elsewhere+strings.Join(slices.Collect(maps.Values(h.places)), ""), "p") {
				w.Topics.Apart()
			}
			w.Privacy, w.NoRaw = h.header, h.places["raw"] == ""
			shown := w.publishMarked(h)
			for field, marks := range marksByField() {
				want, named := h.places[field]
				if !named {
					want = h.elsewhere
				}
				for _, m := range marks {
					for place, bytesOf := range shown {
						got, may := bytes.Contains(bytesOf, []byte(m)), strings.Contains(want, place)
						if place == "r" { // some events have changed
							got, may = got && !strings.Contains(want, "e"), false
						}
						if got != may {
							t.Errorf("%s, a mark of %s: in %s: %v, want it in %q alone", m, field, place, got, want)
						}
					}
				}
			}
			w.check(nil)
		})
	}
}

// publishMarked has an exporter publish marked rows, and returns all bytes that it left,
// by place.
func (w *world) publishMarked(h hiding) map[string][]byte {
	w.T.Helper()
	id := w.Sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: markedRows()[:3]}) // the others can only be dead letters
	other := w.Sim.AddTask(airuddersim.TaskSpec{Status: airuddersim.Calling, Rows: airuddersim.FinishedRows(10)})
	must := func(err error) {
		w.T.Helper()
		if err != nil {
			w.T.Fatal(err)
		}
	}
	damages := []airuddersim.FaultKind{airuddersim.BrokenJSON, airuddersim.InvalidUTF8, airuddersim.NoCallID}
	for i, kind := range damages {
		must(w.Sim.SetField(other, i, "CalleeName", `"`+mark("damaged")+`"`))
		must(w.Sim.SpoilRow(other, i, kind))
	}
	must(w.Sim.SpoilRow(other, len(damages), airuddersim.HugeRow)) // which fits where less of it is shown
	one := w.exporter("one", append(h.settings, "PRIVACY_KEY="+tokenKey)...)
	pages := watchPages(one)
	one.Start()
	w.awaitMore(4)
	dumped := one.Expect()
	one.Signal(syscall.SIGQUIT) // its log then has all goroutines
	select {
	case <-dumped.Exited:
	case <-time.After(rig.Patience):
		w.T.Fatal("it does not end by SIGQUIT")
	}
	for _, task := range []string{id, other} { // else a row without a CallID may still get one
		must(w.Sim.SetStatus(task, airuddersim.Finished))
	}
	one.Start()
	w.awaitEvents()
	one.Kill()
	for i := range damages {
		must(w.Sim.SetField(other, i, "CalleeName", `"`+mark("name")+`"`))
		must(w.Sim.SpoilRow(other, i, ""))
	}
	must(w.Sim.SpoilRow(other, len(damages), ""))
	must(w.Sim.ChangeFinishedRow(id, 0))
	one.Start()
	w.awaitMore(13 - w.seen.count()) // all rows
	one.Kill()
	one.Start()
	if topic := w.Topics.Revised; topic != "" {
		rig.Eventually(w.T, "a revision", rig.Patience, func() bool { return len(w.Read(topic).Committed) > 0 })
	}
	w.settle()

	shown := map[string][]byte{"the log": one.Logged()}
	if !bytes.Contains(shown["the log"], []byte("SIGQUIT: quit")) {
		w.T.Error("the log has no dump: this test shows nothing of it")
	}
	pages.add(shown)
	for place, topic := range map[string]string{
		"e": w.Topics.Events, "r": w.Topics.Revised, "p": w.Topics.Private, "d": w.Topics.Dead, "the ledger": w.Topics.Ledger, "the statuses": w.Topics.Status,
	} {
		if topic == "" {
			continue
		}
		read := w.Read(topic)
		for _, r := range slices.Concat(read.Committed, read.Hidden) {
			shown[place] = fmt.Appendf(shown[place], "%s\n%s\n%s\n", r.Key, r.Value, r.Headers)
		}
	}
	return shown
}
