package jsonrows

import "slices"

// Probe names the members of a row that are read while the row is framed. Names
// count exactly.
type Probe struct {
	names   []string
	lengths uint64 // bit n: a name has n bytes
}

// NewProbe returns a probe for these names, each of fewer than 64 bytes.
func NewProbe(names ...string) Probe {
	p := Probe{names: slices.Clone(names)}
	for _, name := range names {
		p.lengths |= 1 << len(name)
	}
	return p
}

// Row is an element of an array of rows, framed: its brackets and quotes match,
// the rest of it is unchecked.
type Row struct {
	Raw    []byte
	Object bool // else it is some other JSON value, which was checked
	Deep   bool // it nests deeper than MaxDepth: it must not be decoded

	values [][]byte
}

func (p Probe) row() Row { return Row{values: make([][]byte, len(p.names))} }

// Value is the raw value of the member that the probe names i-th; nil: there is
// none. Of duplicates the last one counts.
func (r *Row) Value(i int) []byte { return r.values[i] }

// frame returns the size of the row at b[0], and sets what of it was probed; -1
// where b ends first.
func (p *Probe) frame(b []byte, row *Row) int {
	clear(row.values)
	row.Object, row.Deep = b[0] == '{', false
	if !row.Object {
		return frameValue(b)
	}
	for i := 1; i < len(b); {
		switch classes[b[i]] {
		case classQuote:
			if i = p.member(b, i, row); i < 0 {
				return -1
			}
		case classOpen: // not where JSON has one: only broken rows come here
			var deepest int
			if i, deepest = nestedEnd(b, i); i < 0 {
				return -1
			}
			row.Deep = row.Deep || deepest >= MaxDepth
		case classClose:
			return i + 1
		default:
			i++
		}
	}
	return -1
}

// member steps over the member whose key opens at b[i], or over a string that
// turns out to be no key.
func (p *Probe) member(b []byte, i int, row *Row) int {
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
	row.Deep = row.Deep || deepest >= MaxDepth
	p.take(b[i:keyEnd], escaped, b[v:end], row)
	return end
}

// take keeps the value if the (quoted) key is one of the probe's names.
func (p *Probe) take(quoted []byte, escaped bool, value []byte, row *Row) {
	key := quoted[1 : len(quoted)-1]
	if escaped {
		name, _ := unquote(quoted)
		key = []byte(name)
	}
	if p.lengths>>len(key)&1 == 0 {
		return
	}
	for i, name := range p.names {
		if string(key) == name {
			row.values[i] = value
			return
		}
	}
}
