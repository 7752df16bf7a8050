package kafka

import (
	"errors"
	"fmt"

	kafkago "github.com/segmentio/kafka-go"
)

// What a caller branches on, with errors.Is. Each comes wrapped in a sentence
// that says what happened.
var (
	// ErrFenced: another producer took over the transactional id, or its barrier
	// stands after ours or in its place, or the coordinator gave our transaction
	// up. This one can never commit again.
	ErrFenced = errors.New("fenced")

	// ErrLedgerMoved: the ledger partition is not the one that this process
	// knew: deleted and created again, or truncated. Another attempt cannot help.
	ErrLedgerMoved = errors.New("the ledger moved")

	// ErrNoTopic: there is no such topic, or none that this user may know of.
	ErrNoTopic = errors.New("there is no such topic")
)

// operationNotAttempted is Kafka's OPERATION_NOT_ATTEMPTED, for which kafka-go
// has another name. Source: the protocol guide's table of error codes.
const operationNotAttempted kafkago.Error = 55

// codeError turns a response's code into an error, nil for 0, and marks those
// that say that this producer's time is over.
func codeError(code int16) error {
	switch err := kafkago.Error(code); err {
	case 0:
		return nil
	case kafkago.InvalidProducerEpoch, kafkago.InvalidProducerIDMapping, kafkago.ProducerFenced:
		return fmt.Errorf("%w: another producer took over the transactional id, "+
			"or the coordinator ended the transaction at its time-out: %w", ErrFenced, err)
	default:
		return err
	}
}
