package replay

import (
	"strconv"
	"strings"

	"airudder-exporter/internal/batch"
)

// The headers that a copied record has besides its own.
const (
	MarkHeader   = "airudder_replay" // NAME/<digest of the selection>
	OriginHeader = "airudder_origin" // topic/partition/offset, in the source
)

// origin is where a record stood in the source.
type origin struct {
	batch.Place
	offset int64
}

// append writes the origin as its header has it.
func (o origin) append(b []byte) []byte {
	b = append(append(b, o.Topic...), '/')
	b = append(strconv.AppendInt(b, int64(o.Partition), 10), '/')
	return strconv.AppendInt(b, o.offset, 10)
}

// parseOrigin reads what append wrote. No topic has a slash in its name.
func parseOrigin(text string) (o origin, ok bool) {
	parts := strings.Split(text, "/")
	if len(parts) != 3 {
		return o, false
	}
	partition, err := strconv.ParseInt(parts[1], 10, 32)
	offset, bad := strconv.ParseInt(parts[2], 10, 64)
	o = origin{batch.Place{Topic: parts[0], Partition: int(partition)}, offset}
	return o, err == nil && bad == nil && string(o.append(nil)) == text && partition >= 0 && offset >= 0
}

// CheckName says what is wrong with a replay's name.
func CheckName(name string) error {
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	}
	if name == "" || len(name) > 100 || strings.ContainsFunc(name, odd) {
		return refuse("%q is no name for a replay: give up to 100 letters, digits, dots, dashes and underscores", name)
	}
	return nil
}
