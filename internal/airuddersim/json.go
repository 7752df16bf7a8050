package airuddersim

import "strconv"

// appendString appends a JSON string. Text that is not UTF-8 stays as it is.
func appendString(b []byte, text string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// quote is a JSON string.
func quote(text string) []byte { return appendString(make([]byte, 0, len(text)+8), text) }

// number is a JSON number.
func number(n int64) []byte { return strconv.AppendInt(nil, n, 10) }

// number4 is a number in a JSON string, as a row's RobotID is.
func number4(n int) []byte { return quote(strconv.Itoa(n)) }

// appendObject appends a JSON object with these members.
func appendObject(b []byte, fields []field) []byte {
	b = append(b, '{')
	b = appendMembers(b, fields)
	return append(b, '}')
}

// appendMembers appends the members of a JSON object, without its braces.
func appendMembers(b []byte, fields []field) []byte {
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, f.name)
		b = append(b, ':')
		b = append(b, f.raw...)
	}
	return b
}

// override replaces or adds members by name; an empty value takes one away.
func override(fields []field, set map[string]string) []field {
	if len(set) == 0 {
		return fields
	}
	var out []field
	seen := map[string]bool{}
	for _, f := range fields {
		raw, ok := set[f.name]
		seen[f.name] = true
		switch {
		case !ok:
			out = append(out, f)
		case raw != "":
			out = append(out, field{f.name, []byte(raw)})
		}
	}
	for _, name := range sortedKeys(set) {
		if !seen[name] && set[name] != "" {
			out = append(out, field{name, []byte(set[name])})
		}
	}
	return out
}
