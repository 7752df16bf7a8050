package compat

import (
	"context"
	"errors"
	"fmt"
	"iter"

	kafkago "github.com/segmentio/kafka-go"

	"airudder-exporter/internal/batch"
	"airudder-exporter/internal/kafka"
)

// logs tries transactions on one partition, and looks at its log after each. Each
// transaction holds one record, whose key is its number.
type logs struct {
	*place
	writer    *kafka.Writer // the last one
	number    int
	committed []string // keys
	end       int64    // of the partition, as it must be
}

// errLeave ends a transaction as a process does that dies inside.
var errLeave = errors.New("left open")

func (l *logs) tries() []try {
	return []try{
		{name: "transactions", needs: "topics", breaks: "the exporter does not start: without transactions calls are published twice or lost",
			cure: "use brokers that have them", run: l.begin},
		{name: "control records", needs: "transactions", breaks: "the exporter does not start: it cannot tell what is committed from what is not",
			cure: "use brokers that write transaction markers and send them to consumers", run: l.marker},
		{name: "open transactions", needs: "transactions", breaks: "consumers see calls that may be published again",
			cure: "use brokers that hide them from read_committed consumers", run: l.open},
		{name: "aborts", needs: "control records", breaks: "consumers see calls that are published again",
			cure: "use brokers that abort what a dead producer left open, and tell consumers so", run: l.abort},
		{name: "fence of a produce", needs: "transactions", breaks: "two exporters publish the same calls",
			cure: "use brokers that refuse a producer once another one has its transactional id", run: l.fencedProduce},
		{name: "fence of a commit", needs: "transactions", breaks: "two exporters publish the same calls",
			cure: "use brokers that refuse a producer once another one has its transactional id", run: l.fencedCommit},
		{name: "read_committed", needs: "control records", breaks: "consumers see calls twice, or miss them", cure: "see the lines before", run: l.all},
	}
}

func (l *logs) at() batch.Place { return batch.Place{Topic: l.names.event} }

// fence makes a writer, after which all markers of earlier transactions are in place.
func (l *logs) fence(ctx context.Context) (*kafka.Writer, error) {
	w, err := l.client.Writer(ctx, l.names.ledger+"-log", l.names.event)
	if err != nil {
		return nil, err
	}
	ranges, err := l.client.Ends(ctx, l.names.event)
	if err != nil {
		return nil, err
	}
	ends := make([]int64, len(ranges))
	for i, r := range ranges {
		ends[i] = r.End
	}
	w.Begins(ends)
	l.writer, l.end = w, ends[0]
	return w, nil
}

// record is the next one, encoded.
func (l *logs) record() ([]batch.Placed, error) {
	l.number++
	b, err := batch.EncodeAt(l.at(), []batch.Record{{Topic: l.names.event, Key: fmt.Append(nil, l.number)}}, batch.Uncompressed)
	return []batch.Placed{b}, err
}

// write writes one record in a transaction and calls inside before it is decided, whose
// error leaves it open; then, with more, another record.
func (l *logs) write(ctx context.Context, w *kafka.Writer, inside func() error, more bool) error {
	var rounds iter.Seq2[[]batch.Placed, error] = func(yield func([]batch.Placed, error) bool) {
		if !yield(l.record()) {
			return
		}
		if err := inside(); err != nil {
			yield(nil, err)
		} else if more && yield(l.record()) {
			yield(nil, errTaken)
		}
	}
	return w.Commit(ctx, rounds)
}

// errTaken: a record was taken that had to be refused.
var errTaken = errors.New("another record was taken")

func nothing() error { return nil }

func (l *logs) begin(ctx context.Context) (string, error) {
	w, err := l.fence(ctx)
	if err != nil {
		return "", err
	}
	if err := l.write(ctx, w, nothing, false); err != nil {
		return "", err
	}
	l.committed = append(l.committed, "1")
	_, err = l.fence(ctx)
	return "a transaction was written and committed", err
}

// marker looks for the commit of the first transaction.
func (l *logs) marker(ctx context.Context) (string, error) {
	log, err := l.client.Log(ctx, l.at(), 0, false)
	switch {
	case err != nil:
		return "", err
	case len(log.Batches) == 0 || log.Batches[0].Records != 1:
		return "", unlike("the record at offset 0 is not sent")
	case log.HighWatermark < 2:
		return "", unlike("the record has offset 0, and the log ends at %d: no marker was written", log.HighWatermark)
	case len(log.Batches) < 2:
		return "", unlike("the log ends at %d, and nothing is sent but the record at offset 0: markers are kept from consumers", log.HighWatermark)
	case !log.Batches[1].Commits || log.Batches[1].ProducerID != log.Batches[0].ProducerID:
		return "", unlike("what stands at offset %d is no marker of the commit", log.Batches[1].First)
	case log.LastStable < log.Batches[1].Last+1:
		return "", unlike("the last stable offset is %d, and the transaction before offset %d is decided", log.LastStable, log.Batches[1].Last+1)
	}
	return fmt.Sprintf("the commit's marker is sent, at offset %d", log.Batches[1].First), nil
}

// open looks at a transaction that is not decided, and leaves it open.
func (l *logs) open(ctx context.Context) (string, error) {
	var seen error
	at := l.end
	err := l.write(ctx, l.writer, func() error {
		seen = l.hidden(ctx, at)
		return errLeave
	}, false)
	if errors.Is(err, errLeave) {
		err = seen
	}
	return "neither records nor offsets of one show up for read_committed", err
}

// hidden looks whether the record at an offset, whose transaction is open, is kept from
// read_committed consumers alone.
func (l *logs) hidden(ctx context.Context, at int64) error {
	all, err := l.client.Log(ctx, l.at(), at, false)
	if err != nil {
		return err
	}
	read, err := l.client.Log(ctx, l.at(), at, true)
	if err != nil {
		return err
	}
	stable, err := l.client.Stable(ctx, l.names.event)
	switch {
	case err != nil:
		return err
	case len(all.Batches) == 0:
		return unlike("the record at offset %d is not sent to read_uncommitted consumers, as which the exporter reads", at)
	case len(read.Batches) > 0:
		return unlike("the record at offset %d was sent to a read_committed consumer before it was committed", at)
	case all.LastStable > at:
		return unlike("the last stable offset is %d, and the transaction at offset %d is open", all.LastStable, at)
	case stable[0].End != at:
		return unlike("ListOffsets gives read_committed consumers the end %d, and the transaction at offset %d is open", stable[0].End, at)
	}
	return nil
}

// abort has a producer die inside a transaction, and the next one begin.
func (l *logs) abort(ctx context.Context) (string, error) {
	w, err := l.fence(ctx)
	if err != nil {
		return "", err
	}
	before := l.end
	if err := l.write(ctx, w, func() error { return errLeave }, false); !errors.Is(err, errLeave) {
		return "", err
	}
	if _, err := l.fence(ctx); err != nil {
		return "", err
	}
	log, err := l.client.Log(ctx, l.at(), before, false)
	if err != nil {
		return "", err
	}
	read, err := l.client.Log(ctx, l.at(), before, true)
	if err != nil {
		return "", err
	}
	if len(log.Batches) < 2 || !log.Batches[1].Abort {
		return "", unlike("no marker of the abort follows the record at offset %d, though its producer was fenced", before)
	}
	dead := log.Batches[0]
	for _, b := range read.Batches {
		if b.First != before {
			continue
		}
		for _, a := range read.Aborted {
			if a.ProducerID == dead.ProducerID && a.First == before {
				return fmt.Sprintf("what a dead producer left open is aborted by the next one: marker at offset %d, and in the list for consumers", log.Batches[1].First), nil
			}
		}
		return "", unlike("a read_committed consumer gets the record at offset %d, and is not told that it was aborted", before)
	}
	return fmt.Sprintf("what a dead producer left open is aborted by the next one: marker at offset %d", log.Batches[1].First), nil
}

// fencedProduce has a second producer begin while the first is inside a transaction, which
// then writes on.
func (l *logs) fencedProduce(ctx context.Context) (string, error) {
	return l.fenced(ctx, true, "the records")
}

// fencedCommit is the same for a commit.
func (l *logs) fencedCommit(ctx context.Context) (string, error) {
	return l.fenced(ctx, false, "the commit")
}

func (l *logs) fenced(ctx context.Context, more bool, what string) (string, error) {
	w, err := l.fence(ctx)
	if err != nil {
		return "", err
	}
	at := l.end
	var fence error
	err = l.write(ctx, w, func() error {
		_, fence = l.fence(ctx)
		return fence
	}, more)
	switch {
	case fence != nil:
		return "", fence
	case err == nil, errors.Is(err, errTaken):
		return "", unlike("a second producer took the transactional id over, and the broker accepted %s of the first one all the same", what)
	case !errors.Is(err, kafka.ErrFenced) && !errors.Is(err, kafkago.InvalidTransactionState): // which says that its transaction is gone
		return "", unlike("a second producer took the transactional id over, and the broker refused %s of the first one, but not as one that is fenced: %w", what, err)
	}
	return l.epochs(ctx, at, what)
}

// epochs looks at the epochs of a producer that was fenced, and of who fenced it.
func (l *logs) epochs(ctx context.Context, at int64, what string) (string, error) {
	if err := l.write(ctx, l.writer, nothing, false); err != nil {
		return "", fmt.Errorf("the producer that took the transactional id over cannot write: %w", err)
	}
	l.committed = append(l.committed, fmt.Sprint(l.number))
	log, err := l.client.Log(ctx, l.at(), at, false)
	if err != nil {
		return "", err
	}
	var own []kafka.Logged
	for _, b := range log.Batches {
		if b.Records > 0 && !b.Commits && !b.Abort {
			own = append(own, b)
		}
	}
	if len(own) != 2 {
		return "", unlike("after offset %d the log has %d records, not the fenced producer's and the next one's", at, len(own))
	}
	if own[0].ProducerID == own[1].ProducerID && own[1].Epoch <= own[0].Epoch {
		return "", unlike("the epoch was %d before another producer took the transactional id over, and %d after", own[0].Epoch, own[1].Epoch)
	}
	return fmt.Sprintf("the broker refuses %s of a producer once another one has its transactional id (epoch %d after %d)", what, own[1].Epoch, own[0].Epoch), nil
}

// all reads the partition as the exporter does.
func (l *logs) all(ctx context.Context) (string, error) {
	if _, err := l.fence(ctx); err != nil {
		return "", err
	}
	var keys []string
	err := l.client.Scan(ctx, l.names.event, 0, 0, l.end, func(m kafka.Message) error {
		keys = append(keys, string(m.Key))
		return nil
	})
	if err != nil {
		return "", err
	}
	if got, want := fmt.Sprint(keys), fmt.Sprint(l.committed); got != want {
		return "", unlike("of the transactions %s were committed, and %s are read", want, got)
	}
	return fmt.Sprintf("of %d transactions those are read that were committed, each once", l.number), nil
}
