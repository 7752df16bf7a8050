package airuddersim

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
)

// hugeRow is how much a row grows by when a fault does not say; deepRow how
// deep an unknown field nests.
const (
	hugeRow = 1 << 20
	deepRow = 10_000
)

// damaged is a row with one kind of damage. r chooses among its variants; nil:
// the first one, always.
func (s *Sim) damaged(t *task, index int, f Fault, r *rand.Rand) []byte {
	fields := s.rowFields(t, index)
	variant := 0
	if r != nil {
		variant = r.IntN(3)
	}
	switch f.Kind {
	case NoCallID:
		return appendObject(nil, override(fields, map[string]string{"CallID": []string{`""`, `null`, ``}[variant]}))
	case PlaceholderCallID:
		return appendObject(nil, override(fields, map[string]string{"CallID": []string{`"0"`, `"--"`, `" "`}[variant]}))
	case SurrogateCallID:
		return appendObject(nil, override(fields, map[string]string{"CallID": []string{`"\ud800"`, `"\udfff"`, `"a\ud801b"`}[variant]}))
	case HugeRow:
		size := int(or(f.After, hugeRow))
		text := strings.Repeat("suara tidak jelas, mohon diulang; ", size/34+1)[:size]
		return appendObject(nil, append(fields, field{"AsrDebug", quote(text)}))
	case DeepRow:
		deep := strings.Repeat("[", deepRow) + strings.Repeat("]", deepRow)
		return appendObject(nil, slices.Insert(fields, len(fields)/2, field{"Tree", []byte(deep)}))
	case InvalidUTF8:
		raw := appendObject(nil, fields)
		name := []byte(`"CalleeName":"`)
		return bytes.Replace(raw, name, append(slices.Clone(name), 'A', 0xff, 0xfe), 1)
	default: // BrokenJSON
		raw := appendObject(nil, fields)
		broken := []string{`"RingTime":3e,`, `"RingTime":tru,`, `"RingTime" 3,`}[variant]
		return bytes.Replace(raw, []byte(`"RingTime":`), []byte(broken+`"RingTime":`), 1)
	}
}
