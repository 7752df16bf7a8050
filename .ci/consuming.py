"""Builds what schemas/README.md tells the author of a consumer to build, with the SQL and
the Python of that page itself, and holds it against everything that was published.

    consuming.py BROKERS REGISTRY_URL EVENT_TOPIC STATUS_TOPIC

The exporter must have sealed the tasks that ended. SQLite stands for PostgreSQL: what it
lacks of the functions that the page uses is defined below.
"""

import hashlib
import random
import re
import sqlite3
import sys
import time
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from verify import consume

PAGE = (Path(__file__).parent.parent / "schemas" / "README.md").read_text()


def main(brokers, registry, event_topic, status_topic):
    published = list(consume(brokers, registry, event_topic))
    told = list(consume(brokers, registry, status_topic))
    changes = [s for _, _, s in told]
    events = [row_of(e) for _, _, e in published]
    faults = check_ids(published + told)
    faults += check_ends(brokers, published, changes)
    faults += check_group(brokers, registry, event_topic, events, changes)
    faults += check_any_status(events, changes)
    faults += check_last_results(events)
    faults += check_attempts([e for _, _, e in published])
    faults += check_order(published)
    faults += check_partitions(brokers, published)
    if "### Revisions\n" in PAGE:
        faults += check_revisions(events)
    for fault in faults[:20]:
        print("consuming:", fault)
    seals = [s for s in changes if s["seal"]]
    sealed = sum(s["exported"] for s in seals)
    print(f"consuming: events {len(events)} · seals {len(seals)}, which tell of {sealed} · faults {len(faults)}")
    if not sealed:
        sys.exit("consuming: no seal tells of any event")
    sys.exit(1 if faults else 0)


# --- the page ---

def blocks(heading, language):
    """The code of a section of the page."""
    section = re.search(rf"^### {re.escape(heading)}\n(.*?)(?=^##|\Z)", PAGE, re.S | re.M)
    found = re.findall(rf"^```{language}\n(.*?)^```", section[1] if section else "", re.S | re.M)
    if not found:
        sys.exit(f"consuming: the page has no {language} under {heading!r}")
    return "".join(found)


def statements(heading):
    return [s.strip() for s in blocks(heading, "sql").split(";\n") if s.strip()]


def fence():
    """The page's function fence_reached."""
    space = {"TopicPartition": TopicPartition, "KafkaException": KafkaException}
    exec(blocks("When is a task complete", "python"), space)
    return space["fence_reached"]


# --- a database that takes PostgreSQL's functions ---

class Joined:
    """string_agg, whose rows come in the order of the subquery."""

    def __init__(self):
        self.parts = None

    def step(self, part, separator):
        self.parts = (self.parts or []) + [part]
        self.separator = separator

    def finalize(self):
        return None if self.parts is None else self.separator.join(self.parts)


def database(*headings):
    """A database with the tables of these sections, and the sections' other statements."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.create_function("chr", 1, chr)
    db.create_function("convert_to", 2, lambda text, _: text.encode())
    db.create_function("sha256", 1, lambda raw: hashlib.sha256(raw).digest())
    db.create_function("encode", 2, lambda raw, _: raw.hex())
    db.create_aggregate("string_agg", 2, Joined)
    db.create_collation("C", lambda a, b: (a.encode() > b.encode()) - (a.encode() < b.encode()))
    others = []
    for heading in headings:
        for statement in statements(heading):
            if statement.startswith(("CREATE", "ALTER")):
                db.execute(statement)
            else:
                others.append(statement)
    return db, others


def row_of(event):
    """What the page's statements take of an event, by the names of its fields."""
    row = {k: stamp(v) for k, v in event.items() if not isinstance(v, (list, dict))}
    return row | {"account": event["account"] or ""}


def stamp(v):
    return v.isoformat(timespec="milliseconds") if hasattr(v, "isoformat") else v


def identity(row):
    return row["account"], row["task_id"], row["call_id"]


def shuffles(rows):
    """The rows in several orders, some of them twice, as after a consumer's restart."""
    for seed in range(3):
        order = rows + random.Random(seed).sample(rows, len(rows) // 3)
        random.Random(seed).shuffle(order)
        yield order


# --- what is held against it ---

def check_ids(records):
    """A ce_id is unique within its ce_source."""
    ids = [(h["ce_source"], h["ce_id"]) for h in (dict(message.headers()) for message, _, _ in records)]
    return [f"{len(ids)} records have {len(set(ids))} ids"] if len(set(ids)) < len(ids) else []


def check_ends(brokers, published, changes):
    """A seal's events are below its event_offsets, which last offset + 1 reaches, as it does not reach the topic's ends."""
    faults, last = [], {}
    for message, _, _ in published:
        last[message.partition()] = max(last.get(message.partition(), 0), message.offset() + 1)
    for s in changes:
        ends = s["seal"]["event_offsets"] if s["seal"] else []
        faults += [f"{s['task_id']}: event_offsets {ends} are not reached by {last}" for p, end in enumerate(ends) if end > last.get(p, 0)]
        faults += [f"{s['task_id']}: event {e['task_sequence']} of {s['exported']} is at {m.offset()}, not below {ends}" for m, _, e in published
                   if ends and e["task_id"] == s["task_id"] and e["task_sequence"] <= s["exported"] and m.offset() >= ends[m.partition()]]
    asker = Consumer({"bootstrap.servers": brokers, "group.id": "ends"})
    for p, reached in last.items():
        high = asker.get_watermark_offsets(TopicPartition(published[0][0].topic(), p), timeout=30)[1]
        if high <= reached:
            faults.append(f"partition {p} ends at {high}, with a record")
    asker.close()
    return faults


def check_group(brokers, registry, topic, events, changes):
    """Two members of a group: once the fence is reached, the statement says complete; and it says so never before."""
    db, (insert, verdict) = database("Identity", "The seal in one statement")
    waiting = {}
    for s in changes:
        if s["seal"]:
            key = s["account"] or "", s["task_id"], s["seal"]["seal_number"]
            db.execute("INSERT INTO seals VALUES (?, ?, ?, ?, ?)", (*key, s["exported"], s["seal"]["digest"]))
            waiting[key] = s["seal"]
    told = {key: {identity(e) for e in events if identity(e)[:2] == key[:2] and e["task_sequence"] <= exported}
            for *key, exported, _ in map(list, db.execute("SELECT * FROM seals")) for key in [tuple(key)]}
    numbers, faults, deadline, reached = {}, [], time.monotonic() + 120, fence()
    decode = AvroDeserializer(SchemaRegistryClient({"url": registry, "timeout": 10}), conf={"subject.name.strategy.type": "TOPIC"})
    members = [Consumer({"bootstrap.servers": brokers, "group.id": "of-two-" + topic, "isolation.level": "read_committed",
                         "auto.offset.reset": "earliest", "enable.auto.commit": False}) for _ in range(2)]
    for member in members:
        member.subscribe([topic])
    while waiting:
        if time.monotonic() > deadline:
            return faults + [f"{len(waiting)} seals are not reached in two minutes"]
        for member in members:
            for message in process(member, topic, decode):
                db.execute(insert, row_of(message[1]))
                numbers.setdefault(message[1]["task_id"], {}).setdefault(message[0], set()).add(message[1]["task_sequence"])
        held = {tuple(i) for i in db.execute("SELECT account, task_id, call_id FROM calls")}
        asking = time.monotonic() + 1  # during a rebalance no answer comes until the other member is asked for messages, too
        for *key, exported, complete, fits in db.execute(verdict).fetchall():
            key = tuple(key)
            if bool(complete) != (told[key] <= held) or bool(fits) != bool(complete):
                faults.append(f"seal {key}: complete {complete}, digest_fits {fits}; {len(told[key] & held)} of {exported} events are there")
            if key in waiting and time.monotonic() < asking and reached(members[0], waiting[key]):
                del waiting[key]
                parts = [{n for n in of if n <= exported} for of in numbers.get(key[1], {}).values()]
                if not complete or sum(map(len, parts)) != exported or max(map(max, filter(None, parts)), default=0) != exported:
                    faults.append(f"seal {key}: its fence is reached, and {sum(map(len, parts))} of {exported} events are there")
    if len({p for of in numbers.values() for p in of}) < 2:
        faults.append("the events are in one partition: two members prove nothing")
    for member in members:
        member.close()
    return faults


def process(member, topic, decode):
    """The events that a member gets in a moment, with their partitions; then commits."""
    messages = [m for m in member.consume(40, 0.2) if not m.error()]
    for m in messages:
        yield m.partition(), decode(m.value(), SerializationContext(topic, MessageField.VALUE))
    if messages:
        try:
            member.commit(asynchronous=False)
        except KafkaException:
            pass  # the group is rebalanced: another member gets them again


def check_any_status(events, changes):
    """The numbers say complete for every status record's exported, and not where one event is missing."""
    db, (insert, verdict) = database("Identity", "The seal in one statement")
    db.executemany(insert, events)
    db.executemany("INSERT INTO seals VALUES (?, ?, ?, ?, '')",
                   [(s["account"] or "", s["task_id"], s["sequence"], s["exported"]) for s in changes])
    faults = [f"{r[1]}: its {r[3]} events of status {r[2]} are not complete" for r in db.execute(verdict) if not r[4]]
    db.execute("DELETE FROM calls WHERE task_sequence = 2")
    return faults + [f"{r[1]}: complete without its second event" for r in db.execute(verdict) if r[4] and r[3] > 1]


def later(row):
    return row["occurred_at"], row["call_times"] or 0, row["task_id"], row["call_id"]


def last_of(rows):
    last = {}
    for row in rows:
        key = row["account"], row["comments"]
        if row["comments"] is not None and (key not in last or later(row) > later(last[key])):
            last[key] = row
    return {key: (*identity(row)[1:], row["intention"]) for key, row in last.items()}


def check_last_results(events):
    """In every order the last call of a customer stays, of those at the same time the one of more attempts."""
    drawn, faults = random.Random(0), []
    times = [e["occurred_at"] for e in events[: len(events) // 4]]
    events = [e | {"comments": f"customer {drawn.randrange(len(events) // 10)}", "occurred_at": drawn.choice(times)} for e in events]
    want = last_of(events)
    for order in shuffles(events):
        db, (upsert,) = database("Last result per customer")
        changed = sum(db.execute(upsert, e).rowcount for e in order)
        got = {tuple(r[:2]): tuple(r[2:]) for r in db.execute("SELECT account, customer, task_id, call_id, intention FROM last_results")}
        if got != want:
            faults.append(f"last results: {sum(got.get(k) != v for k, v in want.items())} of {len(want)} are wrong")
        if changed > len(order) // 2:
            faults.append(f"last results: {changed} changes by {len(order)} events of {len(want)} customers")
    return faults


def check_attempts(events):
    """Events and redials are all attempts, in whatever order they are read; as many as the row's last event says."""
    seen = {(e["task_id"], e["call_id"]) for e in events}
    events = events + [ # more of the earlier attempts had an event, too
        e | {"call_id": r["call_id"], "call_times": n, "intention": "of the event", "redials": e["redials"][:n - 1]}
        for e in events[::2] for n, r in enumerate(e["redials"] or [], 1) if (e["task_id"], r["call_id"]) not in seen]
    want, times, faults = {}, {}, []
    for e in events:
        times[e["task_id"], e["row_id"]] = max(times.get((e["task_id"], e["row_id"]), 0), e["call_times"] or 0)
        want |= {(e["task_id"], r["call_id"]): (r["result_label"], 0) for r in e["redials"] or [] if (e["task_id"], r["call_id"]) not in want}
        want[e["task_id"], e["call_id"]] = e["intention"], 1
    for order in shuffles(events):
        db, (insert_event, insert_redial) = database("Attempts: events and redials")
        for e in order:
            db.execute(insert_event, row_of(e))
            db.executemany(insert_redial, [row_of(e) | {k: stamp(v) for k, v in r.items()} for r in e["redials"] or [] if r["call_id"] is not None])
        got = {tuple(r[:2]): tuple(r[2:]) for r in db.execute("SELECT task_id, call_id, result, has_event FROM attempts")}
        if got != want:
            faults.append(f"attempts: {len(got)} of {len(want)}, {sum(got.get(k) != v for k, v in want.items())} are wrong")
        for *row, count in db.execute("SELECT task_id, row_id, count(*) FROM attempts GROUP BY 1, 2"):
            if count != times[tuple(row)]:
                faults.append(f"attempts: row {row} has {count}, and its last event says {times[tuple(row)]}")
    return faults if len(want) > len(events) else faults + ["attempts: no redial is without an event"]


def check_order(published):
    """In a partition the attempts of a row come in order, and the record's time is that of publishing."""
    faults, last = [], {}
    for message, key, e in published:
        if e["row_id"] is not None and e["call_times"] is not None:
            if e["call_times"] < last.get((message.partition(), key), 0):
                faults.append(f"{key}: attempt {e['call_times']} after {last[message.partition(), key]}")
            last[message.partition(), key] = e["call_times"]
        if message.timestamp()[1] < e["observed_at"].timestamp() * 1000:
            faults.append(f"{key}: the record is of {message.timestamp()[1]}, and was observed at {e['observed_at']}")
    return faults


def check_partitions(brokers, published):
    """librdkafka puts the events' keys where the exporter does, with murmur2_random, and elsewhere without."""
    topic, count = published[0][0].topic() + ".joined", 1 + max(m.partition() for m, _, _ in published)
    admin = AdminClient({"bootstrap.servers": brokers})
    partitions = len(admin.list_topics(published[0][0].topic(), timeout=30).topics[published[0][0].topic()].partitions)
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(30)
    agreed = {}
    for name, more in {"murmur2_random": {"partitioner": "murmur2_random"}, "the default": {}}.items():
        producer, agreed[name] = Producer({"bootstrap.servers": brokers} | more), 0
        for message, _, _ in published:
            def delivered(error, sent, want=message.partition(), name=name):
                agreed[name] += error is None and sent.partition() == want
            producer.produce(topic, key=message.key(), value=b"", on_delivery=delivered)
        producer.flush(60)
    if agreed["murmur2_random"] == len(published) > agreed["the default"] > 0 and count > 1:
        return []
    return [f"of {len(published)} keys, {agreed} are in the events' partitions"]


def check_revisions(events):
    """In every order of events and revisions, the highest revision stays, and the last results are of these."""
    drawn, everything = random.Random(0), []
    for e in events:
        everything += [e | {"revision": 0}] + [
            e | {"revision": n, "intention": f"revised {n}", "occurred_at": drawn.choice(events)["occurred_at"]}
            for n in range(1, drawn.choice([1, 1, 2, 4]))]
    want = {}
    for row in sorted(everything, key=lambda r: r["revision"]):
        want[identity(row)] = row
    faults = []
    for order in shuffles(everything):
        db, (_, upsert, last_results) = database("Identity", "Revisions")
        db.executemany(upsert, order)
        got = {tuple(r[:3]): r[3] for r in db.execute("SELECT account, task_id, call_id, revision FROM calls")}
        if got != {k: row["revision"] for k, row in want.items()}:
            faults.append("revisions: an older one has replaced a newer")
        if {tuple(r[:2]): tuple(r[2:]) for r in db.execute(last_results)} != last_of(want.values()):
            faults.append("revisions: the last results are not those of the latest revisions")
    return faults


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
