package airudder

import (
	"strconv"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"airudder-exporter/internal/call"
	"airudder-exporter/internal/jsonrows"
)

// maxValues is how many a row may have: decoded and encoded, an empty one takes
// hundreds of times its own bytes.
const maxValues = 20_000

// rowProbe reads what says whether a row shows a finished call, and which.
var rowProbe = jsonrows.NewProbe("CallID", "Status", "id")

const (
	probedCallID = iota
	probedStatus
	probedID
)

// row takes one row as the scanner framed it.
func (a *answer) row(row *jsonrows.Row) error {
	if a.passOver {
		return nil
	}
	switch a.look(row) {
	case rowFinished:
		return a.finished(row)
	case rowUnreadable:
		a.unreadable(row)
	}
	return nil
}

// showing is what a row's status says.
type showing int

const (
	rowOpen       showing = iota // or cancelled, or no object: nothing to publish
	rowFinished                  // a call to publish
	rowUnreadable                // there is no status, or none that can be read
)

// look counts a row by what its status says.
func (a *answer) look(row *jsonrows.Row) showing {
	a.counts.Rows++
	a.metrics.rowsRead.Inc()
	if !row.Object {
		a.metrics.mismatched("detail")
		if !jsonrows.IsNull(row.Raw) { // a string or an array may hold a call
			a.counts.NoStatus++
			a.metrics.noStatus.Inc()
		}
		return rowOpen
	}
	status := statusOf(row)
	switch a.words.Meaning(status) {
	case call.MeansFinished:
		a.counts.Finished++
		return rowFinished
	case call.MeansCancelled:
		a.counts.Cancelled++
	case call.MeansNothing:
		if isBlank(status) {
			return rowUnreadable
		}
		a.unknown(row, status)
	}
	return rowOpen
}

// finished takes a row that shows a finished call.
func (a *answer) finished(row *jsonrows.Row) error {
	callID, hash := callIDOf(row), xxhash.Sum64(row.Raw)
	a.shared.note(callID, row.Value(probedID))
	if a.isKnown(callID, hash) {
		return nil
	}
	switch {
	case len(row.Raw) > jsonrows.MaxRow:
		a.reject(call.TooLarge, "the row has "+strconv.Itoa(len(row.Raw))+" bytes", hash, row)
	case row.Deep:
		a.reject(call.BrokenJSON, "the row nests too deeply", hash, row)
	case !jsonrows.Valid(row.Raw):
		a.reject(call.BrokenJSON, "the row is not valid JSON", hash, row)
	case !utf8.Valid(row.Raw):
		a.reject(call.InvalidUTF8, "the row is not valid UTF-8", hash, row)
	case isDamaged(probedText(row, probedCallID)):
		a.reject(call.InvalidUTF8, "CallID holds half of a surrogate pair, or U+FFFD: which call it was is lost", hash, row)
	case len(callID) == 0:
		a.reject(call.NoCallID, noCallID(row), hash, row)
	case jsonrows.MoreValues(row.Raw, maxValues):
		a.reject(call.TooLarge, "the row has more than "+strconv.Itoa(maxValues)+" values", hash, row)
	default:
		return a.decode(row, hash)
	}
	return nil
}

// unreadable takes a row without a status to be read. Where the row is not JSON,
// the status may be what broke.
func (a *answer) unreadable(row *jsonrows.Row) {
	status := row.Value(probedStatus)
	if _, isText := jsonrows.Text(status); !isText && !jsonrows.IsNull(status) {
		a.metrics.mismatched("Status")
	}
	if row.Deep || jsonrows.Valid(row.Raw) {
		a.counts.NoStatus++
		a.metrics.noStatus.Inc()
		return
	}
	if hash := xxhash.Sum64(row.Raw); !a.isKnown(nil, hash) {
		a.reject(call.BrokenJSON, "the row and its status are no valid JSON", hash, row)
	}
}

// decode decodes a new row in its place in the next part.
func (a *answer) decode(row *jsonrows.Row, hash uint64) error {
	decoded := a.next()
	decoded.Hash = hash
	if err := decodeRow(&a.decoding, decoded, row); err != nil {
		a.fresh = a.fresh[:len(a.fresh)-1]
		a.reject(call.BrokenJSON, err.Error(), hash, row)
		return nil
	}
	if call.MeaningOf(decoded.Status) == call.MeansNothing {
		decoded.Means = call.MeansFinished
	}
	a.metrics.redialAfter.Add(float64(redialsAfter(decoded)))
	return a.added(len(row.Raw))
}

// isKnown asks for a row; one without a CallID is known by its hash alone.
func (a *answer) isKnown(callID []byte, hash uint64) bool {
	if a.judge(callID, hash) == call.RowNew {
		return false
	}
	a.metrics.rowsSkipped.Inc()
	return true
}
