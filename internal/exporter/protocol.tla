------------------------------ MODULE protocol ------------------------------
(* How exporters write one shard of the ledger, and what a read_committed consumer sees of it. The
   words are those of doc.go here and in package kafka.

   A step is what one side does at one moment. Between two steps an exporter may be paused for as
   long as anybody likes, so a zombie needs no step of its own. A request is in the network (net)
   until it arrives: late, or never. A lost answer, an error, a crash are all the same to a producer:
   it ends (End). A request that can only be refused from now on is taken out of the network.

   Of Kafka: one coordinator. It raises the epoch when a producer starts (InitProducerId) and when it
   aborts what was left open, writes markers later, partition by partition, and answers 51 meanwhile.
   Brokers know a producer's epoch from its batches and markers, and by the sequence number a batch
   that is there already. They are not assumed to ask the coordinator whether a batch's transaction
   is open: not every broker does.

   Mutation names one rule that is left out; "none" is the protocol. *)
EXTENDS Integers, FiniteSets, Sequences, TLC

CONSTANTS
  Exporters, Tasks, Calls,
  MaxEpoch,  \* how far the coordinator's epoch goes: bounds fences and aborts
  Lies,      \* whether a response may lie, and so whether closing takes two
  Damages,   \* whether a response may show a row damaged that a later one shows sound
  Losses,    \* whether Kafka may lose an event, once, which a repair then publishes again
  Mutation

VARIABLES
  net,          \* requests under way
  coordinator,  \* of each transactional id: epoch, status, parts (that have no marker yet)
  last,         \* of each partition and id: epoch and last sequence number
  open,         \* event batches that no marker has decided
  visible,      \* what a read_committed consumer of the events has seen …
  doubled,      \* … and what it has seen more than once
  lost,         \* events that Kafka has lost
  log,          \* the ledger's partition: batches
  exporter,     \* of each exporter: its process and its producer
  shown,        \* of each task: finished calls that some response has shown
  lied          \* tasks of which a response has shown less than one before

topic == <<open, visible, doubled, lost>>  \* of the events
kafka == <<coordinator, last, topic, log>>
upstream == <<shown, lied>>
vars  == <<net, kafka, exporter, upstream>>

Parts == {"events", "ledger"}

Max(S) == CHOOSE n \in S : \A m \in S : m <= n

\* One transactional id, bound to the shard; not one for each exporter.
Id(x) == IF Mutation = "id_from_setting" THEN x ELSE "shard"
Ids   == {Id(x) : x \in Exporters}

-----------------------------------------------------------------------------
(* Entries of the ledger. A value is <<>> (a tombstone), what was published (an event with its number,
   or, with 0, a dead letter), or a task's state: the last number that its seal tells (-1: not sealed),
   and whether it is closed. *)
Entry(key, value) == [key |-> key, value |-> value]
CallKey(t, c)    == IF Mutation = "call_key" THEN <<"call", c>> ELSE <<"call", t, c>>
CallEntry(t, c, n) == Entry(CallKey(t, c), <<"published", t, c, n>>)
Tombstone(t, c)  == Entry(CallKey(t, c), <<>>)
TaskEntry(t, seal, closed) == Entry(<<"task", t>>, <<"state", t, seal, closed>>)
ProducerEntry(x) == Entry(<<"producer">>, <<"producer", x>>)

\* A shard in memory: what was published, and each task's state. NoLedger: nothing was replayed.
Empty    == [calls |-> {}, state |-> [t \in Tasks |-> [seal |-> -1, closed |-> FALSE]]]
NoLedger == [calls |-> {}, state |-> <<>>]

Apply1(l, e) ==
  CASE e.key[1] = "producer" -> l
    [] e.key[1] = "task" ->
         [l EXCEPT !.state[e.key[2]] = [seal |-> e.value[3], closed |-> e.value[4]]]
    [] e.value = <<>>    -> [l EXCEPT !.calls = {k \in @ : CallKey(k[1], k[2]) # e.key}]
    [] OTHER             -> [l EXCEPT !.calls = {k \in @ : <<k[1], k[2]>> # <<e.value[2], e.value[3]>>} \cup
                                                {<<e.value[2], e.value[3], e.value[4]>>}]

RECURSIVE Apply(_, _)
Apply(l, entries) ==
  IF entries = {} THEN l ELSE LET e == CHOOSE e \in entries : TRUE IN Apply(Apply1(l, e), entries \ {e})

(* A batch of the log is [id, outcome, entries]. What a marker decides is noted at the batch; one that
   is aborted, or emptied by the cleaner, is left out, as no reader shows it. *)
Batch(id, outcome, entries) == [id |-> id, outcome |-> outcome, entries |-> entries]
Committed(i) == log[i].outcome = "committed"

RECURSIVE Replayed(_, _)
Replayed(l, n) ==  \* the committed entries of the first n batches, applied to l
  IF n = 0 THEN l
  ELSE IF Committed(n) THEN Apply(Replayed(l, n - 1), log[n].entries) ELSE Replayed(l, n - 1)
Ledger == Replayed(Empty, Len(log))  \* what a replay of it all would find
LastStable ==
  CHOOSE n \in 0 .. Len(log) : /\ \A i \in 1 .. n : Committed(i)
                               /\ n = Len(log) \/ ~Committed(n + 1)

-----------------------------------------------------------------------------
\* A transaction is [events, entries]; a plan a sequence of them, of one but in some mutations.
Transaction(events, entries) == [events |-> events, entries |-> entries]
Barrier(x) == Transaction({}, {ProducerEntry(x)})
Touched(tx) == (IF tx.events # {} THEN {"events"} ELSE {}) \cup
               (IF tx.entries # {} THEN {"ledger"} ELSE {})

None == Transaction({}, {})
Request(api, x, parts, seq, tx, commit) ==
  [api |-> api, id |-> Id(x), epoch |-> exporter[x].epoch, parts |-> parts, seq |-> seq, tx |-> tx, commit |-> commit]
Produce(x, tx) ==
  {Request("Produce", x, {p}, exporter[x].seq[p],
           IF p = "events" THEN Transaction(tx.events, {}) ELSE Transaction({}, tx.entries), TRUE)
   : p \in Touched(tx)}
EndTxn(x, commit) == {Request("EndTxn", x, {}, 0, None, commit)}
PartOf(m) == CHOOSE p \in m.parts : TRUE  \* of a produce

\* The network without what is refused for good.
Pruned(ms, c, l, ex) ==
  {m \in ms : IF m.api # "Produce" THEN m.epoch = c[m.id].epoch
              ELSE LET at == l[PartOf(m)][m.id]
                   IN /\ m.epoch >= at.epoch
                      /\ m.epoch = at.epoch =>
                           m.seq > at.seq \/ \E x \in Exporters : m \in ex[x].awaits}
Send(ms) == net' = Pruned(ms, coordinator', last', exporter')

-----------------------------------------------------------------------------
(* An exporter: what it is doing ("idle": no producer), which answers it waits for, its session
   (epoch, next sequence number of each partition), its plan, its shard in memory, its response, and
   the tasks of which this producer has seen a response with nothing new, and published none since. A
   tool is one, too, that repairs what it found before its fence: entries without an event (audited). *)
NoResponse == [task |-> "none", rows |-> {}, bad |-> {}]
Idle == [doing |-> "idle", awaits |-> {}, epoch |-> 0, seq |-> [p \in Parts |-> 0],
         plan |-> <<>>, ledger |-> NoLedger, response |-> NoResponse, looked |-> {}, audited |-> {}]

Init ==
  /\ net = {}
  /\ coordinator = [id \in Ids |-> [epoch |-> 0, status |-> "empty", parts |-> {}]]
  /\ last = [p \in Parts |-> [id \in Ids |-> [epoch |-> 0, seq |-> -1]]]
  /\ open = {} /\ visible = {} /\ doubled = {} /\ lost = {} /\ log = <<>>
  /\ exporter = [x \in Exporters |-> Idle]
  /\ shown = [t \in Tasks |-> {}] /\ lied = {}

\* x, now e, begins the first transaction of a plan.
Begin(x, plan, e) ==
  LET m == [Request("AddPartitions", x, Touched(plan[1]), 0, None, TRUE) EXCEPT !.epoch = e.epoch]
      now == [e EXCEPT !.doing = "adding", !.awaits = {m}, !.plan = plan]
  IN exporter' = [exporter EXCEPT ![x] = now] /\ Send(net \cup {m})

\* InitProducerId with nothing open: it answers once all markers are there. The barrier follows.
Fence(x) ==
  LET id == Id(x)
      was == coordinator[id]
      e == IF Mutation = "no_fence" /\ was.epoch > 0 THEN was.epoch ELSE was.epoch + 1
      shared == [p \in Parts |-> IF last[p][id].epoch = e THEN last[p][id].seq + 1 ELSE 0]
  IN /\ exporter[x].doing = "idle" /\ was.status = "empty" /\ e <= MaxEpoch
     /\ Mutation = "replay_first" => exporter[x].ledger # NoLedger
     /\ coordinator' = [coordinator EXCEPT ![id].epoch = e]
     /\ UNCHANGED <<last, topic, log, upstream>>
     /\ Begin(x, <<Barrier(x)>>, [exporter[x] EXCEPT !.epoch = e, !.seq = shared])

\* InitProducerId with a transaction open, or the coordinator's time-out: aborts at the next epoch.
Expire(id) ==
  /\ coordinator[id].status = "ongoing" /\ coordinator[id].epoch < MaxEpoch
  /\ coordinator' = [coordinator EXCEPT ![id].status = "prepare_abort", ![id].epoch = @ + 1]
  /\ UNCHANGED <<last, topic, log, exporter, upstream>> /\ Send(net)

\* A marker reaches a partition. It decides all that the id has open there, of whichever transaction.
WriteMarker(id, p) ==
  LET c == coordinator[id]
      commit == c.status = "prepare_commit"
      batches == {b \in open : b.id = id}
      now == UNION {b.events : b \in batches}
  IN /\ c.status \in {"prepare_commit", "prepare_abort"} /\ p \in c.parts
     /\ coordinator' = [coordinator EXCEPT ![id].parts = @ \ {p},
                                           ![id].status = IF c.parts = {p} THEN "empty" ELSE @]
     /\ last' = IF c.epoch > last[p][id].epoch
                THEN [last EXCEPT ![p][id] = [epoch |-> c.epoch, seq |-> -1]] ELSE last
     /\ IF p = "ledger"
        THEN /\ log' = IF commit
                       THEN [i \in 1 .. Len(log) |->
                              IF log[i].id = id THEN [log[i] EXCEPT !.outcome = "committed"] ELSE log[i]]
                       ELSE SelectSeq(log, LAMBDA b : b.id # id \/ b.outcome = "committed")
             /\ UNCHANGED topic
        ELSE /\ open' = open \ batches
             /\ IF commit
                THEN /\ visible' = visible \cup now
                     /\ doubled' = doubled \cup (visible \cap now) \cup
                          {i \in now : Cardinality({b \in batches : i \in b.events}) > 1}
                ELSE UNCHANGED <<visible, doubled>>
             /\ UNCHANGED <<lost, log>>
     /\ UNCHANGED <<exporter, upstream>> /\ Send(net)

-----------------------------------------------------------------------------
(* A request arrives. The exporter that waits for its answer, if it still does, sends its next; how
   late that arrives says how late the answer was, and the exporter. *)
Answered(x, e, m) ==  \* x's state once m has been answered with success
  LET tx == e.plan[1]
      left == e.awaits \ {m}
      now == IF m.api = "Produce" THEN [e EXCEPT !.seq[PartOf(m)] = m.seq + 1] ELSE e
      next(doing, awaits) == [now EXCEPT !.doing = doing, !.awaits = awaits]
  IN IF left # {} THEN next(e.doing, left)
     ELSE CASE e.doing = "adding"    -> next("producing", Produce(x, tx))
            [] e.doing = "producing" -> next("ending", EndTxn(x, TRUE))
            [] e.doing = "ending"    -> next("committed", {})
            [] e.doing = "aborting"  -> next("ready", {})  \* of a mutation

Arrived(m, ms) ==
  LET waiting == {x \in Exporters : m \in exporter[x].awaits}
  IN /\ exporter' = [x \in Exporters |->
                      IF x \in waiting THEN Answered(x, exporter[x], m) ELSE exporter[x]]
     /\ UNCHANGED upstream /\ Send(ms \cup UNION {exporter'[x].awaits : x \in waiting})

(* It may arrive again while the epoch is the same. (A produce that does is known by its sequence
   number. EndTxn does not: it is sent again only if the coordinator has refused it.) *)
AddPartitionsArrives(m) ==
  /\ m.api = "AddPartitions" /\ coordinator[m.id].status \in {"empty", "ongoing"}
  /\ coordinator' = [coordinator EXCEPT ![m.id].status = "ongoing", ![m.id].parts = @ \cup m.parts]
  /\ UNCHANGED <<last, topic, log>> /\ Arrived(m, net)

ProduceArrives(m) ==
  LET p == PartOf(m)
      at == last[p][m.id]
  IN /\ m.api = "Produce"
     /\ IF m.epoch = at.epoch /\ m.seq <= at.seq
        THEN UNCHANGED <<last, open, log>>  \* "written already"
        ELSE /\ m.seq = IF m.epoch > at.epoch THEN 0 ELSE at.seq + 1
             /\ last' = [last EXCEPT ![p][m.id] = [epoch |-> m.epoch, seq |-> m.seq]]
             /\ IF p = "ledger"
                THEN /\ log' = Append(log, Batch(m.id, "open", m.tx.entries))
                     /\ UNCHANGED open
                ELSE /\ open' = open \cup {[id |-> m.id, epoch |-> m.epoch, seq |-> m.seq, events |-> m.tx.events]}
                     /\ UNCHANGED log
     /\ UNCHANGED <<coordinator, visible, doubled, lost>> /\ Arrived(m, net \ {m})

EndTxnArrives(m) ==
  /\ m.api = "EndTxn" /\ coordinator[m.id].status = "ongoing"
  /\ LET outcome == IF m.commit THEN "prepare_commit" ELSE "prepare_abort"
     IN coordinator' = [coordinator EXCEPT ![m.id].status = outcome]
  /\ UNCHANGED <<last, topic, log>> /\ Arrived(m, net \ {m})
Arrival(m) == AddPartitionsArrives(m) \/ ProduceArrives(m) \/ EndTxnArrives(m)

-----------------------------------------------------------------------------
\* The exporter's own steps.
Become(x, e) == UNCHANGED kafka /\ exporter' = [exporter EXCEPT ![x] = e] /\ Send(net)
Set(x, e)    == UNCHANGED upstream /\ Become(x, e)
Commit(x, plan, e) == UNCHANGED <<kafka, upstream>> /\ Begin(x, plan, e)

\* A crash leaves nothing of the process; a doubt, or a fence, nothing of the producer: the same.
End(x) == exporter[x].doing # "idle" /\ Set(x, Idle)

(* Replay, up to the barrier's marker. Another producer's barrier behind our own, or ours gone, says
   that we were fenced meanwhile: then there is only End. *)
Replay(x) ==
  LET e == exporter[x]
      ready(l) == Set(x, [e EXCEPT !.doing = "ready", !.plan = <<>>, !.ledger = l])
  IN /\ e.doing = "committed" /\ e.plan = <<Barrier(x)>>
     /\ IF e.ledger # NoLedger THEN ready(e.ledger)  \* of a mutation
        ELSE IF Mutation = "replay_to_last_stable"    \* which a stranger's transaction may hold down
        THEN \E n \in 0 .. LastStable : ready(Replayed(Empty, n))
        ELSE \E i \in 1 .. Len(log) :
               /\ Committed(i) /\ log[i].entries = Barrier(x).entries
               /\ \A j \in i + 1 .. Len(log) : \A f \in log[j].entries : f.key # <<"producer">>
               /\ ready(Replayed(Empty, i))

\* Apply, once the commit is acknowledged.
ApplyPlan(x) ==
  LET e == exporter[x]
      l == Apply(e.ledger, e.plan[1].entries)
  IN /\ e.doing = "committed" /\ e.plan # <<Barrier(x)>>
     /\ IF Len(e.plan) > 1
        THEN Commit(x, Tail(e.plan), [e EXCEPT !.ledger = l])
        ELSE Set(x, [e EXCEPT !.doing = "ready", !.plan = <<>>, !.ledger = l])

\* Nobody has fenced x's producer.
Unfenced(x) == exporter[x].doing # "idle" /\ exporter[x].epoch = coordinator[Id(x)].epoch

(* Read a task: a response shows all that any earlier one did, perhaps more; but one of each task's
   may lie: it is empty, or comes from a cache. It may be old when it is used. What only an exporter
   has seen that was fenced before it looked is not counted as shown. Rows that no response has shown
   sound may be damaged. *)
Read(x, t) ==
  LET e == exporter[x]
  IN /\ e.doing = "ready" /\ e.response = NoResponse /\ ~e.ledger.state[t].closed
     /\ \E rows \in SUBSET Calls :
          /\ IF shown[t] \subseteq rows
             THEN /\ shown' = IF Unfenced(x) THEN [shown EXCEPT ![t] = rows] ELSE shown
                  /\ UNCHANGED lied
             ELSE /\ Lies /\ t \notin lied /\ rows \subseteq shown[t]
                  /\ lied' = lied \cup {t} /\ UNCHANGED shown
          /\ \E bad \in IF Damages THEN SUBSET (Calls \ (rows \cup shown[t])) ELSE {{}} :
               Become(x, [e EXCEPT !.response = [task |-> t, rows |-> rows, bad |-> bad]])

CallsOf(l, t)  == {k[2] : k \in {j \in l.calls : j[1] = t}}
EventsOf(l, t) == {k[2] : k \in {j \in l.calls : j[1] = t /\ j[3] > 0}}
Last(l, t)     == Max({0} \cup {k[3] : k \in {j \in l.calls : j[1] = t}})
Sealed(l, t)   == l.state[t].seal = Last(l, t)

(* New rows, some or all of them, and those of dead letters that are sound now: events, numbered on
   from the last, and entries in one transaction. *)
PublishRows(x) ==
  LET e == exporter[x]
      t == e.response.task
      l == e.ledger
      base == IF Mutation = "number_by_count" THEN Cardinality(CallsOf(l, t)) ELSE Last(l, t)
  IN \E rows \in SUBSET (e.response.rows \ EventsOf(l, t)) \ {{}} :
       \E f \in {f \in [rows -> 1 .. Cardinality(rows)] : \A c, d \in rows : f[c] = f[d] => c = d} :
         LET healed == rows \cap CallsOf(l, t)
             events == {<<"event", t, c, base + f[c]>> : c \in rows} \cup {<<"resolved", t, c>> : c \in healed}
             written == IF Mutation = "heal_unwritten" THEN rows \ healed ELSE rows
             kept == Mutation = "heal_keeps_seal" /\ healed # {} /\ Sealed(l, t)
             entries == {CallEntry(t, c, base + f[c]) : c \in written} \cup
                        IF kept THEN {TaskEntry(t, base + Cardinality(rows), FALSE)} ELSE {}
             apart == <<Transaction(events, {}), Transaction({}, entries)>>
         IN Commit(x, IF Mutation = "ledger_second" THEN apart ELSE <<Transaction(events, entries)>>,
                   [e EXCEPT !.looked = @ \ {t}])

\* A damaged row, of which nothing was published: a dead letter, without a number.
Reject(x) ==
  LET e == exporter[x]
      t == e.response.task
  IN \E c \in e.response.bad \ CallsOf(e.ledger, t) :
       Commit(x, <<Transaction({<<"dead", t, c>>}, {CallEntry(t, c, 0)})>>, [e EXCEPT !.looked = @ \ {t}])

Publish(x) ==
  exporter[x].doing = "ready" /\ exporter[x].response # NoResponse /\ (PublishRows(x) \/ Reject(x))
Close(t, n) == Transaction({}, {TaskEntry(t, n, TRUE)})

(* What a response says of the task itself, once its rows are all applied: nothing, or a seal, or that
   it is closed. When these are due is a matter of time; here, at any time. Sealing takes two looks
   that agree, whoever had them; here, any. Closing takes two by one producer, since what a response
   has shown in between is published, or that producer has ended. *)
Finish(x) ==
  LET e == exporter[x]
      t == e.response.task
      l == e.ledger
      n == Last(l, t)
      done == [e EXCEPT !.response = NoResponse]
      gone == Transaction({}, {Tombstone(t, c) : c \in CallsOf(l, t)})
      twice == ~Lies \/ t \in e.looked \/ Mutation = "one_look"
  IN /\ e.doing = "ready" /\ e.response # NoResponse
     /\ e.response.rows \subseteq EventsOf(l, t) /\ e.response.bad \subseteq CallsOf(l, t)
     /\ \/ Set(x, [done EXCEPT !.looked = IF Lies /\ Sealed(l, t) THEN @ \cup {t} ELSE @])
        \/ /\ ~Sealed(l, t)
           /\ Commit(x, <<Transaction({<<"seal", t, n>>}, {TaskEntry(t, n, FALSE)})>>, done)
        \/ /\ Sealed(l, t) /\ twice
           /\ Commit(x, CASE Mutation = "tombstones_first"    -> <<gone, Close(t, n)>>
                          [] Mutation = "tombstones_unmarked" -> <<gone>>
                          [] OTHER                            -> <<Close(t, n)>>, done)

\* A closed task's entries go, some or all of them.
Tombstones(x, t) ==
  LET e == exporter[x]
  IN /\ e.doing = "ready" /\ e.ledger.state[t].closed
     /\ \E gone \in SUBSET CallsOf(e.ledger, t) \ {{}} :
          Commit(x, <<Transaction({}, {Tombstone(t, c) : c \in gone})>>, e)

-----------------------------------------------------------------------------
(* A repair. It publishes again, under its number, what it had found missing before its fence and
   still finds missing after it. (That it also ends the task's seal is left out: seals have no offsets
   here.) *)
Lose ==
  /\ Losses /\ lost = {}
  /\ \E e \in visible : e[1] = "event" /\ visible' = visible \ {e} /\ lost' = {e}
  /\ UNCHANGED <<net, coordinator, last, open, doubled, log, exporter, upstream>>

EventOf(k) == <<"event", k[1], k[2], k[3]>>

Audit(x) ==
  LET missing == {k \in Ledger.calls : k[3] > 0 /\ EventOf(k) \notin visible}
  IN /\ Losses /\ exporter[x] = Idle /\ missing # {}
     /\ \A id \in Ids : coordinator[id].status # "prepare_commit"
     /\ Set(x, [Idle EXCEPT !.audited = missing])

Repair(x) ==
  LET e == exporter[x]
  IN /\ e.doing = "ready"
     /\ \E k \in e.audited \cap e.ledger.calls :
          /\ ~e.ledger.state[k[1]].closed
          /\ EventOf(k) \notin visible \/ Mutation = "repair_unlooked"
          /\ Commit(x, <<Transaction({EventOf(k)}, {CallEntry(k[1], k[2], k[3])})>>, [e EXCEPT !.audited = @ \ {k}])

-----------------------------------------------------------------------------
\* What the protocol forbids, as far as it takes steps of its own.
Forbidden(x) ==
  LET e == exporter[x]
      kept(doing, l) == [e EXCEPT !.doing = doing, !.awaits = {}, !.plan = <<>>, !.ledger = l]
      unanswered == e.plan # <<Barrier(x)>> /\ e.doing \in {"ending", "committed"}
      abort(now) == /\ UNCHANGED <<kafka, upstream>> /\ exporter' = [exporter EXCEPT ![x] = now]
                    /\ Send(net \cup EndTxn(x, FALSE))
  IN CASE Mutation = "replay_first" ->
            e.doing = "idle" /\ e.ledger = NoLedger /\ Set(x, [e EXCEPT !.ledger = Ledger])
       [] Mutation = "go_on" ->  \* in the same session, or fenced anew: without a replay
            unanswered /\ \E doing \in {"ready", "idle"} : Set(x, kept(doing, e.ledger))
       [] Mutation = "go_on_applied" ->
            unanswered /\ \E doing \in {"ready", "idle"} :
              Set(x, kept(doing, Apply(e.ledger, e.plan[1].entries)))
       [] Mutation = "same_epoch" ->
            /\ e.doing = "producing" /\ e.plan # <<Barrier(x)>>
            /\ abort([e EXCEPT !.doing = "aborting", !.awaits = EndTxn(x, FALSE)])
       [] Mutation = "abort_unanswered" -> e.doing = "producing" /\ abort(Idle)
       [] Mutation = "close_unread" -> \E t \in Tasks :
            /\ e.doing = "ready" /\ e.response = NoResponse
            /\ Sealed(e.ledger, t) /\ ~e.ledger.state[t].closed
            /\ Commit(x, <<Close(t, e.ledger.state[t].seal)>>, e)
       [] Mutation = "stale_response" -> e.doing # "idle" /\ Set(x, [Idle EXCEPT !.response = e.response])
       [] OTHER -> FALSE

-----------------------------------------------------------------------------
(* The log cleaner, over all that is decided: entries go that a later one of their key replaces, and
   tombstones that have nothing before them. *)
Kept(i, e) ==
  LET same(j) == \E f \in log[j].entries : f.key = e.key
  IN /\ \A j \in i + 1 .. LastStable : ~same(j)
     /\ e.value = <<>> => \E j \in 1 .. i - 1 : same(j)

Clean ==
  LET cleaned == [i \in 1 .. Len(log) |->
        IF i <= LastStable THEN [log[i] EXCEPT !.entries = {e \in @ : Kept(i, e)}] ELSE log[i]]
  IN /\ cleaned # log /\ log' = SelectSeq(cleaned, LAMBDA b : b.entries # {})
     /\ UNCHANGED <<net, coordinator, last, topic, exporter, upstream>>

Next ==
  \/ \E x \in Exporters : \/ Fence(x) \/ End(x) \/ Replay(x) \/ ApplyPlan(x) \/ Publish(x)
                         \/ Finish(x) \/ Audit(x) \/ Repair(x) \/ Forbidden(x)
  \/ \E x \in Exporters, t \in Tasks : Read(x, t) \/ Tombstones(x, t)
  \/ \E id \in Ids : Expire(id) \/ \E p \in Parts : WriteMarker(id, p)
  \/ Clean \/ Lose \/ \E m \in net : Arrival(m)
Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
\* What must hold.
Events(t) == {e \in visible \cup lost : e[1] = "event" /\ e[2] = t}
Published(t) == {e[3] : e \in Events(t)}
Decided == \A id \in Ids : coordinator[id].status # "prepare_commit"

\* The promise: each (task, call), and each seal, is seen at most once …
AtMostOnce == doubled = {} /\ \A t \in Tasks : Cardinality(Published(t)) = Cardinality(Events(t))
\* … a task's events are numbered 1, 2, 3 …
Numbered == \A t \in Tasks : {e[4] : e \in Events(t)} = 1 .. Cardinality(Events(t))
\* … what was a dead letter and is an event says so …
Healed ==
  \A t \in Tasks, c \in Calls :
    <<"resolved", t, c>> \in visible <=> <<"dead", t, c>> \in visible /\ c \in Published(t)
\* … a seal that holds was told, and tells the number of events …
SealHolds ==
  Decided => LET l == Ledger IN \A t \in Tasks : Sealed(l, t) /\ ~l.state[t].closed =>
    <<"seal", t, l.state[t].seal>> \in visible /\ l.state[t].seal = Cardinality(Published(t))
\* … no seal counts more than was published, no task is closed before all that it showed was …
NothingLost ==
  Decided => LET l == Ledger IN \A t \in Tasks :
    /\ l.state[t].seal <= Cardinality(Published(t))
    /\ l.state[t].closed => /\ shown[t] \subseteq Published(t)
                            /\ l.state[t].seal = Cardinality(Published(t))

\* … and once closed it is closed for good: nothing of it comes back.
ClosedForGood ==
  [][\A t \in Tasks : Ledger.state[t].closed =>
       Ledger'.state[t].closed /\ Published(t)' = Published(t)]_<<log, visible>>

\* What it rests on: ledger and events agree. (Mutations are held against the promise alone.)
Agreement ==
  Decided => LET l == Ledger IN \A t \in Tasks :
    /\ EventsOf(l, t) \subseteq Published(t)
    /\ ~l.state[t].closed =>
         {<<k[2], k[3]>> : k \in {j \in l.calls : j[1] = t /\ j[3] > 0}} = {<<e[3], e[4]>> : e \in Events(t)}
    /\ ~l.state[t].closed => CallsOf(l, t) = Published(t) \cup {c \in Calls : <<"dead", t, c>> \in visible}

\* Must not hold: that no task's life is ever over, its last tombstone cleaned away.
NeverOver ==
  ~\E t \in Tasks : /\ Published(t) = Calls /\ Ledger.state[t].closed
                    /\ \A i \in 1 .. Len(log) : \A e \in log[i].entries : e.key[1] # "call"

\* Must not hold: that no dead letter becomes an event.
NeverHealed == \A e \in visible : e[1] # "resolved"

\* Must not hold: that no event that was lost comes back.
NeverRepaired == lost \cap visible = {}

\* Cuts a run short where a seal begins.
Unsealed == \A i \in 1 .. Len(log) : \A e \in log[i].entries : e.key[1] # "task"

\* Progress: if from some time on one producer is never fenced, each call that was shown is published.
Arrives(x) == \E m \in exporter[x].awaits : m \in net /\ Arrival(m)
Fair ==
  /\ \A id \in Ids, p \in Parts : WF_vars(WriteMarker(id, p))
  /\ \A x \in Exporters : /\ WF_vars(Arrives(x)) /\ WF_vars(Replay(x)) /\ WF_vars(ApplyPlan(x))
                          /\ WF_vars(Publish(x)) /\ WF_vars(Finish(x))
                          /\ \A t \in Tasks : WF_vars(Read(x, t)) /\ WF_vars(Tombstones(x, t))
FairSpec == Spec /\ Fair
Progress ==
  \A x \in Exporters : <>[]Unfenced(x) =>
    \A t \in Tasks, c \in Calls : c \in shown[t] ~> c \in Published(t)

Symmetry == Permutations(Exporters) \cup Permutations(Tasks) \cup Permutations(Calls)
=============================================================================
