// Package repair mends what an audit has found, where that can be mended: an entry whose
// event is gone, by publishing the event again, and an event without an entry, by writing
// the entry. Everything else an audit finds is left to people.
//
// An event is published again as AIRudder shows its row now, under the number and the
// ce_id that it had, in one transaction with its entry. A task that was sealed is not
// sealed any more, since the seal's offsets end before the event: its exporter reads it
// again, and seals it with the next seal_number. An entry is made from what the event
// says.
//
// Its order is that of every tool that writes (package hold). AIRudder is asked before
// the fence, which is held for seconds alone. After it the ledger is replayed, and the
// events are read on from where the audit had read them to: what an exporter or another
// repair has mended or published meanwhile is left out. No exporter can write to the
// shard from the fence on, so what is looked at is what there is.
//
//	killed here          what is durable           what a second repair does
//	-------------------  ------------------------  -------------------------------
//	before its EndTxn    nothing                   all of it
//	the EndTxn           a transaction, or not     the audit before it tells which
//	between two EndTxns  some of the calls         the others
package repair
