"""Holds what scoring has published against the events and the truth: each sealed task is
scored finally once. Then runs it on a copy of some tasks that lacks one event."""

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import fastavro
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import SchemaRegistryClient

sys.path.insert(0, str(Path(__file__).parent.parent))
from verify import consume, get  # noqa: E402

ENV = os.environ
BROKERS, REGISTRY = ENV["KAFKA_BROKERS"], ENV["SCHEMA_REGISTRY_URL"]


def main():
    events = list(consume(BROKERS, REGISTRY, ENV["KAFKA_TOPIC_CALL_COMPLETED"]))
    told = list(consume(BROKERS, REGISTRY, ENV["KAFKA_TOPIC_TASK_STATUS"]))
    seals = {}
    for _, _, s in told:
        if s["seal"]:
            seals.setdefault(s["task_id"], {})[s["seal"]["seal_number"]] = s
    await_seals(ENV["KAFKA_TOPIC_SCORED_TASKS"], {t: max(of) for t, of in seals.items()})
    by_task = {}
    for _, _, e in events:
        by_task.setdefault(e["task_id"], []).append(e)
    tasks = scored_tasks(ENV["KAFKA_TOPIC_SCORED_TASKS"])
    scores = [v for _, _, v in consume(BROKERS, REGISTRY, ENV["KAFKA_TOPIC_SCORES"])]
    faults = check_tasks(tasks, seals) + check_scores(tasks, scores, by_task) + check_truth(tasks, scores)
    faults += check_gap(events, told, seals, by_task)
    for fault in faults[:20]:
        print("scoring:", fault)
    final = {(t, n) for t, n, _ in tasks if n}
    print(f"scoring: tasks sealed {len(seals)} · scored finally {len({t for t, _ in final})} · further seals {len(final) - len({t for t, _ in final})} · "
          f"provisionally {sum(n == 0 for _, n, _ in tasks)} · scores {len(scores)} · a planted gap is refused · faults {len(faults)}")
    sys.exit(1 if faults or not seals else 0)


def scored_tasks(topic):
    """Everything that was ever told of a task: (task, number, value)."""
    return [(key.partition("/")[2], json.loads(value)["seal_number"], json.loads(value))
            for _, key, value in consume(BROKERS, None, topic) if "/" in key]


def await_seals(topic, last):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        done = {}
        for task, number, _ in scored_tasks(topic):
            done[task] = max(done.get(task, -1), number)
        if all(done.get(t) == n for t, n in last.items()):
            return
        time.sleep(0.5)
    sys.exit(f"scoring: two minutes have passed, and of {len(last)} tasks {sum(done.get(t) == n for t, n in last.items())} are scored by their last seal")


def check_tasks(tasks, seals):
    faults, numbers = [], {}
    for task, number, value in tasks:
        before = numbers.setdefault(task, [])
        if before and number <= before[-1]:
            faults.append(f"{task}: scored by {number} after {before}")
        before.append(number)
        seal = seals.get(task, {}).get(number)
        if number and (not seal or value["exported"] != seal["exported"]):
            faults.append(f"{task}: scored over {value['exported']} events by {number}, which is {seal and seal['exported']}")
    return faults


def check_scores(tasks, scores, by_task):
    """One score for each borrower of a task and number, of the events that it tells of."""
    want, faults, seen = {}, [], set()
    for task, number, value in tasks:
        events = [e for e in by_task.get(task, []) if e["task_sequence"] <= value["exported"]]
        for borrower in {e["comments"] for e in events}:  # a borrower has one row in a task here
            mine = sorted((e for e in events if e["comments"] == borrower), key=lambda e: (e["occurred_at"], e["call_times"]))
            want[task, number, borrower] = (mine[-1]["call_times"], sum(e["talk_round"] or 0 for e in mine),
                                            mine[-1]["intention"], mine[-1]["hangup_type"], mine[-1]["occurred_at"])
    for s in scores:
        key = s["task_id"], s["seal_number"], s["borrower"]
        if key in seen:
            faults.append(f"{key[:2]}: a borrower is scored twice")
        seen.add(key)
        got = s["attempts"], s["talk_rounds"], s["last_intention"], s["last_hangup_type"], s["last_occurred_at"]
        if got != want.get(key):
            faults.append(f"{key[:2]}: {got}, want {want.get(key)}")
    return faults + [f"{key[:2]}: a borrower has no score" for key in want.keys() - seen]


def check_truth(tasks, scores):
    """Each task that ended is scored finally, and of each call that its rows show now something is said."""
    truth = {t["task_id"]: t for t in get(ENV["AIRUDDER_BASE_URL"] + "/truth")["tasks"]}
    last = {}
    for task, number, value in tasks:
        last[task] = number, value
    faults = [f"{t}: has ended, and its last score is by {last.get(t, (None,))[0]}" for t, of in truth.items() if of["ended"] and not last.get(t, (0,))[0]]
    for task, (number, value) in last.items():
        rows = len({c["row_id"] for c in truth[task]["calls"] if c["current"]})
        if number and value["borrowers"] < rows:
            faults.append(f"{task}: {value['borrowers']} borrowers, and {rows} rows with a call")
    return faults


# --- a planted gap ---

def check_gap(events, told, seals, by_task):
    chosen = [t for t in seals if len(by_task.get(t, [])) >= 3][:3]
    topics = {name: f"{ENV[name]}-gap" for name in ("KAFKA_TOPIC_CALL_COMPLETED", "KAFKA_TOPIC_TASK_STATUS")}
    copy(events, told, chosen, topics)
    log = Path(ENV["CONSUMERS_WORK"]) / "scoring-gap.log"
    mine = topics | {"KAFKA_GROUP": ENV["KAFKA_GROUP"] + "-gap", "KAFKA_TOPIC_SCORES": topics["KAFKA_TOPIC_CALL_COMPLETED"] + "-scores",
                     "KAFKA_TOPIC_SCORED_TASKS": topics["KAFKA_TOPIC_CALL_COMPLETED"] + "-tasks"}
    with log.open("w") as out:
        program = subprocess.Popen(["bash", ".ci/consumers/scoring.sh", "start"], env=ENV | mine, stderr=out)
    try:
        deadline = time.monotonic() + 120
        while ("is refused" not in log.read_text() or len(final_of(mine)) < len(chosen) - 1) and time.monotonic() < deadline:
            time.sleep(0.25)
        program.terminate()
        code = program.wait(20)
    finally:
        program.kill()
    said, faults = log.read_text(), [] if code == 0 else [f"gap: it ended with {code}"]
    if said.count("is refused") != 1 or f"task {chosen[0]}: seal" not in said or "1 are not there: 2" not in said:
        faults.append(f"gap: it says {said!r}")
    if final_of(mine) != set(chosen[1:]):
        faults.append(f"gap: {final_of(mine)} are scored finally, want {chosen[1:]}")
    return faults


def final_of(mine):
    try:
        return {t for t, n, _ in scored_tasks(mine["KAFKA_TOPIC_SCORED_TASKS"]) if n}
    except KeyError:  # the topic is not there yet
        return set()


def copy(events, told, chosen, topics):
    """Writes the records of these tasks to other topics, without the second event of the first task."""
    event_topic, status_topic = topics.values()
    ends = [0] * (1 + max(m.partition() for m, _, _ in events))
    admin = AdminClient({"bootstrap.servers": BROKERS})
    for made in admin.create_topics([NewTopic(event_topic, len(ends), -1), NewTopic(status_topic, 1, -1)]).values():
        made.result(30)
    producer, registry = Producer({"bootstrap.servers": BROKERS}), SchemaRegistryClient({"url": REGISTRY, "timeout": 10})
    for m, _, e in events:
        if e["task_id"] in chosen and (e["task_id"], e["task_sequence"]) != (chosen[0], 2):
            producer.produce(event_topic, key=m.key(), value=m.value(), partition=m.partition())
            ends[m.partition()] += 1
    for m, _, s in told:
        if s["task_id"] in chosen:
            if s["seal"]:
                s = s | {"seal": s["seal"] | {"event_topic": event_topic, "event_offsets": ends}}
            out = io.BytesIO(m.value()[:5])
            out.seek(5)
            schema = fastavro.parse_schema(json.loads(registry.get_schema(int.from_bytes(m.value()[1:5], "big")).schema_str))
            fastavro.schemaless_writer(out, schema, s)
            producer.produce(status_topic, key=m.key(), value=out.getvalue())
    producer.flush(30)


if __name__ == "__main__":
    main()
