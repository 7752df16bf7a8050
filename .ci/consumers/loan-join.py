"""What loan-join is held against: loans that change while calls are published, some of them
later than their calls, and a batch join in PostgreSQL over the same calls and loans.

    loan-join.py topic    creates the topic of the loans
    loan-join.py write    writes loans until check tells it to stop
    loan-join.py check    stops the writer, and compares
"""

import json
import os
import random
import re
import sys
import time
from pathlib import Path

import psycopg
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

sys.path.insert(0, str(Path(__file__).parent.parent))
from verify import consume  # noqa: E402

BROKERS, REGISTRY = os.environ["KAFKA_BROKERS"], os.environ["SCHEMA_REGISTRY_URL"]
EVENTS, LOANS = os.environ["KAFKA_TOPIC_CALL_COMPLETED"], os.environ["KAFKA_TOPIC_LOANS"]
STOP, STOPPED = (Path(os.environ["CONSUMERS_WORK"], f"loans.{word}") for word in ("stop", "stopped"))
# It is always about midnight in one of them, and within permitted hours in others.
ZONES = [f"Etc/GMT{offset:+}" for offset in range(-14, 13)] + ["Asia/Jakarta", "Asia/Kathmandu", "nowhere", None]
DAY = 86_400_000

BATCH = """
CREATE TEMP TABLE events (id text PRIMARY KEY, reference text, started timestamptz, occurred_at timestamptz);
CREATE TEMP TABLE loans (reference text, since_ms bigint, arrival bigint, fields jsonb);
CREATE TEMP TABLE zones AS SELECT name FROM pg_timezone_names;
CREATE TEMP VIEW batch AS
SELECT e.*, l.since_ms, l.fields, coalesce(l.fields->>'borrower', e.reference) AS borrower,
       coalesce((SELECT name FROM zones WHERE name = l.fields->>'zone'), 'Asia/Jakarta') AS zone
  FROM events e LEFT JOIN LATERAL (
       SELECT * FROM loans WHERE loans.reference = e.reference AND to_timestamp(since_ms / 1000.0) <= e.occurred_at
        ORDER BY since_ms DESC, arrival DESC LIMIT 1) l ON true;
"""
CONTACTS = """
SELECT borrower || '/' || day AS key, count(*) AS calls, count(*) FILTER (WHERE rang < '08:00' OR rang >= '20:00') AS outside_hours
  FROM (SELECT borrower, (occurred_at AT TIME ZONE zone)::date AS day, (coalesce(started, occurred_at) AT TIME ZONE zone)::time AS rang
          FROM batch WHERE fields IS NOT NULL) AS local
 GROUP BY borrower, day
"""


# --- the loans ---

def create_topic():
    # Not as many partitions as the events, so that a join without a repartition shows.
    topic = NewTopic(LOANS, 4, config={"cleanup.policy": "compact", "min.compaction.lag.ms": str(400 * DAY)})
    admin = AdminClient({"bootstrap.servers": BROKERS})
    admin.create_topics([topic])[LOANS].result()


def write():
    """Sees which references are called, and writes loans: of the task's other references before
    they are called, of this one when its call has been published."""
    decode = AvroDeserializer(SchemaRegistryClient({"url": REGISTRY, "timeout": 10}), conf={"subject.name.strategy.type": "TOPIC"})
    consumer = Consumer({"bootstrap.servers": BROKERS, "group.id": "loans-" + LOANS, "auto.offset.reset": "earliest",
                         "isolation.level": "read_committed", "enable.auto.commit": False})
    consumer.subscribe([EVENTS])
    producer = Producer({"bootstrap.servers": BROKERS, "partitioner": "murmur2_random", "linger.ms": 5, "enable.idempotence": True})
    chance, tasks = random.Random(7), set()
    while not STOP.exists():
        message = consumer.poll(0.1)
        if message is None or message.error():
            continue
        call = decode(message.value(), SerializationContext(EVENTS, MessageField.VALUE))
        reference, occurred = call["comments"], int(call["occurred_at"].timestamp() * 1000)
        if reference is None or not (parts := re.fullmatch(r"(C?)(\d{4})(\d{5})", reference)):
            continue
        if (task := parts[1] + parts[2]) not in tasks:
            tasks.add(task)
            for row in range(20):
                version(producer, chance, f"{task}{row:05}", occurred - chance.choice([60_000, DAY, 900 * DAY]))
        if chance.random() < 0.6:
            for _ in range(chance.randint(1, 3)):
                version(producer, chance, reference, occurred + chance.choice([0, 1, -1, -1000, -60_000, 3000, -500 * DAY]))
    producer.flush()
    STOPPED.touch()


def version(producer, chance, reference, since):
    """One version of a loan. Some references have none ever, and some versions say that there is none any more."""
    if int(reference[-5:]) % 7 == 3:
        return
    value = {"borrower": f"B{int(reference[-5:]) // 2}", "days_past_due": chance.randint(0, 90), "principal": chance.randint(1, 10**9) / 100}
    if zone := chance.choice(ZONES):
        value["zone"] = zone
    if chance.random() < 0.1:
        del value["borrower"]
    producer.produce(LOANS, None if chance.random() < 0.1 else json.dumps(value), key=reference, timestamp=since)


# --- the comparison ---

def check():
    STOP.touch()
    while not STOPPED.exists():
        time.sleep(0.1)
    joined, missed, contacts, versions = batch()
    faults = ["nothing was read"]
    for _ in range(120):
        got = [latest(os.environ[name]) for name in ("KAFKA_TOPIC_JOINED", "KAFKA_TOPIC_MISSED", "KAFKA_TOPIC_CONTACTS")]
        faults = compare("joined", {i: (m["loan"]["since"], m["loan"]["fields"]) for i, m in got[0][0].items()}, joined)
        faults += compare("missed", {i: None for i in got[1][0]}, missed)
        faults += compare("contacts", {i: (c["calls"], c["outside_hours"]) for i, c in got[2][0].items()}, contacts)
        if not faults:
            break
        time.sleep(1)
    for fault in faults[:20]:
        print("loan-join:", fault)
    mended = sum(deleted for _, deleted in got[:2])
    print(f"loan-join: calls joined {len(joined)} and missed {len(missed)} · versions of loans {versions} · answers changed by a late one {mended} · "
          f"borrowers' days {len(contacts)} · calls outside hours {sum(n for _, n in contacts.values())} · faults {len(faults)}")
    if not faults and not (joined and missed and mended):
        sys.exit("loan-join: nothing was joined, missed or mended: this proves nothing")
    sys.exit(1 if faults else 0)


def batch():
    """The batch join: (since, fields) of each joined call, the missed calls, (calls, outside hours) of each borrower's day."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
        db.execute(BATCH)
        with db.cursor().copy("COPY events FROM STDIN") as rows:
            for _, _, call in consume(BROKERS, REGISTRY, EVENTS):
                identity = "/".join(p.replace("%", "%25").replace("/", "%2F") for p in (call["account"] or "", call["task_id"])) + "/" + call["call_id"]
                rows.write_row((identity, call["comments"], call["call_start_time"], call["occurred_at"]))
        versions = 0
        with db.cursor().copy("COPY loans FROM STDIN") as rows:
            for message, reference, value in consume(BROKERS, None, LOANS):
                rows.write_row((reference, message.timestamp()[1], message.offset(), value and value.decode()))
                versions += 1
        joined = {i: (since, fields) for i, since, fields in db.execute("SELECT id, since_ms, fields FROM batch WHERE fields IS NOT NULL")}
        missed = {i: None for i, in db.execute("SELECT id FROM batch WHERE fields IS NULL")}
        contacts = {key: (calls, outside) for key, calls, outside in db.execute(CONTACTS)}
    return joined, missed, contacts, versions


def latest(topic):
    """The last value of each key of a compacted topic, and how many values were deleted."""
    values, deleted = {}, 0
    for _, key, value in consume(BROKERS, None, topic):
        if value is None:
            values.pop(key, None)
            deleted += 1
        else:
            values[key] = json.loads(value)
    return values, deleted


def compare(what, got, want):
    return [f"{what}: {key} is there, and ought not to be" for key in got.keys() - want.keys()] + [
        f"{what}: {key} is not there" for key in want.keys() - got.keys()] + [
        f"{what}: {key} is {got[key]}, want {want[key]}" for key in got.keys() & want.keys() if got[key] != want[key]]


if __name__ == "__main__":
    {"topic": create_topic, "write": write, "check": check}[sys.argv[1]]()
