"""What crm-webhook is held against: an endpoint that fails at random and writes down what it got.

    crm-webhook.py topic      creates the topic of the dead letters
    crm-webhook.py aborted    shows the client transactions that were aborted in every way: it must give none of their records
    crm-webhook.py serve      is the endpoint
    crm-webhook.py check      compares what it got with what was published, and with what really happened
"""

import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

sys.path.insert(0, str(Path(__file__).parent.parent))
from verify import consume, get  # noqa: E402

BROKERS = os.environ["KAFKA_BROKERS"]
DEAD_LETTERS = os.environ["KAFKA_TOPIC_WEBHOOK_DEAD_LETTER"]
DELIVERIES = Path(os.environ["CONSUMERS_WORK"], "deliveries.jsonl")


def create(topic, partitions):
    admin = AdminClient({"bootstrap.servers": BROKERS})
    admin.create_topics([NewTopic(topic, partitions)])[topic].result()


# --- aborted transactions ---

READER = """
import kafkajs from '@confluentinc/kafka-javascript'
const [brokers, topic] = process.argv.slice(2)
const consumer = new kafkajs.KafkaJS.Kafka({ 'bootstrap.servers': brokers }).consumer(
  { 'group.id': topic, 'isolation.level': 'read_committed', 'auto.offset.reset': 'earliest', 'fetch.message.max.bytes': 100_000 })
await consumer.connect()
await consumer.subscribe({ topics: [topic] })
await consumer.run({ eachMessage: async ({ message }) => {
  const value = String(message.value)
  if (value === 'end') process.exit(0)
  console.log('got ' + value.slice(0, 20))
} })
"""


def aborted():
    topic = "ci.aborted-" + os.environ["CONSUMERS_SUFFIX"]
    create(topic, 1)
    a, b = (Producer({"bootstrap.servers": BROKERS, "transactional.id": f"{topic}-{n}", "compression.type": "lz4", "linger.ms": 0,
                      "log_level": 0}) for n in "ab")

    def write(producer, *values):
        for value in values:
            producer.produce(topic, value)
        producer.flush()

    for producer in (a, b):
        producer.init_transactions()
    # The one that began later ends first.
    a.begin_transaction()
    write(a, "aborted: first")
    b.begin_transaction()
    write(b, "aborted: within")
    write(a, "aborted: first")
    b.abort_transaction()
    write(a, "aborted: first")
    a.abort_transaction()
    for i in range(3):  # several of one producer in one fetch
        a.begin_transaction()
        write(a, "aborted: again")
        a.abort_transaction()
        a.begin_transaction()
        write(a, f"committed {i}")
        a.commit_transaction()
    a.begin_transaction()  # larger than a fetch
    for i in range(40):
        write(a, "aborted: large " + os.urandom(20_000).hex())
    a.abort_transaction()
    a.begin_transaction()
    write(a, "end")
    a.commit_transaction()
    folder = Path(os.environ["CONSUMERS_NODE"])
    (folder / "reader.mjs").write_text(READER)
    got = subprocess.run(["node", folder / "reader.mjs", BROKERS, topic], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60, check=True)
    values = [line[4:] for line in got.stdout.splitlines() if line.startswith("got ")]  # the client logs there, too
    if values != ["committed 0", "committed 1", "committed 2"]:
        sys.exit(f"crm-webhook: of committed and aborted transactions, the client shows {values}")


# --- the endpoint ---

def refused(ce_id):
    """A few calls are never taken."""
    return hashlib.sha256(ce_id.encode()).digest()[0] < 8


class Endpoint(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    chance, lock = random.Random(3), threading.Lock()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        key = self.headers["idempotency-key"]
        with self.lock:
            n = self.chance.random()
            status = 400 if refused(key) else 503 if n < 0.05 else 429 if n < 0.08 else 0 if n < 0.11 else 204 if n < 0.9 else 200
            taken = n < 0.1  # a reset may come after the call was taken
            with DELIVERIES.open("a") as out:
                out.write(json.dumps({"key": key, "type": self.headers["content-type"], "body": body, "status": status, "taken": status in (200, 204) or (status == 0 and taken)}) + "\n")
        if status == 0:
            self.close_connection = True
            return self.connection.shutdown(2)
        self.send_response(status)
        if status == 429:
            self.send_header("retry-after", "1")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def serve():
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["CONSUMERS_PORT"])), Endpoint).serve_forever()


# --- the comparison ---

def check():
    topic, truth = os.environ["KAFKA_TOPIC_CALL_COMPLETED"], get(os.environ["AIRUDDER_BASE_URL"] + "/truth")
    events, by_key = {}, defaultdict(list)
    for message, key, event in consume(BROKERS, os.environ["SCHEMA_REGISTRY_URL"], topic):
        ce_id = dict(message.headers())["ce_id"].decode()
        events[ce_id] = message, event
        by_key[message.partition(), key].append(ce_id)
    got, letters = await_end(events)
    faults = check_deliveries(got, events, by_key) + check_letters(letters, events) + check_truth(got, events, truth)
    for fault in faults[:20]:
        print("crm-webhook:", fault)
    taken = sum(d["taken"] for d in got)
    failed = sum(d["status"] in (0, 429, 503) for d in got)
    print(f"crm-webhook: events {len(events)} · requests {len(got)} · failed on purpose {failed} · taken {len({d['key'] for d in got if d['taken']})}, "
          f"again {taken - len({d['key'] for d in got if d['taken']})} times · dead letters {len({v['ce_id'] for v in letters})} · faults {len(faults)}")
    if not letters or not failed or taken == len(events):
        sys.exit("crm-webhook: nothing failed, was refused or delivered again: this proves nothing")
    sys.exit(1 if faults else 0)


def await_end(events):
    for _ in range(120):
        got = [json.loads(line) for line in DELIVERIES.read_text().splitlines()]
        letters = [json.loads(value) for _, _, value in consume(BROKERS, None, DEAD_LETTERS)]
        ended = {d["key"] for d in got if d["taken"] and d["status"]} | {v["ce_id"] for v in letters}
        if ended >= events.keys():
            break
        time.sleep(1)
    return got, letters


def check_deliveries(got, events, by_key):
    faults, bodies, firsts = [], {}, {}
    for n, d in enumerate(got):
        event = json.loads(d["body"])
        if d["key"] != event["id"]:
            faults.append(f"{event['id']} came under the key {d['key']}")
        if bodies.setdefault(event["id"], d["body"]) != d["body"]:
            faults.append(f"{event['id']} came again with another body")
        if event["id"] not in events:
            faults.append(f"{event['id']} was never published")
        elif fault := differs(event, *events[event["id"]]):
            faults.append(f"{event['id']}: {fault}")
        if d["taken"] or d["status"] == 400:
            firsts.setdefault(event["id"], n)
    faults += [f"{i} was not delivered" for i in events if not refused(i) and i not in firsts]
    for ids in by_key.values():
        order = [firsts[i] for i in ids if i in firsts]
        if order != sorted(order):
            faults.append(f"{ids} were not delivered in their order")
    return faults


def differs(event, message, call):
    headers = {name: value.decode() for name, value in message.headers()}
    for name in ("id", "source", "type", "subject", "time"):
        if event[name] != headers["ce_" + name]:
            return f"{name} is {event[name]}, and in Kafka {headers['ce_' + name]}"
    data = event["data"]
    if data.keys() != call.keys():
        return f"the fields are {sorted(data)}"
    for name, value in call.items():
        if hasattr(value, "isoformat"):
            value = value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"
        if name != "redials" and data[name] != value:
            return f"{name} is {data[name]!r}, and in Kafka {value!r}"
    return None


def check_letters(letters, events):
    faults = [f"{i} was refused, and is no dead letter" for i in events if refused(i) and i not in {v["ce_id"] for v in letters}]
    for letter in letters:
        if letter["ce_id"] not in events or not refused(letter["ce_id"]):
            faults.append(f"{letter['ce_id']} is a dead letter")
            continue
        message, _ = events[letter["ce_id"]]
        want = {"reason": "status 400", "topic": message.topic(), "partition": message.partition(), "offset": message.offset()}
        if any(letter[name] != value for name, value in want.items()) or letter.keys() - want.keys() != {"ce_id", "ce_source", "at"}:
            faults.append(f"the dead letter {letter}, want {want}")
    return faults


def check_truth(got, events, truth):
    finished = {(t["task_id"], c["call_id"]): c for t in truth["tasks"] for c in t["calls"]}
    came = {(e["task_id"], e["call_id"]) for e in (json.loads(d["body"])["data"] for d in got)}
    return [f"{i} was never finished" for i in came - finished.keys()] + [
        f"{i} is finished, and did not come" for i, c in finished.items() if c["current"] and i not in came]


if __name__ == "__main__":
    {"topic": lambda: create(DEAD_LETTERS, 1), "aborted": aborted, "serve": serve, "check": check}[sys.argv[1]]()
