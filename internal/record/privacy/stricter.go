package privacy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// String is the choice as it is written down: each field that is not kept with its
// mode, in the order of the alphabet, then the kept fields of additional_fields. It
// is empty where everything is kept, and the same for the same modes, however they
// were given. It does not name the key: another key shows no more and no less.
func (c Choice) String() string {
	var entries []string
	for i, mode := range c.modes {
		if mode != Keep {
			entries = append(entries, fields[i].Name+":"+mode.String())
		}
	}
	slices.Sort(entries)
	for _, name := range c.names {
		entries = append(entries, unknownPrefix+url.QueryEscape(name)+":"+Keep.String())
	}
	return strings.Join(entries, ",")
}

// Digest is the first 16 hex digits of the SHA-256 of String.
func (c Choice) Digest() string {
	sum := sha256.Sum256([]byte(c.String()))
	return hex.EncodeToString(sum[:8])
}

// Header is the preset's name and the digest, as records say under which choice they
// were made.
func (c Choice) Header() string { return string(c.Preset()) + "/" + c.Digest() }

// Stricter reports whether the new choice, as its String writes it, shows nobody
// anything that the old one does not show. It does for equal ones.
func Stricter(old, new string) (bool, error) {
	was, err := parseWritten(old)
	if err != nil {
		return false, err
	}
	is, err := parseWritten(new)
	if err != nil {
		return false, err
	}
	for i := range fields {
		if !is.modes[i].within(was.modes[i]) {
			return false, nil
		}
	}
	if was.Mode(AdditionalFields) == Keep {
		return true, nil
	}
	for _, name := range is.names {
		if !slices.Contains(was.names, name) {
			return false, nil
		}
	}
	return true, nil
}

// parseWritten reads what String wrote.
func parseWritten(s string) (Choice, error) {
	c := Choice{modes: make([]Mode, len(fields))}
	if s == "" {
		return c, nil
	}
	above, err := ParseOverrides(strings.Split(s, ","))
	if err != nil {
		return Choice{}, fmt.Errorf("read a privacy choice: %w", err)
	}
	for i, f := range fields {
		c.modes[i] = above.modes[f.Name]
	}
	for _, name := range above.names {
		plain, err := url.QueryUnescape(name)
		if err != nil {
			return Choice{}, fmt.Errorf("read a privacy choice: %w", err)
		}
		c.names = append(c.names, plain)
	}
	return c, nil
}
