// Package airuddersim is a simulated AIRudder that plays campaigns over HTTP,
// with faults, and knows the truth.
//
// It imports nothing of this module, so that it is an independent witness: what
// it says of the API comes from AIRudder's public pages alone.
//
// # Campaigns
//
// A campaign is a task with one row per phone number. It goes created →
// pending → calling, perhaps paused and calling again, and ends finished or
// canceled. A row is pending until it is dialled, calling during an attempt,
// and finished when an attempt connected or all attempts are used up; between
// two attempts it is pending and still shows the attempt that failed. A redial
// gives the row a new CallID and moves the earlier attempt into RedailCall
// (the misspelling is the API's). With [Config.Overtake] a failed attempt shows
// as finished until the redial overtakes it. When a task is canceled its open
// rows become cancelled (two l's) without usable times; calls in progress when
// a task ends may finish after it; rows that no one dialled stay pending with
// an empty CallID.
//
// Everything about a call follows from the seed, the task's number, the row and
// the attempt: CallIDs, talks and durations are the same in every run with that
// seed, and what happens when depends on the clock alone, not on who asks. The
// clock moves by [Sim.Advance] (tests) or [Sim.Run] (the demo).
//
// # Content
//
// Invented lenders, shops and people. Every phone number begins with +62000:
// no Indonesian national number begins with 0 (it is the trunk prefix), so none
// of them can be assigned to anybody.
//
// # Over HTTP
//
//	POST /service/cloud/auth            {"APPKey","APPSecret"} → data.token
//	GET  /service/cloud/list            page (from 1), limit, since, until, status
//	GET  /service/cloud/detail?TaskID=  the whole task
//	POST of both, and of /service/cloud/workflow/taskdetail: parameters in a JSON body
//	GET  /truth                         a Truth as JSON, streamed task by task
//	GET  /faults                        a FaultReport: rates, script length, injected, requests
//	POST /faults                        a FaultOrder: script, rates, oddities, drift, stop
//	GET  /healthz                       200 ok
//
// # Faults and oddities
//
// A [Fault] happens to one response, by script or by chance: it is bad, has an
// unusual form, or misleads ([Lies]). An [Oddity] lasts: it is how the account
// answers where the documentation is silent ([OddityRules]).
//
// # The truth
//
// A call is finished when its row showed Status finished with its CallID. Of
// each the truth says when; whether it is still current (the row exists and
// shows this CallID as finished); whether it was served: every byte up to the
// row's closing brace was handed to the connection, in the row's own right form;
// and whether it was shown: so in a complete response, which ended well and had
// a good code. The marks are set before the client can see a good response's end.
// Handed to the connection does not mean received: a checker may rely on
//
//   - every event's (TaskID, CallID) is a finished call, and shows up once;
//   - every current call appears in time, as an event, or, where the call says
//     damaged, as an event or a dead letter;
//   - a call that was damaged at some time and shown sound at another ought to have
//     its event, once dead letters heal ([Proof.Heals]).
//
// Of each call it also says how the last complete responses damaged it, which makes
// the dead letters that ought to be there ([Truth.DeadLetters]), and the versions of
// its row that responses showed while it was sound, in their order: A → B → A is
// three. A version is told by what the documented fields mean. One that no complete
// response showed says so: a client may have read it, and need not.
//
// [Truth.Check] does that, and [Truth.Shown] are the calls that nobody can have
// missed. A task's path of states says for each state whether a complete response
// ever showed it: an observer's path of transitions is a subsequence of the
// states, made of served ones.
package airuddersim
