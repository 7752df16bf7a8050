package jsonrows

import (
	"encoding/binary"
	"math/bits"
)

// This file frames JSON: pure functions over bytes that find where a value
// ends. They take any bytes and validate nothing.

// MaxDepth is how deep a row that is decoded may nest.
const MaxDepth = 1000

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

// stringEnd returns the index after the string whose opening quote is b[i],
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

// nestedEnd returns the index after the object or array that opens at b[i],
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

// valueEnd returns the index after the value at b[i], and its depth; -1 where
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

// frameValue returns the size of the value at b[0]; -1 where b ends first.
func frameValue(b []byte) int {
	end, _ := valueEnd(b, 0)
	return end
}
