// Package audit holds a ledger, the events and the seals side by side, and says what does
// not fit. It writes nothing, and fences nobody: exporters run beside it.
//
// # Why a running exporter gives no false finding
//
// An event, its entry and its task_sequence are committed in one transaction, whose
// markers reach the partitions one by one. Each topic is read up to a *settled* end: ends
// are asked for, then each partition is waited for until its last stable offset has
// reached that end (kafka.Client.Settled). So of each record below the end its
// transaction's outcome is known, and no partition waits for another. What is read, in
// this order:
//
//  1. The status records. A seal is committed in a later transaction than every event
//     that it tells of, so the entries and events of all seals that are seen here stand
//     below the ends that are asked for after this.
//  2. The ledger. An entry that is seen is committed; so its event was acknowledged
//     before the ends of 3 are asked for, and stands below them, decided as its entry is.
//     An entry without an event is therefore one, and none that is still on its way.
//  3. The events. One without an entry may have been committed after 2.
//  4. The ledger's tail, from where all was decided in 2 to an end that is asked for
//     after 3, for the events without an entry. An event that is seen in 3 is committed; so its
//     entry was acknowledged before, and stands below that end. One that has no entry now
//     never had one. Of the entries of 4 only those count that tell of such an event:
//     where the events of the others stand was not read. Their numbers do not count,
//     either: 3 may have seen a transaction in one partition and not in another.
//
// What disappears meanwhile does so in an order that the marks tell: an entry that the
// cleaner takes has a later one of its key, which 2 or 4 sees, and 4 again if it was
// written during that; its number, which 2 missed, is not above the last that 2 knew. And a
// task's entries are deleted after its mark says that it is closed. Of a task whose mark
// is written meanwhile, numbers and seals are left out: the one of before may be gone. Where retention deletes events while they are read, the partition counts as
// one that begins at what was left.
//
// # What may have expired
//
// A partition of the event topic that has lost its beginning holds all that was written
// since its first record. In which partition a missing event was is not known, since it
// depends on the key. So an event is missing for sure where its entry is not older than
// the youngest first record of all partitions that have lost their beginning: the time of
// the entry is when the response began that showed the call, and a record's timestamp is
// later. An entry that was written again, for a revision or to note what its row says, has
// the time of that; then the last call counts that was published before it, as the numbers
// say, since the readings of a task come one after the other. Of older ones it is not known, and they are reported. A partition of which
// nothing is left may have held anything up to now.
//
// # AIRudder beside them
//
// AIRudder is asked after the events and before the ledger's tail, so that a call that it
// shows and that was published before it was asked is known by its entry. It may show
// others that no exporter has read yet: they are *not yet*. One was missed, and is a
// finding, where its task was read since: the row still shows the call, so it showed it
// then. That a task was read is what its entries, its looks and its seal say; none of
// these is believed before as much time has passed as an exporter needs to read the task
// again where an answer was cut, and to commit what it saw (Lags.Export). And since a row
// may say finished a while after its call's end, the call's end must be older than that
// reading by as long as the operator waits for late rows before a seal (Lags.Late). Rows without a CallID, closed tasks and those that are passed over are no matter
// of an audit; nor is what a redial overtook, which no row shows any more.
//
// # What is held
//
// The entries, as in a run, with the number and the time of each, and two bits of what
// was seen: 12 bytes beside the key, where a run keeps 8. Events are streamed, each a
// mark. An event without an entry takes as much as an entry; so do the events of closed
// tasks, whose entries are gone: they are what a seal's digest is made of. That the first
// event of a doubled call left a mark alone is why the events are read once more where
// there are findings of them.
//
// # Room for a repair
//
// A Report is a value. A finding MissingEvent has what a repair needs: TaskID, CallID,
// and the Number under which the event is to be published; and Partitions has the ends
// from which a repair, once it has fenced the shard, reads on to see what was published
// since.
//
// # File map
//
//	checker.go  entries, seals and events as they come in: pure
//	slot.go     what is kept of a call
//	judge.go    calls and numbers judged
//	seal.go     seals judged; where findings stand
//	report.go   what is found
//	headers.go  an event by its headers
//	read.go     the reading, in its order
//	events.go   the events: read, and looked up again
//	source.go   AIRudder beside them
package audit
