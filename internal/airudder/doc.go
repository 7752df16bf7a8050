// Package airudder reads the task list and task details from the AIRudder REST
// API, as far as public material describes it.
//
// A [Client] has one budget of requests for all it does, one token, renewed
// ahead of its end or when an answer refuses it, and three endpoints:
//
//   - auth: POST {"APPKey", "APPSecret"}, answered with a token.
//   - list: a request of the configuration's (see template). Its shape is unknown: an
//     array in data or up to three levels below, of objects with a TaskID, or of bare
//     ids, with or without pages. A list that shows, by what it says itself, that it
//     is not whole is told by [call.Listing]; one whose entries have no TaskID is an
//     error, and so is one that holds nothing that could be empty.
//   - detail: a request of the configuration's, too, with the TaskID. One answer holds
//     the whole task and all of its rows, so it is streamed: a row is framed, its
//     CallID and Status are read on the way, and it is decoded only if its call is not
//     known yet.
//
// All answers come in an envelope {"data", "status", "code"}, whose code counts
// as HTTP's status does, wherever it stands; absent or null it says nothing. 0 is a
// code as any other that is not 200, and makes an error, which names it.
//
// # What is tried again here
//
// A refused token is replaced, and the request sent again, once, unless rows of it
// went out. A refused key is shown again ever more rarely, at last 3 to 5 minutes
// apart. A page of the list that fails, or whose data is null, is tried three times
// more, with backoff. A detail is not: the exporter's loop reads the task again,
// with its own backoff. A Retry-After lets no request of the client go until it is
// over; a 429 without one halves the speed of the whole client for a while (see budget).
//
// # What a broken answer gives
//
// An [Error] with a kind, and never a [call.Reading]: a task's state changes by
// complete answers alone, whose outermost object is closed and followed by
// nothing, neither in the body nor in its gzip stream. The rows that came whole
// before the break go out all the same, once the task's own fields were all seen. A
// bad code is such a break: rows before it are published, rows after it are not.
// Rows that go out while an answer streams carry what of the task stood before
// them; those of a small answer carry all of it. Where more than 2 MiB of new rows
// stand before the task's own fields, it is asked for again, and then the rows go
// out before the second answer has said whose they are.
//
// detail null is "no rows" beside a status; an absent detail is so only while the
// task is created or pending, else the answer counts as empty. An element of
// detail that is no object is counted as an open row.
//
// # What is held of an answer
//
// Whatever its size: the scanner's window (see jsonrows), a part of new rows, 8 MiB
// of rejects; of a list one page (64 MiB) and 400,000 tasks. A row of more than
// 4 MiB or 20,000 values is rejected as too large; one of more than 32 MiB breaks
// the answer. A field that is not documented is stepped over beyond 1 MiB; of the
// task's, 16 KiB are kept, since each event carries them, and a documented one of
// more than that counts as none. A larger code or key, and headers of more than
// 1 MiB, make the answer garbage.
//
// # What a row's status says
//
// Case and blanks around it do not count, a number counts as its digits, and the
// settings may add words to the documented ones. A row of any other word, or without
// one, counts as open: nothing of it is published, and the Reading says how many there
// are.
//
// A CallID of 0, - and blanks alone is a placeholder, and counts as none. One that JSON
// spells with half of a surrogate pair, or that holds U+FFFD, could be several: its row
// is rejected as no UTF-8. A byte order mark before an answer is passed over.
//
// # Names
//
// In the detail, names count as they are documented. Another spelling is another
// field, which is kept raw: a vendor who adds one stops no campaign, and one who
// renames Status or CallID shows at once, in rows without a status and in dead
// letters. In the list, whose names are not documented, case and underscores do
// not count.
package airudder
