package record

import "encoding/binary"

// whole reports whether Avro binary data are exactly one value of a type. goavro
// makes room for as many items as an array or a map claims to have, before it
// looks whether they are there; so a few bytes that are not ours could take all
// memory.
func whole(n *node, b []byte) bool {
	b, ok := n.skip(b, 0)
	return ok && len(b) == 0
}

// deepest is how deep values may be nested. Behind a schema that refers to
// itself, each byte, or none, may be another level, and each level takes stack.
const deepest = 1000

// skip passes over one value that stands at a depth
// (https://avro.apache.org/docs/1.12.0/specification/#binary-encoding).
func (n *node) skip(b []byte, depth int) (rest []byte, ok bool) {
	if depth > deepest {
		return nil, false
	}
	switch n.kind {
	case "null":
		return b, true
	case "boolean":
		return skipBytes(b, 1)
	case "int", "long", "enum":
		_, b, ok = skipLong(b)
		return b, ok
	case "float":
		return skipBytes(b, 4)
	case "double":
		return skipBytes(b, 8)
	case "bytes", "string":
		return skipText(b)
	case "fixed":
		return skipBytes(b, n.size)
	case "union":
		i, b, ok := skipLong(b)
		if !ok || i < 0 || i >= int64(len(n.branches)) {
			return nil, false
		}
		return n.branches[i].skip(b, depth+1)
	case "record":
		for _, f := range n.fields {
			if b, ok = f.node.skip(b, depth+1); !ok {
				return nil, false
			}
		}
		return b, true
	case "array", "map":
		return n.skipBlocks(b, depth)
	}
	return nil, false
}

func (n *node) skipBlocks(b []byte, depth int) ([]byte, bool) {
	for {
		count, rest, ok := skipLong(b)
		if count < 0 { // the block's size in bytes follows
			count = -count
			_, rest, ok = skipLong(rest)
		}
		if !ok || count < 0 || count > int64(len(rest)) { // items of no bytes are not worth having
			return nil, false
		}
		b = rest
		if count == 0 {
			return b, true
		}
		for range count {
			if n.kind == "map" {
				if b, ok = skipText(b); !ok {
					return nil, false
				}
			}
			if b, ok = n.items.skip(b, depth+1); !ok {
				return nil, false
			}
		}
	}
}

func skipLong(b []byte) (v int64, rest []byte, ok bool) {
	v, n := binary.Varint(b)
	if n <= 0 {
		return 0, nil, false
	}
	return v, b[n:], true
}

func skipText(b []byte) ([]byte, bool) {
	n, b, ok := skipLong(b)
	if !ok || n < 0 || n > int64(len(b)) {
		return nil, false
	}
	return b[n:], true
}

func skipBytes(b []byte, n int) ([]byte, bool) {
	if n > len(b) {
		return nil, false
	}
	return b[n:], true
}
