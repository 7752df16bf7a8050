package airudder

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"airudder-exporter/internal/jsonrows"
)

// This file says which ids can be taken for one.

// maxCallID is how many bytes of what is taken for a CallID: it is a key in Kafka.
const maxCallID = 1 << 10

// callIDOf returns the probed CallID, a number's being its literal digits; empty
// if it is none that could be published.
func callIDOf(row *jsonrows.Row) []byte {
	id := probedText(row, probedCallID)
	if len(id) > maxCallID || !utf8.Valid(id) || isPlaceholder(id) || isDamaged(id) {
		return nil
	}
	return id
}

// probedText is a probed text or a number's literal digits; empty for any other.
func probedText(row *jsonrows.Row, i int) []byte {
	text, _ := jsonrows.Literal(row.Value(i))
	return text
}

// isPlaceholder reports whether an id stands for none: 0, -, blanks, or nothing.
func isPlaceholder(id []byte) bool {
	for _, c := range id {
		if c != '0' && c != '-' && c > ' ' {
			return false
		}
	}
	return true
}

// isDamaged reports whether an id has lost a character, as one that JSON spells as
// half of a surrogate pair does: several ids may have become this one.
func isDamaged(id []byte) bool { return bytes.Contains(id, []byte("\uFFFD")) }

// noCallID says why a finished row has none, without a word of its own.
func noCallID(row *jsonrows.Row) string {
	id := row.Value(probedCallID)
	text, isText := jsonrows.Text(id)
	switch {
	case len(id) == 0:
		return "finished, but CallID is absent"
	case jsonrows.IsNull(id):
		return "finished, but CallID is null"
	case isText && len(text) == 0:
		return "finished, but CallID is empty"
	case !isText && !jsonrows.IsNumber(id):
		return "finished, but CallID is neither a string nor a number"
	case isPlaceholder(probedText(row, probedCallID)):
		return "finished, but CallID is a placeholder"
	}
	return "finished, but CallID is longer than " + strconv.Itoa(maxCallID) + " bytes"
}

// sharedIDs finds CallIDs that rows of different ids show in one answer, of which one
// alone can be an event. It holds as many calls as maxSharing: rows beyond those are
// held against the ones before them alone.
type sharedIDs struct {
	rows  int64 // that show the CallID of an earlier row of another id
	table []sharing
	held  int
}

// sharing is a CallID and a row's id, by their xxHash64.
type sharing struct{ callID, row uint64 }

// The table is at most half full, so a search is short: 2 MiB hold 65,536 calls.
const (
	leastSharing = 1 << 10
	maxSharing   = 1 << 17
)

// note takes a row that shows a call. One without an id is not held against others.
func (s *sharedIDs) note(callID, row []byte) {
	if len(callID) == 0 || jsonrows.IsNull(row) {
		return
	}
	if len(s.table) == 0 {
		s.table = make([]sharing, leastSharing)
	}
	one := sharing{xxhash.Sum64(callID) | 1, xxhash.Sum64(row)} // 0 is free
	place := s.place(one.callID)
	switch {
	case place.callID == one.callID && place.row != one.row:
		s.rows++
	case place.callID == 0 && 2*s.held < maxSharing:
		*place = one
		if s.held++; 2*s.held == len(s.table) && len(s.table) < maxSharing {
			s.grow()
		}
	}
}

// place is where a CallID stands in the table, or would.
func (s *sharedIDs) place(callID uint64) *sharing {
	last := uint64(len(s.table) - 1)
	for i := callID >> 1 & last; ; i = (i + 1) & last {
		if at := &s.table[i]; at.callID == callID || at.callID == 0 {
			return at
		}
	}
}

func (s *sharedIDs) grow() {
	before := s.table
	s.table = make([]sharing, min(4*len(before), maxSharing))
	for _, one := range before {
		if one.callID != 0 {
			*s.place(one.callID) = one
		}
	}
}
