// Package exporter is the loop: recover, then list → read → plan → commit →
// apply.
//
// # Exactly once
//
// The promise: a read_committed consumer sees exactly one event for each
// (TaskID, CallID) that a detail response showed as its row's current attempt
// with Status finished, whatever is killed, cut off, restarted or doubled.
//
// It rests on three facts. What is published and the ledger entries that say so
// are written in one Kafka transaction, so that either both are there or
// neither. Whoever writes a shard has fenced whoever wrote it before, and has
// then read all that those before could commit. And what a process holds in
// memory is only ever what it has seen committed.
//
// A *producer* is one transactional id at one epoch; the id is bound to the
// ledger's partition (the *shard*), not to a setting. One producer's life:
//
//  1. Fence: InitProducerId. No older writer of this shard can commit from here.
//  2. Barrier: one transaction that writes the producer entry into the shard.
//  3. Replay: the whole shard, uncommitted data included, until the barrier and
//     its commit marker have been passed. What is not committed by then never
//     will be: its writer is fenced.
//  4. Commit: events + ledger entries (+ task entry, dead letters) of a plan in
//     one transaction.
//  5. Apply: the entries to memory, only after the commit is acknowledged.
//
// Before its fence, an exporter looks at who wrote the shard last. A tool that has not
// said that it is done is waited for ([AwaitTool]): not for the promise, which the fence
// keeps, but so that the tool comes to its end.
//
// Any doubt ends the producer: an error, an answer that did not come, another
// writer's fence. The process then forgets what it holds of the shard and goes
// to 1. So recovery after a crash, a doubt and a fence is one path, and it is
// taken at every start.
//
//	crash here                     what is durable                  what the next start does           shown by
//	-----------------------------  -------------------------------  ---------------------------------  -----------------------------------------
//	before the fence               what was committed               reads every open task at once      TestKilledAnywhere, TestStartUnderFaults
//	after it, before the barrier   the same; open ones are aborted  the same, at the next epoch        TestOpenTransactionIsAborted
//	while the response streams     the parts that were committed    replays them; the rest is new      TestEachReadingIsCut, TestEndsAtAnyMoment
//	after produce, before EndTxn   nothing of it                    the fence aborts it: rows are new  TestKilledAnywhere, TestCommitUnderFaults
//	EndTxn sent, answer lost       all of it, or nothing            the replay tells which             TestCommitUnderFaults, TestFaultTable
//	committed, not applied         all of it                        the replay applies it              TestEachCommitFails, TestKilledAnywhere
//	closed mark, no tombstones     the mark; the task's entries     deletes the task's entries         TestEachCommitFails, TestAnyHistory
//	between two tombstone commits  the mark; the entries left       deletes the rest                   TestEachCommitFails, TestAnyHistory
//
// TestKilledAnywhere kills the process at each step, with the request lost, its
// answer lost, or the request arriving after the next producer has begun. The
// same protocol is checked as a model, protocol.tla, whose names are the code's.
//
// A response belongs to the producer that it was read for: all readings end with
// it, one reading of a task runs at a time, and at most one plan of a task waits
// for its commit. So no answer is older than what was last applied.
//
// # Non-obvious
//
//   - Rows are published while their response still streams; what it says of the
//     task (transition, seal, closing) waits for its end. A response that breaks
//     off loses nothing that was whole and changes no task.
//   - A commit is not cut off when the process is told to end. It is finished, or
//     left in doubt, which is the same as a crash.
//   - Nothing final rests on a single answer, which may be empty, old or damaged: a
//     seal, a closing and a dead letter take two that agree, and so does a step back
//     of a task's status. What was seen at a task's end is in its ledger entry, so a
//     restart does not begin anew; suspected dead letters are in memory alone.
//   - The list only makes a task due. Transitions come from detail readings.
//   - A transaction is built while the one before is being committed, and built
//     again when more plans come meanwhile: the slower the commits, the more each
//     takes along. While the coordinator is busy with markers (51) it is held back
//     for a moment; else two groups of tasks would take turns, each waiting for
//     the other's commit.
//   - After any end of a producer a member of a group first asks the group whether
//     the shard is still its own: a process that was stopped for longer than its
//     session would fence the new owner before it hears that there is one.
//   - Meta is written, then looked at again after a second fence: EndTxn is
//     answered before its markers are in place, and a shard that replays in
//     between would find no meta.
//   - That no task can be read is said only by tasks that began to fail after the
//     last answer: those that failed before it have a trouble of their own, and may
//     be all that is read for minutes.
//   - Nothing ends a wait for the upstream but its time-out; that it hangs is seen by
//     comparing each wait with the last answer to the same request, since a big
//     detail may take 100 s to its first byte.
package exporter
