package record

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/ledger"
	"airudder-exporter/internal/record/privacy"
)

// fieldsVersion numbers the list of appendFields. Another list has another number: then
// nothing that was published can be compared, and the ledger only notes what rows say.
const fieldsVersion = "1"

// Revisions is how a change of what rows say is seen: by a hash over the values of the
// documented fields, whole, whatever the events show of them. It is made with the key of
// the tokens, where there is one, so that the ledger's hashes tell nobody whether they are
// of a given number.
func Revisions(c privacy.Choice) *ledger.Revisions {
	form, sum := fieldsVersion, c.RowHash()
	if name := c.KeyName(); name != "" {
		form += "." + name
	}
	return &ledger.Revisions{Form: form, Hash: func(row *call.Row) uint64 {
		return max(1, sum(appendFields(make([]byte, 0, 1024), row)))
	}}
}

// appendFields appends a row's documented fields in a form that two rows share only if
// they say the same. The list, its order and its form are fixed: see fieldsVersion.
func appendFields(b []byte, r *call.Row) []byte {
	b = appendText(appendLong(b, r.ID), call.Some(r.Status))
	b = appendTime(appendTime(b, r.CallStart), r.CallEnd)
	for _, text := range []call.Opt[string]{r.RobotID, r.CallerNumber, r.CalleeNumber, r.CalleeName, r.CalleeGender} {
		b = appendText(b, text)
	}
	for _, long := range []call.Opt[int64]{r.CallTimes, r.RingTime, r.TalkRound} {
		b = appendLong(b, long)
	}
	for _, text := range []call.Opt[string]{
		r.RingType, r.HangupType, r.Intention, r.IntentionDescription, r.MultiIntention, r.Comments, r.PlatformName,
		r.ExtraA, r.ExtraB, r.ExtraC, r.CallNotes, r.WorkflowID, r.WorkflowName, r.NodeTaskID, r.NodeTaskName, r.CaseID,
	} {
		b = appendText(b, text)
	}
	b = appendTexts(appendTexts(b, r.EventLabel), r.NerSlots)
	b = appendLength(b, len(r.AsrResult), r.AsrResult != nil)
	for _, turn := range r.AsrResult {
		b = appendText(appendText(appendText(b, turn.Time), turn.RobotText), turn.Text)
	}
	b = appendLength(b, len(r.Redials), r.Redials != nil)
	for _, of := range r.Redials {
		b = appendLong(appendTime(appendText(b, of.CallID), of.CallStart), of.RingTime)
		for _, text := range []call.Opt[string]{of.RingType, of.HangupType, of.ResultLabel, of.CallerNumber, of.CalleeNumber} {
			b = appendText(b, text)
		}
	}
	return b
}

// appendLength appends 0 for what is not set, else 1 and how much follows.
func appendLength(b []byte, n int, set bool) []byte {
	if !set {
		return append(b, 0)
	}
	return binary.AppendUvarint(append(b, 1), uint64(n))
}

func appendText(b []byte, text call.Opt[string]) []byte {
	return append(appendLength(b, len(text.Value), text.Set), text.Value...)
}

func appendLong(b []byte, n call.Opt[int64]) []byte {
	if !n.Set {
		return append(b, 0)
	}
	return binary.AppendVarint(append(b, 1), n.Value)
}

func appendTime(b []byte, t time.Time) []byte {
	return appendLong(b, call.Opt[int64]{Value: t.UnixMilli(), Set: !t.IsZero()})
}

func appendTexts(b []byte, texts map[string]string) []byte {
	b = appendLength(b, len(texts), texts != nil)
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		b = appendText(appendText(b, call.Some(name)), call.Some(texts[name]))
	}
	return b
}
