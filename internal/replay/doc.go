// Package replay copies selected records of a topic into a new one, for consumers that
// read them again.
//
// A replay's progress stands in its target alone: each record there says in a header
// where in the source it stood, and under which name and selection it was copied. The
// target has as many partitions as the source, and a record keeps its partition, so
// within a partition the order is the source's. A replay that was killed is run again: it
// fences the transactional id of the target, reads after the fence what is committed
// there, and continues after the last origin of each partition.
//
//	if it dies                  what is there             what the next run does
//	before the target is made   nothing                   begins
//	inside a transaction        what was committed        fences, which aborts the transaction,
//	                            before it                 and continues after the last origin
//	with EndTxn unanswered      that, or all of it        the same: the target tells
//
// Each run fixes the source's ends when it starts, and copies what is decided below them: a
// record that is committed later with an offset below one that was copied would be passed
// over by the next run. So a finished replay that is run again adds what was published
// since; a selection that is to end says until when.
//
//	selection.go  which records are meant, and the digest of that
//	origin.go     the two headers
//	target.go     what the target holds: this replay's records and nothing else
//	settings.go   what the target has to be set to, so that it keeps the records
//	plan.go       what would be copied, counted
//	copy.go       partitions read side by side, written in transactions
//	replay.go     the run: look, plan, refuse, copy
//	replay.tla    the same as a model, which .ci/model.sh checks
package replay
