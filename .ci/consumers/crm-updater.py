"""Holds what crm-updater has in PostgreSQL against what was published, against what really
happened, and against what the upstream says now."""

import os
import sys
import time
from pathlib import Path

import psycopg
from psycopg.rows import dict_row

sys.path.insert(0, str(Path(__file__).parent.parent))
from verify import consume, long, text, text_or_number, upstream  # noqa: E402

FIELDS = ["task_sequence", "occurred_at", "row_id", "call_times", "intention", "intention_description", "talk_round", "hangup_type", "duration_ms"]
ROW = {"customer": ("Comments", text_or_number), "intention": ("Intention", text), "intention_description": ("intention_description", text),
       "call_times": ("CallTimes", long), "talk_round": ("TalkRound", long), "hangup_type": ("HangupType", text)}


def main():
    env = os.environ
    topics = env["KAFKA_TOPIC_CALL_COMPLETED"], env["KAFKA_TOPIC_CALL_REVISED"]
    events, revisions = ([(m, v) for m, _, v in consume(env["KAFKA_BROKERS"], env["SCHEMA_REGISTRY_URL"], t)] for t in topics)
    rows, _, truth = upstream(env["AIRUDDER_BASE_URL"])
    with psycopg.connect(env["DATABASE_URL"], autocommit=True, row_factory=dict_row) as db:
        await_end(db, [m for m, _ in events + revisions])
        calls = {(r["task_id"], r["call_id"]): r for r in db.execute("SELECT * FROM calls")}
        last = {r["customer"]: r for r in db.execute("SELECT * FROM last_results")}
        instances = db.execute("SELECT max(epoch) AS n FROM consumer_offsets").fetchone()["n"]
    want = published(events, revisions)
    faults = check_calls(calls, want)
    faults += check_truth(calls, truth)
    faults += [f"{i}: {f} is {calls[i][f]!r}, and the upstream says {read(row.get(k))!r} now" for i, row in rows.items() if i in calls
               for f, (k, read) in ROW.items() if calls[i][f] != read(row.get(k))]
    faults += check_last(calls, last, truth)
    for fault in faults[:20]:
        print("crm-updater:", fault)
    several = len(calls) - len(last)
    print(f"crm-updater: calls {len(calls)} · of which revised {sum(r['revision'] > 0 for r in calls.values())} · "
          f"customers {len(last)} · earlier calls of theirs {several} · takeovers of a partition {instances} · faults {len(faults)}")
    if not revisions:
        sys.exit("crm-updater: nothing was revised: this proves nothing")
    sys.exit(1 if faults else 0)


def await_end(db, messages):
    ends = {}
    for m in messages:
        place = m.topic(), m.partition()
        ends[place] = max(ends.get(place, 0), m.offset() + 1)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        stored = {(r["topic"], r["partition"]): r["next_offset"] or 0 for r in db.execute("SELECT * FROM consumer_offsets")}
        if all(stored.get(place, 0) >= end for place, end in ends.items()):
            return
        time.sleep(0.2)
    sys.exit(f"crm-updater: two minutes have passed, and it has read to {stored} of {ends}")


def published(events, revisions):
    """Of each call what counts: its event, or its last revision."""
    want = {}
    for n, call in [(0, v) for _, v in events] + sorted(((v["revision"], v["call"]) for _, v in revisions), key=lambda r: r[0]):
        want[call["task_id"], call["call_id"]] = {f: call[f] for f in FIELDS} | {
            "account": call["account"] or "", "customer": call["comments"], "revision": n}
    return want


def check_calls(calls, want):
    faults = [f"{i}: not in the table" for i in want.keys() - calls.keys()]
    faults += [f"{i}: in the table, and never published" for i in calls.keys() - want.keys()]
    return faults + [f"{i}: {f} is {calls[i][f]!r}, want {v!r}" for i in want.keys() & calls.keys() for f, v in want[i].items() if calls[i][f] != v]


def check_truth(calls, truth):
    finished = {(t["task_id"], c["call_id"]): c for t in truth["tasks"] for c in t["calls"]}
    return [f"{i} was never finished" for i in calls if i not in finished] + [
        f"{i} is finished, and not in the table" for i, c in finished.items() if c["current"] and i not in calls]


def check_last(calls, last, truth):
    """A customer is one row of a task here, and the truth says in which order its calls finished."""
    want = {}
    for task in truth["tasks"]:
        for c in sorted(task["calls"], key=lambda c: c["finished_at"]):
            call = calls.get((task["task_id"], c["call_id"]))
            if call and call["customer"]:
                want[call["customer"]] = call
    faults = [f"last results: {len(last)} customers, want {len(want)}"] if last.keys() != want.keys() else []
    for customer in want.keys() & last.keys():
        got, call = last[customer], want[customer] | {"attempts": want[customer]["call_times"] or 0}
        faults += [f"last result of {call['task_id']}/{call['call_id']}: {f} is {got[f]!r}, want {call[f]!r}" for f in
                   ("account", "task_id", "call_id", "revision", "occurred_at", "attempts", "intention", "intention_description") if got[f] != call[f]]
    return faults


if __name__ == "__main__":
    main()
