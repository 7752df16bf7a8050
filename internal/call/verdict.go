package call

// Verdict is what the ledger says of a row that shows a finished call.
type Verdict uint8

// The verdicts there are. A row that is not RowNew needs no decoding.
const (
	RowNew     Verdict = iota // nothing of the row was published
	RowKnown                  // it was published, and nothing says that it changed since
	RowChanged                // it was published from other bytes
)

// Judge gives the verdict on a row: by its CallID, or by its hash alone where
// callID is empty. The hash is Row.Hash; 0 is not known. A Judge keeps neither
// the slice nor a promise that the verdict stays: it tells what is published now.
type Judge func(callID []byte, hash uint64) Verdict
