package rig

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"airudder-exporter/internal/airuddersim"
)

// checkLetters holds each dead letter against itself.
func (e *Evidence) checkLetters() {
	const most = 64 << 10
	reasons := []string{"no_call_id", "broken_json", "invalid_utf8", "too_large"}
	for _, l := range e.Letters {
		if !slices.Contains(reasons, l.Text("reason")) {
			e.wrong(l.Call(), "%s: reason %q", l, l.Text("reason"))
		}
		if l.Resolved() {
			continue
		}
		if key := keyOfRow(l); l.letterKey() != key {
			e.wrong(l.Call(), "%s: got key %v, want %v", l, l.letterKey(), key)
		}
		raw, _ := l.Fields["raw"].([]byte)
		size := l.Number("raw_size")
		want := min(size, most)
		if e.NoRaw {
			want = 0
		}
		if int64(len(raw)) != want {
			e.wrong(l.Call(), "%s: got %d bytes of a row of %d, want %d", l, len(raw), size, want)
		}
		sum := sha256.Sum256(raw)
		if size == int64(len(raw)) && l.Text("raw_sha256") != hex.EncodeToString(sum[:]) {
			e.wrong(l.Call(), "%s: raw_sha256 is not that of raw", l)
		}
		if l.Text("reason") == "no_call_id" && l.Fields["call_id"] != nil {
			e.wrong(l.Call(), "%s: no_call_id with a CallID", l)
		}
	}
	e.checkResolved()
	e.checkWaited()
}

// checkWaited: a row without a CallID becomes a dead letter at least PollMax after its
// task's end was first seen, as far as the status records before it tell and no clock
// jumped meanwhile.
func (e *Evidence) checkWaited() {
	changes := e.changesByTask()
	for _, l := range e.Letters {
		if l.Resolved() || l.Text("reason") != "no_call_id" {
			continue
		}
		var since time.Time // the end
		for _, change := range changes[l.Text("task_id")] {
			at, terminal := change.Time("observed_at"), slices.Contains([]string{"finished", "canceled", "cancelled"}, folded(change.Text("status")))
			switch {
			case !at.Before(l.Time("observed_at")):
			case !terminal:
				since = time.Time{}
			case since.IsZero():
				since = at
			}
		}
		at := l.Time("observed_at")
		jumped := slices.ContainsFunc(e.Jumps, func(jump time.Time) bool { return jump.After(since) && !jump.After(at) })
		if since.IsZero() || at.Sub(since) < e.PollMax && !jumped {
			e.wrong(l.Call(), "%s: at %s, of a task whose end was seen at %s, so that it might still have got a CallID", l, at, since)
		}
	}
}

// keyOfRow is the key that a dead letter's row has.
func keyOfRow(l Record) airuddersim.CallKey {
	switch {
	case l.Fields["call_id"] != nil:
		return l.Call()
	case l.Fields["row_id"] != nil:
		return l.row()
	}
	sum := l.Text("raw_sha256")
	return airuddersim.CallKey{TaskID: l.Text("task_id"), CallID: "row sha256:" + sum[:min(16, len(sum))]}
}

// checkResolved holds dead letters and events against each other: where there are both
// of a call, or of a row the event later, the dead letter is resolved; and only there.
func (e *Evidence) checkResolved() {
	letters, resolved, events := map[airuddersim.CallKey]Record{}, map[airuddersim.CallKey]Record{}, map[airuddersim.CallKey]Record{}
	for _, l := range e.Letters {
		of := letters
		if l.Resolved() {
			of = resolved
		}
		if before, twice := of[l.letterKey()]; twice {
			e.wrong(l.Call(), "%s: %s says the same", l, before)
		}
		of[l.letterKey()] = l
	}
	for _, call := range e.Calls {
		events[call.Call()] = call
		for _, key := range []airuddersim.CallKey{call.Call(), call.row()} {
			letter, dead := letters[key]
			if _, ended := resolved[key]; dead && !ended && (key == call.Call() || call.Time("observed_at").After(letter.Time("observed_at"))) {
				e.wrong(call.Call(), "%s: an event of what %s says is dead, and that is not resolved", call, letter)
			}
		}
	}
	for key, l := range resolved {
		letter, dead := letters[key]
		if !dead || letter.Text("reason") != l.Text("reason") || !letter.Time("observed_at").Before(l.Time("observed_at")) {
			e.wrong(key, "%s: it resolves no dead letter of that key and reason", l)
		}
		event, sound := events[l.Call()]
		if !sound || event.Time("observed_at").After(l.Time("observed_at")) {
			e.wrong(key, "%s: resolved, and call %s has no event by then", l, l.Text("call_id"))
		}
		for _, name := range []string{"detail", "raw", "raw_size", "raw_sha256"} {
			if l.Fields[name] != nil {
				e.wrong(key, "%s: resolved, with %s", l, name)
			}
		}
	}
}
