package ledger

import (
	"crypto/sha256"
	"encoding/hex"
)

// CallKey is a CallID in 16 bytes, so that a task's set holds no pointers: 32
// lower-case hex digits as the number they are, anything else as the first half
// of its SHA-256 (its text is kept in Texts).
type CallKey [16]byte

// KeyOf returns a CallID's key, and whether the key alone tells the text.
func KeyOf[T string | []byte](callID T) (k CallKey, exact bool) {
	if len(callID) == 32 && unhex(k[:], callID) {
		return k, true
	}
	sum := sha256.Sum256([]byte(callID))
	return CallKey(sum[:16]), false
}

// unhex decodes lower-case hex digits into dst; false when there are others.
func unhex[T string | []byte](dst []byte, src T) bool {
	for i := range dst {
		hi, lo := nibble[src[2*i]], nibble[src[2*i+1]]
		if hi|lo > 15 {
			return false
		}
		dst[i] = hi<<4 | lo
	}
	return true
}

// nibble is the value of a lower-case hex digit, 255 for any other byte.
var nibble = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	for i, c := range "0123456789abcdef" {
		t[c] = byte(i)
	}
	return t
}()

// Texts holds the CallIDs whose key alone does not tell them.
type Texts map[CallKey]string

// CallID is the CallID of a key.
func (t Texts) CallID(k CallKey) string {
	if text, ok := t[k]; ok {
		return text
	}
	return hex.EncodeToString(k[:])
}
