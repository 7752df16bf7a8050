------------------------------- MODULE replay -------------------------------
(* How runs of one replay copy a topic's records into a target, and what a read_committed reader finds
   there. The words are those of doc.go. Kafka is as in internal/exporter/protocol.tla, which also has
   what is left out here: requests that arrive twice, and a producer that is paused (it needs no step).

   The source's transactions are others': a record is open until it is committed or aborted, and what
   stands after an open one is read by nobody who reads what is decided.

   Mutation names one rule that is left out; "none" is the protocol. *)
EXTENDS Integers, FiniteSets, Sequences, TLC

CONSTANTS
  Runs,      \* processes that run the replay; a run that is killed may be run again
  Parts,     \* partitions of the source, and of the target
  Records,   \* how many records a partition of the source gets at most
  MaxEpoch,  \* how far the coordinator's epoch goes: bounds fences and aborts
  Mutation

VARIABLES
  source,       \* of each partition: what became of each record
  log,          \* of each partition of the target: batches
  known,        \* of each partition of the target: the epoch that its leader knows
  coordinator,  \* of the target's transactional id: epoch, status, parts (that have no marker yet)
  net,          \* requests under way
  run           \* of each run: what it is doing

vars == <<source, log, known, coordinator, net, run>>

Most(S) == CHOOSE n \in S \cup {0} : \A m \in S : m <= n
Offsets(p) == 1 .. Len(source[p])
Committed(p) == {o \in Offsets(p) : source[p][o] = "committed"}
Stable(p) == Most({o \in Offsets(p) : \A q \in 1 .. o : source[p][q] # "open"})  \* nothing up to it is open

\* The origins that a read_committed reader of the target finds, in order.
RECURSIVE Found(_)
Found(batches) ==
  IF batches = <<>> THEN <<>>
  ELSE (IF Head(batches).outcome = "committed" THEN Head(batches).origins ELSE <<>>) \o Found(Tail(batches))
LastOf(p) == LET f == Found(log[p]) IN IF f = <<>> THEN 0 ELSE f[Len(f)]

(* A run fixes how far it copies ("ends") when it looks at the source, and knows of each partition of
   the target which origin is the last there ("at"). *)
Idle == [doing |-> "idle", epoch |-> 0, ends |-> [p \in Parts |-> 0], at |-> [p \in Parts |-> 0],
         writes |-> [p \in Parts |-> <<>>], awaits |-> {}]

Init ==
  /\ source = [p \in Parts |-> <<>>] /\ log = [p \in Parts |-> <<>>] /\ known = [p \in Parts |-> 0]
  /\ coordinator = [epoch |-> 0, status |-> "empty", parts |-> {}]
  /\ net = {} /\ run = [x \in Runs |-> Idle]

-----------------------------------------------------------------------------
\* The source's own life.
Written(p) ==
  /\ Len(source[p]) < Records /\ source' = [source EXCEPT ![p] = Append(@, "open")]
  /\ UNCHANGED <<log, known, coordinator, net, run>>

Settled(p) ==
  /\ \E o \in Offsets(p), outcome \in {"committed", "aborted"} :
       source[p][o] = "open" /\ source' = [source EXCEPT ![p][o] = outcome]
  /\ UNCHANGED <<log, known, coordinator, net, run>>

-----------------------------------------------------------------------------
\* A run's steps. A request that can only be refused from now on is taken out of the network.
Request(api, x, parts, origins) == [api |-> api, epoch |-> run[x].epoch, parts |-> parts, origins |-> origins]
PartOf(m) == CHOOSE p \in m.parts : TRUE
Pruned(ms) == {m \in ms : IF m.api = "Produce" THEN m.epoch >= known'[PartOf(m)] ELSE m.epoch = coordinator'.epoch}
Send(ms) == net' = Pruned(ms)
Become(x, e) == run' = [run EXCEPT ![x] = e]
Set(x, e) == UNCHANGED <<source, log, known, coordinator>> /\ Become(x, e) /\ Send(net)

Look(x) ==
  /\ run[x].doing = "idle"
  /\ Set(x, [Idle EXCEPT !.doing = "looked", !.at = [p \in Parts |-> LastOf(p)],
                         !.ends = [p \in Parts |-> IF Mutation = "past_open" THEN Most(Committed(p)) ELSE Stable(p)]])

\* InitProducerId with nothing open: it answers once all markers are there.
Fence(x) ==
  /\ run[x].doing = "looked" /\ coordinator.status = "empty" /\ coordinator.epoch < MaxEpoch
  /\ LET e == IF Mutation = "no_fence" /\ coordinator.epoch > 0 THEN coordinator.epoch ELSE coordinator.epoch + 1
     IN /\ coordinator' = [coordinator EXCEPT !.epoch = e]
        /\ Become(x, [run[x] EXCEPT !.doing = IF Mutation = "from_plan" THEN "ready" ELSE "fenced", !.epoch = e])
  /\ UNCHANGED <<source, log, known>> /\ Send(net)

\* What is decided in the target after the fence says where it continues.
CatchUp(x) ==
  /\ run[x].doing = "fenced"
  /\ Set(x, [run[x] EXCEPT !.doing = "ready", !.at = [p \in Parts |-> LastOf(p)]])

\* What a partition's next batch may be: the records after the last one, as far as the run copies.
RECURSIVE Ordered(_)
Ordered(S) == IF S = {} THEN <<>> ELSE LET o == CHOOSE o \in S : \A q \in S : o <= q IN <<o>> \o Ordered(S \ {o})
Left(x, p) == {o \in Committed(p) : run[x].at[p] < o /\ o <= run[x].ends[p]}
Batches(x, p) == {Ordered({o \in Left(x, p) : o <= last}) : last \in Left(x, p)} \cup {<<>>}

Begin(x) ==
  /\ run[x].doing = "ready"
  /\ \E writes \in [Parts -> UNION {Batches(x, p) : p \in Parts}] :
       LET parts == {p \in Parts : writes[p] # <<>>}
           m == Request("AddPartitions", x, parts, <<>>)
       IN /\ parts # {} /\ \A p \in Parts : writes[p] \in Batches(x, p)
          /\ Become(x, [run[x] EXCEPT !.doing = "adding", !.writes = writes, !.awaits = {m}])
          /\ UNCHANGED <<source, log, known, coordinator>> /\ Send(net \cup {m})

Applied(e) == [e EXCEPT !.doing = "ready", !.awaits = {}, !.writes = [p \in Parts |-> <<>>],
                        !.at = [p \in Parts |-> IF e.writes[p] = <<>> THEN @[p] ELSE e.writes[p][Len(e.writes[p])]]]
Apply(x) == run[x].doing = "committed" /\ Set(x, Applied(run[x]))

Finish(x) == run[x].doing = "ready" /\ (\A p \in Parts : Left(x, p) = {}) /\ Set(x, [run[x] EXCEPT !.doing = "done"])

\* A crash leaves nothing; an answer that is missing or says no leaves what the run means to copy.
End(x) ==
  /\ run[x].doing # "idle"
  /\ \/ Set(x, Idle)
     \/ run[x].doing \notin {"looked", "done"} /\ Set(x, [Idle EXCEPT !.doing = "looked", !.ends = run[x].ends, !.at = run[x].at])

\* What the protocol forbids, as far as it takes steps of its own: continuing after a doubt without the fence.
Forbidden(x) ==
  /\ run[x].doing = "ending"
  /\ CASE Mutation = "go_on" -> Set(x, [run[x] EXCEPT !.doing = "ready", !.awaits = {}, !.writes = [p \in Parts |-> <<>>]])
       [] Mutation = "go_on_applied" -> Set(x, Applied(run[x]))
       [] OTHER -> FALSE

-----------------------------------------------------------------------------
\* Kafka's.
Answered(x, m) ==
  LET left == run[x].awaits \ {m}
      next(doing, awaits) == [run[x] EXCEPT !.doing = doing, !.awaits = awaits]
      parts == {p \in Parts : run[x].writes[p] # <<>>}
  IN IF left # {} THEN next(run[x].doing, left)
     ELSE CASE run[x].doing = "adding" -> next("producing", {Request("Produce", x, {p}, run[x].writes[p]) : p \in parts})
            [] run[x].doing = "producing" -> next("ending", {Request("EndTxn", x, {}, <<>>)})
            [] run[x].doing = "ending" -> next("committed", {})

Arrived(m, ms) ==
  LET waiting == {x \in Runs : m \in run[x].awaits}
  IN /\ run' = [x \in Runs |-> IF x \in waiting THEN Answered(x, m) ELSE run[x]]
     /\ UNCHANGED source /\ Send(ms \cup UNION {run'[x].awaits : x \in waiting})

AddPartitionsArrives(m) ==
  /\ m.api = "AddPartitions" /\ coordinator.status \in {"empty", "ongoing"}
  /\ coordinator' = [coordinator EXCEPT !.status = "ongoing", !.parts = @ \cup m.parts]
  /\ UNCHANGED <<log, known>> /\ Arrived(m, net \ {m})

ProduceArrives(m) ==
  LET p == PartOf(m)
  IN /\ m.api = "Produce"
     /\ known' = [known EXCEPT ![p] = m.epoch]
     /\ log' = [log EXCEPT ![p] = Append(@, [origins |-> m.origins, outcome |-> "open"])]
     /\ UNCHANGED coordinator /\ Arrived(m, net \ {m})

EndTxnArrives(m) ==
  /\ m.api = "EndTxn" /\ coordinator.status = "ongoing"
  /\ coordinator' = [coordinator EXCEPT !.status = "prepare_commit"]
  /\ UNCHANGED <<log, known>> /\ Arrived(m, net \ {m})

\* InitProducerId with a transaction open, or the coordinator's time-out: aborts at the next epoch.
Expire ==
  /\ coordinator.status = "ongoing" /\ coordinator.epoch < MaxEpoch
  /\ coordinator' = [coordinator EXCEPT !.status = "prepare_abort", !.epoch = @ + 1]
  /\ UNCHANGED <<source, log, known, run>> /\ Send(net)

WriteMarker(p) ==
  LET commit == coordinator.status = "prepare_commit"
      decided(b) == IF b.outcome = "open" THEN [b EXCEPT !.outcome = IF commit THEN "committed" ELSE "aborted"] ELSE b
  IN /\ coordinator.status \in {"prepare_commit", "prepare_abort"} /\ p \in coordinator.parts
     /\ coordinator' = [coordinator EXCEPT !.parts = @ \ {p}, !.status = IF coordinator.parts = {p} THEN "empty" ELSE @]
     /\ known' = [known EXCEPT ![p] = Most({@, coordinator.epoch})]
     /\ log' = [log EXCEPT ![p] = SelectSeq([i \in 1 .. Len(@) |-> decided(@[i])], LAMBDA b : b.outcome # "aborted")]
     /\ UNCHANGED <<source, run>> /\ Send(net)

Next ==
  \/ \E p \in Parts : Written(p) \/ Settled(p) \/ WriteMarker(p)
  \/ \E x \in Runs : Look(x) \/ Fence(x) \/ CatchUp(x) \/ Begin(x) \/ Apply(x) \/ Finish(x) \/ End(x) \/ Forbidden(x)
  \/ Expire \/ \E m \in net : AddPartitionsArrives(m) \/ ProduceArrives(m) \/ EndTxnArrives(m)
Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
\* What must hold: the target has each committed record once and in order, up to its last …
EachOnceInOrder ==
  \A p \in Parts : Found(log[p]) = Ordered({o \in Committed(p) : o <= LastOf(p)})

\* … and all that a run meant to copy, once it says that it is done and its markers are written.
Complete ==
  coordinator.status # "prepare_commit" => \A x \in Runs : run[x].doing = "done" => \A p \in Parts :
    \A o \in Committed(p) : o <= run[x].ends[p] => o <= LastOf(p)

\* Must not hold: that no run is ever done with all of it, after another's fence.
NeverDone == \A x \in Runs : run[x].doing = "done" /\ coordinator.epoch > 1 => \E p \in Parts : LastOf(p) < Records

Symmetry == Permutations(Runs) \cup Permutations(Parts)
=============================================================================
