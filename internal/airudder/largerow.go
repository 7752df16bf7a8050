package airudder

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/cespare/xxhash/v2"

	"airudder-exporter/internal/call"
)

// maxToken is how much of a depth-1 key or value a largeRow keeps: more than a
// name, a CallID or a status has.
const maxToken = 4 << 10

// largeRow takes a row that is too large to be held, in pieces: it finds its
// end, probes it as frameRow does, and keeps its first bytes, size and hashes.
// It is as good for an array or a string in a row's place.
type largeRow struct {
	head  []byte // the first call.MaxRaw bytes
	size  int64
	sum   hash.Hash // SHA-256
	hash  *xxhash.Digest
	probe probe

	depth    int
	inString bool
	escape   bool   // the next byte is escaped
	key      []byte // quoted; the depth-1 member at hand
	token    []byte // the depth-1 string or scalar read last
	cut      bool   // token is longer than maxToken
}

func newLargeRow() *largeRow {
	return &largeRow{sum: sha256.New(), hash: xxhash.New()}
}

// feed takes the row's next bytes, and returns how many of b were the row's and
// whether it ended with them.
func (l *largeRow) feed(b []byte) (n int, done bool) {
	for n < len(b) && !done {
		if skip := l.passable(b[n:]); skip > 0 {
			n += skip
			continue
		}
		done = l.step(b[n])
		n++
	}
	b = b[:n]
	l.size += int64(n)
	l.sum.Write(b)
	l.hash.Write(b)
	l.head = append(l.head, b[:min(n, call.MaxRaw-len(l.head))]...)
	return n, done
}

// passable is how many of the next bytes are the inside of a string of which
// nothing more is kept.
func (l *largeRow) passable(b []byte) (n int) {
	if !l.inString || l.escape || l.depth == 1 && len(l.token) < maxToken {
		return 0
	}
	for n+8 <= len(b) {
		x := binary.LittleEndian.Uint64(b[n:])
		if zeroBytes(x^(ones*'"'))|zeroBytes(x^(ones*'\\')) != 0 {
			break
		}
		n += 8
	}
	l.cut = l.cut || n > 0 && l.depth == 1
	return n
}

// step takes one byte; true when it closes the row.
func (l *largeRow) step(c byte) (done bool) {
	if l.inString {
		l.collect(c)
		switch {
		case l.escape:
			l.escape = false
		case c == '\\':
			l.escape = true
		case c == '"':
			l.inString = false
		}
		return !l.inString && l.depth == 0
	}
	switch classes[c] {
	case classQuote:
		l.inString = true
		l.restart(c)
	case classOpen:
		l.restart(c) // a nested value's token is its bracket
		l.depth++
		l.probe.object = l.probe.object || l.depth == 1 && c == '{'
		l.probe.deep = l.probe.deep || l.depth > maxDepth
	case classClose:
		if l.depth == 1 {
			l.member()
		}
		l.depth--
		return l.depth <= 0
	case classScalar:
		l.collect(c)
	default:
		l.punctuation(c)
	}
	return false
}

func (l *largeRow) punctuation(c byte) {
	switch {
	case l.depth == 1 && c == ':':
		l.key = append(l.key[:0], l.token...)
		l.token = l.token[:0]
	case l.depth == 1 && c == ',':
		l.member()
	}
}

// restart begins a new token at a string or a bracket.
func (l *largeRow) restart(c byte) {
	if l.depth == 1 {
		l.token, l.cut = append(l.token[:0], c), false
	}
}

func (l *largeRow) collect(c byte) {
	switch {
	case l.depth != 1:
	case len(l.token) >= maxToken:
		l.cut = true
	default:
		l.token = append(l.token, c)
	}
}

// member gives the probe the depth-1 member that has ended. A value too long to
// be kept counts as unreadable, like a nested one.
func (l *largeRow) member() {
	if len(l.key) >= 2 && l.key[0] == '"' && l.key[len(l.key)-1] == '"' {
		value := bytes.Clone(l.token)
		if l.cut {
			value = []byte{'{'}
		}
		l.probe.take(l.key, true, value)
	}
	l.key, l.token, l.cut = l.key[:0], l.token[:0], false
}
