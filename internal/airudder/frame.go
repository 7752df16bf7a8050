package airudder

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/bits"
)

// This file frames JSON: pure functions over bytes that find where a value
// ends. They take any bytes and never validate; what they frame is validated
// where it is decoded.

// maxDepth is how deep a row that is decoded may nest.
const maxDepth = 1000

// Classes of the bytes outside strings, as framing sees them.
const (
	classOther = iota
	classScalar
	classQuote
	classOpen
	classClose
)

var classes = func() (t [256]uint8) {
	for i := range t {
		t[i] = classScalar
	}
	for _, c := range " \t\r\n,:" {
		t[c] = classOther
	}
	t['"'] = classQuote
	t['{'], t['['] = classOpen, classOpen
	t['}'], t[']'] = classClose, classClose
	return t
}()

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// skipSpace returns the index of the first byte from i on that is no white space.
func skipSpace(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

// stringEnd returns the index behind the string whose opening quote is b[i],
// and whether it holds an escape; -1 where b ends first. Eight bytes a step,
// since most of a body is strings.
func stringEnd(b []byte, i int) (end int, escaped bool) {
	for i++; i+8 <= len(b); {
		x := binary.LittleEndian.Uint64(b[i:])
		hit := zeroBytes(x^(ones*'"')) | zeroBytes(x^(ones*'\\'))
		if hit == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(hit) >> 3
		if b[i] == '"' {
			return i + 1, escaped
		}
		escaped = true
		i += 2
	}
	for i < len(b) {
		switch b[i] {
		case '"':
			return i + 1, escaped
		case '\\':
			escaped = true
			i++
		}
		i++
	}
	return -1, escaped
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// zeroBytes has the high bit of x's lowest zero byte set, and no lower bit.
func zeroBytes(x uint64) uint64 { return (x - ones) &^ x & highs }

// nestedEnd returns the index behind the object or array that opens at b[i],
// and its depth; -1 where b ends first.
func nestedEnd(b []byte, i int) (end, deepest int) {
	depth := 0
	for i < len(b) {
		switch classes[b[i]] {
		case classQuote:
			if i, _ = stringEnd(b, i); i < 0 {
				return -1, deepest
			}
			continue
		case classOpen:
			depth++
			deepest = max(deepest, depth)
		case classClose:
			if depth--; depth == 0 {
				return i + 1, deepest
			}
		}
		i++
	}
	return -1, deepest
}

// valueEnd returns the index behind the value at b[i], and its depth; -1 where
// b ends first. A number or a word ends only where another byte follows it.
func valueEnd(b []byte, i int) (end, deepest int) {
	if i >= len(b) {
		return -1, 0
	}
	switch classes[b[i]] {
	case classQuote:
		end, _ = stringEnd(b, i)
		return end, 0
	case classOpen:
		return nestedEnd(b, i)
	}
	for ; i < len(b); i++ {
		if classes[b[i]] != classScalar {
			return i, 0
		}
	}
	return -1, 0
}

// probe is what framing a row reads of it: the raw values of the depth-1
// members that say whether the row shows a finished call, and which. Nil is
// "absent"; of duplicates the last one counts, but a name spelt as the API does
// counts before one that is the same only when case is folded.
type probe struct {
	callID, status, id []byte

	object bool  // else the row is some other JSON value
	deep   bool  // nests deeper than maxDepth
	exact  uint8 // which of the three came by their own names
}

// Bits of probe.exact.
const (
	exactCallID = 1 << iota
	exactStatus
	exactID
)

// frameRow returns the index behind the row at b[0] and what it says; -1 where
// b ends first.
func frameRow(b []byte) (p probe, end int) {
	if len(b) == 0 || b[0] != '{' {
		end, _ = valueEnd(b, 0)
		return p, end
	}
	p.object = true
	for i := 1; i < len(b); {
		switch classes[b[i]] {
		case classQuote:
			if i = p.scanMember(b, i); i < 0 {
				return p, -1
			}
		case classOpen: // not where JSON has one: only broken rows come here
			var deepest int
			if i, deepest = nestedEnd(b, i); i < 0 {
				return p, -1
			}
			p.deep = p.deep || deepest >= maxDepth
		case classClose:
			return p, i + 1
		default:
			i++
		}
	}
	return p, -1
}

// scanMember steps over the member whose key opens at b[i], or over a string
// that turns out to be no key.
func (p *probe) scanMember(b []byte, i int) int {
	keyEnd, escaped := stringEnd(b, i)
	if keyEnd < 0 {
		return -1
	}
	v := skipSpace(b, keyEnd)
	if v == len(b) {
		return -1
	}
	if b[v] != ':' {
		return keyEnd
	}
	v = skipSpace(b, v+1)
	end, deepest := valueEnd(b, v)
	if end < 0 {
		return -1
	}
	p.deep = p.deep || deepest >= maxDepth
	p.take(b[i:keyEnd], escaped, b[v:end])
	return end
}

// take keeps the value if the (quoted) key is one that the probe is after, exactly
// or, as encoding/json matches keys too, folded.
func (p *probe) take(quoted []byte, escaped bool, value []byte) {
	key := quoted[1 : len(quoted)-1]
	if escaped {
		name, _ := unquote(quoted)
		key = []byte(name)
	}
	switch string(key) {
	case "CallID":
		p.callID, p.exact = value, p.exact|exactCallID
		return
	case "Status":
		p.status, p.exact = value, p.exact|exactStatus
		return
	case "id":
		p.id, p.exact = value, p.exact|exactID
		return
	}
	if !escaped && !mayFold(key) {
		return
	}
	switch {
	case p.exact&exactCallID == 0 && bytes.EqualFold(key, []byte("CallID")):
		p.callID = value
	case p.exact&exactStatus == 0 && bytes.EqualFold(key, []byte("Status")):
		p.status = value
	case p.exact&exactID == 0 && bytes.EqualFold(key, []byte("id")):
		p.id = value
	}
}

// mayFold tells quickly that a key cannot match one of the probe's names: their
// folded forms have 2 or 6 letters, and an s may be the two bytes of ſ.
func mayFold(key []byte) bool {
	switch len(key) {
	case 2:
		return key[0]|0x20 == 'i'
	case 6, 7, 8:
		c := key[0] | 0x20
		return c == 'c' || c == 's' || key[0] >= 0x80
	}
	return false
}

// unquote returns the text of a JSON string with its quotes, as encoding/json
// reads it; false when it is no valid one.
func unquote(quoted []byte) (string, bool) {
	var s string
	if len(quoted) < 2 || quoted[0] != '"' || json.Unmarshal(quoted, &s) != nil {
		return "", false
	}
	return s, true
}

// plain reports whether the inside of a JSON string stands for itself.
func plain(inside []byte) bool {
	for _, c := range inside {
		if c < ' ' || c == '\\' || c >= 0x80 {
			return false
		}
	}
	return true
}

// textOf returns the text of a raw value that is a string; false for any other
// or a broken one.
func textOf(value []byte) ([]byte, bool) {
	if len(value) < 2 || value[0] != '"' {
		return nil, false
	}
	if inside := value[1 : len(value)-1]; plain(inside) {
		return inside, true
	}
	s, ok := unquote(value)
	return []byte(s), ok
}

// isNumber reports whether a raw value starts as a number does.
func isNumber(value []byte) bool {
	return len(value) > 0 && (value[0] == '-' || value[0] >= '0' && value[0] <= '9')
}

// isNull reports whether a raw value is absent or null.
func isNull(value []byte) bool { return len(value) == 0 || string(value) == "null" }

// maxValues is how many values a row may have: decoded and encoded, an empty one
// takes hundreds of times its own bytes.
const maxValues = 20_000

// tooManyValues reports whether a row has more. Each but the first stands behind
// a comma or a bracket, which texts hold, too: only where there are many is the
// difference made.
func tooManyValues(b []byte) bool {
	if bytes.Count(b, []byte{','})+bytes.Count(b, []byte{'{'})+bytes.Count(b, []byte{'['}) <= maxValues {
		return false
	}
	n := 0
	for i := 0; i >= 0 && i < len(b); {
		switch b[i] {
		case '"':
			i, _ = stringEnd(b, i)
			continue
		case ',', '{', '[':
			n++
		}
		i++
	}
	return n > maxValues
}
