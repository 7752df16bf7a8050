// Package rebuild makes a new ledger in the place of a lost one, from what was
// published: events, dead letters and status changes.
//
// Several ledgers may share the three topics. A rebuild takes the records of one alone,
// by the header that names it, and the ledger that it makes keeps that id: records from
// before and after it are one ledger's.
//
// Its order is that of every tool that writes (package hold): fence, so that no exporter
// can add to what is read; read; write, the meta entries last. It looks and writes the
// meta as an exporter does, and a task's state follows from its published
// changes by the same ledger.State.Next.
//
//	killed here          what is durable               what a run does       what a second rebuild does
//	-------------------  ----------------------------  --------------------  --------------------------
//	before the meta      the topic, some entries       refuses the ledger    writes those that are missing
//	the meta's EndTxn    all entries, the meta or not  continues or refuses  says that it is there, or writes it
//
// The new ledger equals the lost one, except for what no topic tells:
//
//   - Row hashes are 0: what AIRudder changed since a call was published is not
//     counted.
//   - ClosedAt is the seal's time and the retention: a sealed task whose
//     retention is over counts as closed. No later change of it can be missed, for
//     whatever is published of a task ends its seal.
//   - Tasks that ended before the export began are not known. They are read, and
//     noted, once more.
//   - Of a task whose first TaskStatusChanged are gone, TerminalSince is taken from
//     those that are left: it is sealed later than it would have been, never earlier.
package rebuild
