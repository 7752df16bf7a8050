package kafka

import (
	"errors"
	"fmt"

	kafkago "github.com/segmentio/kafka-go"
)

// What a caller branches on, with errors.Is. Each comes wrapped in a sentence
// that says what happened.
var (
	// ErrFenced: another producer took over the transactional id, or the
	// coordinator gave our transaction up. This one can never commit again.
	ErrFenced = errors.New("fenced")

	// ErrSuperseded: another producer's barrier stands behind ours, or in its
	// place.
	ErrSuperseded = errors.New("superseded")

	// ErrLedgerMoved: the ledger partition is not the one that this process
	// knew: deleted and created again, or truncated. Trying again is in vain.
	ErrLedgerMoved = errors.New("the ledger moved")
)

// TooLargeError says that a unit of records can never fit into one
// transaction's batch. Nothing was sent, and the producer goes on.
type TooLargeError struct {
	Topic string
	Size  int // bytes that the unit needs in one batch of the topic
	Limit int // bytes that there may be
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%d bytes for one batch of topic %s, where %d are allowed (80%% of max.message.bytes)", e.Size, e.Topic, e.Limit)
}

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
