package jsonrows

import "encoding/json"

// unquote returns the text of a JSON string with its quotes, as encoding/json
// reads it; false when it is no valid one.
func unquote(quoted []byte) (string, bool) {
	var s string
	if len(quoted) < 2 || quoted[0] != '"' || json.Unmarshal(quoted, &s) != nil {
		return "", false
	}
	return s, true
}

// Text returns the text of a raw value that is a string; false for any other or
// a broken one.
func Text(value []byte) ([]byte, bool) {
	if len(value) < 2 || value[0] != '"' {
		return nil, false
	}
	if inside := value[1 : len(value)-1]; plain(inside) {
		return inside, true
	}
	s, ok := unquote(value)
	return []byte(s), ok
}

// Literal returns the text of a raw value that is a string, or the digits of one that
// is a number, as they are written; false for any other.
func Literal(value []byte) ([]byte, bool) {
	if IsNumber(value) {
		return value, true
	}
	return Text(value)
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

// IsNumber reports whether a raw value starts as a number does.
func IsNumber(value []byte) bool {
	return len(value) > 0 && (value[0] == '-' || value[0] >= '0' && value[0] <= '9')
}

// IsNull reports whether a raw value is absent or null.
func IsNull(value []byte) bool { return len(value) == 0 || string(value) == "null" }
