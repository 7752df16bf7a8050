package privacy

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"regexp"
	"strings"
	"unicode/utf8"
)

// minSecret is how many bytes a key has at least: as many as its HMAC gives.
const minSecret = sha256.Size

// Key is what tokens are made with. Its name stands in front of each, so that
// consumers see which key made it. The zero Key is none.
type Key struct {
	name string
	mac  func() hash.Hash // a closure, so that no print of a struct that holds a Key shows its bytes
}

// Set reports whether there is a key.
func (k Key) Set() bool { return k.mac != nil }

// keyName has no dot, which ends it in a token, and nothing that a URL, a file's
// name or SQL would have to escape.
var keyName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// ParseKey reads name:base64, on one line. Its error never shows the text.
func ParseKey(line string) (Key, error) {
	const give = "give one line such as k1:BASE64, where `openssl rand -base64 32` makes the BASE64"
	line = strings.TrimSpace(line)
	if strings.ContainsAny(line, "\r\n") {
		return Key{}, errors.New("has more than one line: " + give)
	}
	name, text, found := strings.Cut(line, ":")
	name, text = strings.TrimSpace(name), strings.TrimSpace(text)
	switch {
	case !found:
		return Key{}, errors.New("has no name before a colon: " + give)
	case !keyName.MatchString(name):
		return Key{}, errors.New("has a name that is not 1 to 32 letters, digits, - or _: " + give)
	}
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	secret, err := base64.RawStdEncoding.DecodeString(text)
	switch {
	case err != nil: // it quotes an offset alone, but what is wrong is enough
		return Key{}, errors.New("is not base64 after the name: " + give)
	case len(secret) < minSecret:
		return Key{}, fmt.Errorf("has %d bytes after the name, at least %d are needed: %s", len(secret), minSecret, give)
	}
	return Key{name, func() hash.Hash { return hmac.New(sha256.New, secret) }}, nil
}

// tokenBytes of the HMAC are in a token: 128 bits, so that no two borrowers share
// one.
const tokenBytes = 16

// tokens returns what makes a kind's tokens:
//
//	<key's name>.<base64url of the first 16 bytes of HMAC-SHA-256(key, kind ":" value)>
//
// where kind is "number" or "text". A number counts by its digits, without 00 in
// front; no country is guessed, so 0812… and +62812… are two. What holds no digit
// counts as it is written. A text counts without its outer blanks. Without a value
// there is no token: the result is empty.
func (k Key) tokens(kind Kind) func(string) string {
	prefix, plain := []byte("text:"), strings.TrimSpace
	if kind == Number {
		prefix, plain = []byte("number:"), plainNumber
	}
	mac := k.mac()
	in, sum := make([]byte, 0, 64), make([]byte, 0, sha256.Size)
	out := append([]byte(k.name), '.')
	return func(value string) string {
		value = plain(value)
		if value == "" {
			return ""
		}
		mac.Reset()
		in = append(append(in[:0], prefix...), value...)
		_, _ = mac.Write(in) // it never fails
		sum = mac.Sum(sum[:0])
		return string(base64.RawURLEncoding.AppendEncode(out, sum[:tokenBytes]))
	}
}

// RowHash returns a hash of what a row says, which many goroutines may use: the first 8
// bytes of the HMAC-SHA-256 with the key, where there is one, else of the SHA-256.
func (c Choice) RowHash() func(row []byte) uint64 {
	if !c.key.Set() {
		return func(row []byte) uint64 {
			sum := sha256.Sum256(row)
			return binary.BigEndian.Uint64(sum[:])
		}
	}
	return func(row []byte) uint64 {
		mac := c.key.mac()
		_, _ = mac.Write([]byte("row:")) // it never fails
		_, _ = mac.Write(row)
		return binary.BigEndian.Uint64(mac.Sum(nil))
	}
}

// plainNumber is a phone number's digits without the 00 that some write for +.
func plainNumber(s string) string {
	s = strings.TrimSpace(s)
	plain := strings.TrimPrefix(s, "+")
	if digits(plain) != len(plain) {
		plain = strings.Map(func(r rune) rune {
			if isDigit(r) {
				return r
			}
			return -1
		}, plain)
	}
	if plain = strings.TrimPrefix(plain, "00"); plain == "" {
		return s
	}
	return plain
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

func digits(s string) (n int) {
	for i := range len(s) {
		if isDigit(rune(s[i])) {
			n++
		}
	}
	return n
}

// What a mask shows, and how much there must be, so that what it hides is worth
// hiding.
const (
	shownTail   = 4
	leastMasked = 8
)

// MaskNumber shows the last four digits of a phone number; of one with fewer than
// eight, nothing. Each other character becomes *.
func MaskNumber(s string) string {
	show := shownTail
	left := digits(s)
	if left < leastMasked {
		show = 0
	}
	return masked(s, func(r rune) bool {
		if !isDigit(r) {
			return false
		}
		left--
		return left < show
	})
}

// MaskText shows the last four characters of a text; of one with fewer than eight,
// nothing. Each other character becomes *.
func MaskText(s string) string {
	show := shownTail
	left := utf8.RuneCountInString(s)
	if left < leastMasked {
		show = 0
	}
	return masked(s, func(rune) bool {
		left--
		return left < show
	})
}

func masked(s string, shown func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if shown(r) {
			return r
		}
		return '*'
	}, s)
}
