"""Reads what the exporter published with Confluent's own Python client, as a
consumer would, and holds every field against the upstream's own answers.

    verify.py BROKERS REGISTRY_URL AIRUDDER_URL EVENT_TOPIC REVISED_TOPIC STATUS_TOPIC LEDGER_TOPIC

The simulated AIRudder must be stopped (POST /faults {"stop": true}) and the exporter
must have caught up. None of the exporter's code is used: the mapping below is
written from the documentation of the API and of the schemas.
"""

import json
import re
import sys
import urllib.request
from datetime import datetime, timedelta, timezone

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

TEXT = {  # event field → the row's
    "robot_id": "RobotID", "caller_number": "caller_number", "callee_number": "CalleeNumber",
    "callee_name": "CalleeName", "callee_gender": "CalleeGender", "ring_type": "RingType",
    "hangup_type": "HangupType", "intention": "Intention", "intention_description": "intention_description",
    "multi_intention": "Multi_intention", "platform_name": "PlatformName", "call_notes": "call_notes",
}
TEXT_OR_NUMBER = {"comments": "Comments", "extra_a": "ExtraA", "extra_b": "ExtraB", "extra_c": "ExtraC"}
LONG = {"row_id": "id", "call_times": "CallTimes", "ring_time": "RingTime", "talk_round": "TalkRound"}
TASK_TEXT = {"task_name": "TaskName", "robot_method": "RobotMethod", "task_robot_id": "RobotID", "sip_line": "SIPLine"}
TASK_TIME = {"schedule_start_time": "ScheduleStartTime", "schedule_end_time": "ScheduleEndTime"}
TASK_LONG = {"repeat_interval": "RepeatInterval", "repeat_number": "RepeatNumber"}
OF_THEIR_OWN = {"CallStartTime", "CallEndTime", "Status", "CallID", "AsrResult", "EventLabel", "NerSlots", "RedailCall"}
OF_THE_TASK_ALONE = {"TaskID", "Status", "detail"}


class Number(str):
    """A JSON number as its literal digits."""


def main(brokers, registry, airudder, event_topic, revised_topic, status_topic, ledger_topic):
    rows, tasks, truth = upstream(airudder)
    events = list(consume(brokers, registry, event_topic))
    faults, latest = check_revised(list(consume(brokers, registry, revised_topic)), events)
    faults += check_events(events, latest, rows, tasks, truth)
    faults += check_status(list(consume(brokers, registry, status_topic)), truth)
    faults += check_ledger(list(consume(brokers, None, ledger_topic)), events)
    for fault in faults[:20]:
        print("verify:", fault)
    finished = sum(len(t["calls"]) for t in truth["tasks"])
    compared = sum((e["task_id"], e["call_id"]) in rows for _, _, e in events)
    print(f"verify: finished {finished} · events {len(events)} · revised {len(latest)} · compared field by field {compared} · faults {len(faults)}")
    if compared < len(events) / 2 or not events:  # the others' rows show a later attempt by now
        sys.exit("verify: there are too few events to check")
    sys.exit(1 if faults else 0)


def upstream(url):
    """All rows by (TaskID, CallID), the tasks' headers, and the truth."""
    truth = get(url + "/truth")
    body = json.dumps({"APPKey": "ci", "APPSecret": "ci"}).encode()
    request = urllib.request.Request(url + "/service/cloud/auth", body, {"Content-Type": "application/json"})
    token = json.load(urllib.request.urlopen(request, timeout=10))["data"]["token"]
    rows, tasks = {}, {}
    for task in truth["tasks"]:
        detail = get(f"{url}/service/cloud/detail?TaskID={task['task_id']}", token)["data"]
        tasks[task["task_id"]] = detail
        for row in detail.get("detail") or []:
            if row.get("Status") == "finished":
                rows[task["task_id"], row["CallID"]] = row
    return rows, tasks, truth


def get(url, token=None):
    request = urllib.request.Request(url, headers={"Authorization": "Token " + token} if token else {})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response, parse_int=Number, parse_float=Number) if token else json.load(response)


def consume(brokers, registry, topic):
    """Every committed record of the topic: (message, key, decoded value)."""
    decode = None
    if registry:
        client = SchemaRegistryClient({"url": registry, "timeout": 10})
        decode = AvroDeserializer(client, conf={"subject.name.strategy.type": "TOPIC"})
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "verify", "isolation.level": "read_committed",
                         "enable.auto.commit": False, "enable.partition.eof": True})
    partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
    ended = set()
    while len(ended) < len(partitions):
        message = consumer.poll(30)
        if message is None:
            raise SystemExit(f"verify: {topic}: no answer for 30 s")
        if message.error():
            if message.error().name() != "_PARTITION_EOF":
                raise SystemExit(f"verify: {topic}: {message.error()}")
            ended.add(message.partition())
            continue
        value = message.value()
        if decode:
            value = decode(value, SerializationContext(topic, MessageField.VALUE))
        yield message, message.key().decode(), value
    consumer.close()


def check_revised(records, events):
    """A call's revisions are 1, 2, 3 and so on, under its event's key and number. Returns the last of each call, too."""
    faults, latest = [], {}
    of = {(e["task_id"], e["call_id"]): (key, e["task_sequence"]) for _, key, e in events}
    count = {}
    for message, key, r in records:
        where = f"{message.topic()}[{message.partition()}]@{message.offset()}"
        call = r["call"]
        identity = call["task_id"], call["call_id"]
        count[identity] = count.get(identity, 0) + 1
        if r["revision"] != count[identity] or of.get(identity) != (key, call["task_sequence"]):
            faults.append(f"{where}: revision {r['revision']} of {identity}, number {call['task_sequence']}, key {key!r}")
        faults += check_headers(where, message, call, "airudder.call.revised", r["revision"])
        latest[identity] = call
    return faults, latest


def check_events(events, latest, rows, tasks, truth):
    faults, seen = [], {}
    for message, key, event in events:
        where = f"{message.topic()}[{message.partition()}]@{message.offset()}"
        identity = event["task_id"], event["call_id"]
        if identity in seen:
            faults.append(f"{where}: {identity} stands at {seen[identity]} already")
        seen[identity] = where
        row_id = event["row_id"]
        if key != f"{event['task_id']}/{event['call_id'] if row_id is None else row_id}":
            faults.append(f"{where}: key {key!r}")
        faults += check_headers(where, message, event)
        row = rows.get(identity)
        if row is not None:
            faults += check_fields(where, latest.get(identity, event), row, tasks[event["task_id"]])
    numbers = {}
    for _, _, e in events:
        numbers.setdefault(e["task_id"], []).append(e["task_sequence"])
    faults += [f"{task}: its numbers are not 1, 2, 3 and so on" for task, n in numbers.items() if sorted(n) != list(range(1, len(n) + 1))]
    finished = {(t["task_id"], c["call_id"]): c for t in truth["tasks"] for c in t["calls"]}
    states = {t["task_id"]: {s["status"] for s in t["states"]} for t in truth["tasks"]}
    faults += [f"{e['task_id']}: task_status {e['task_status']!r} was none of its states" for _, _, e in events
               if e["task_status"] not in states[e["task_id"]]]
    faults += [f"{i} was never finished" for i in seen if i not in finished]
    faults += [f"{i} has no event" for i, c in finished.items() if c["current"] and i not in seen]
    return faults


def check_headers(where, message, event, kind="airudder.call.completed", revision=0):
    headers = {k: v.decode() for k, v in message.headers() or []}
    want = {
        "ce_specversion": "1.0", "ce_type": kind, "content-type": "application/avro",
        "ce_id": f"{event['task_id']}/{event['call_id']}/{revision}", "ce_subject": event["call_id"],
        "ce_sequence": str(event["task_sequence"]),
    }
    faults = [f"{where}: header {k} is {headers.get(k)!r}, want {v!r}" for k, v in want.items() if headers.get(k) != v]
    if not headers.get("ce_source", "").endswith("/tasks/" + event["task_id"]):
        faults.append(f"{where}: header ce_source is {headers.get('ce_source')!r}")
    for header, field in {"ce_time": "occurred_at", "ce_recordedtime": "observed_at"}.items():
        if parse_time(headers.get(header, "")) != event[field]:
            faults.append(f"{where}: header {header} is {headers.get(header)!r}")
    if event["occurred_at"] != (event["call_end_time"] or event["call_start_time"] or event["observed_at"]):
        faults.append(f"{where}: occurred_at is {event['occurred_at']!r}")
    return faults


def check_fields(where, event, row, task):
    want = {f: text(row.get(k)) for f, k in TEXT.items()}
    want |= {f: text_or_number(row.get(k)) for f, k in TEXT_OR_NUMBER.items()}
    want |= {f: long(row.get(k)) for f, k in LONG.items()}
    want |= {f: text(task.get(k)) for f, k in TASK_TEXT.items()}
    want |= {f: time(task.get(k)) for f, k in TASK_TIME.items()}
    want |= {f: long(task.get(k)) for f, k in TASK_LONG.items()}
    start, end = time(row.get("CallStartTime")), time(row.get("CallEndTime"))
    want |= {"status": "finished", "call_start_time": start, "call_end_time": end}
    want["duration_ms"] = round((end - start).total_seconds() * 1000) if start and end and end >= start else None
    want["asr_result"] = [
        {"time": text(t.get("time")), "robot_text": text(t.get("robottext")), "text": text(t.get("text"))}
        for t in row["AsrResult"]] if row.get("AsrResult") is not None else None
    want["event_label"], want["ner_slots"] = labels(row.get("EventLabel")), labels(row.get("NerSlots"))
    want["redials"] = [redial(r) for r in row["RedailCall"]] if row.get("RedailCall") is not None else None
    faults = [f"{where}: {f} is {event[f]!r}, want {v!r}" for f, v in want.items() if event[f] != v]
    got = {name: json.loads(raw, parse_int=Number, parse_float=Number) for name, raw in (event["additional_fields"] or {}).items()}
    if got != (more := additional(row, task)):
        faults.append(f"{where}: additional_fields is {got!r}, want {more!r}")
    return faults


def additional(row, task):
    """What no field of the event takes in full: the row's fields, then the task's."""
    more = {}
    for k, v in row.items():
        fits = {k in TEXT.values(): text, k in TEXT_OR_NUMBER.values(): text_or_number, k in LONG.values(): long}.get(True)
        if k in ("EventLabel", "NerSlots"):
            fits = labels
        lost = fits and v is not None and (fits(v) is None or fits is labels and len(fits(v)) < len(v))
        if k not in OF_THEIR_OWN and not fits or lost:
            more[k] = v
    for k, v in task.items():
        if k in TASK_TEXT.values() or k in TASK_TIME.values() or k in OF_THE_TASK_ALONE:
            continue
        if k not in TASK_LONG.values() or v is not None and long(v) is None:
            more.setdefault(k, v)
    return more


def labels(v):
    return None if v is None else {k: text(x) for k, x in v.items() if text(x) is not None}


def redial(r):
    local = datetime.strptime(r["CallStartTime"], "%Y-%m-%d %H:%M:%S")
    return {
        "call_id": text(r.get("CallID")), "call_start_time": local.replace(tzinfo=timezone(timedelta(hours=8))),
        "ring_type": text(r.get("RingType")), "ring_time": long(r.get("RingTime")),
        "hangup_type": text(r.get("HangupType")), "result_label": text(r.get("ResultLabel")),
        "caller_number": text(r.get("caller_number")), "callee_number": text(r.get("callee_number")),
    }


def check_status(records, truth):
    faults = []
    states = {t["task_id"]: [s["status"] for s in t["states"]] for t in truth["tasks"]}
    path, sequence = {}, {}
    for message, key, s in records:
        where = f"{message.topic()}[{message.partition()}]@{message.offset()}"
        task = s["task_id"]
        if s["sequence"] != sequence.get(task, 0) + 1:
            faults.append(f"{where}: sequence {s['sequence']} after {sequence.get(task, 0)}")
        sequence[task] = s["sequence"]
        if s["previous_status"] != (path[task][-1] if task in path else None):
            faults.append(f"{where}: previous_status {s['previous_status']!r} after {path.get(task)}")
        if s["rows_open"] != s["rows"] - s["rows_finished"] - s["rows_cancelled"]:
            faults.append(f"{where}: rows do not add up")
        if s["seal"] is None:
            path.setdefault(task, []).append(s["status"])
    for task, shown in path.items():
        left = iter(states.get(task, []))
        if not all(status in left for status in shown):
            faults.append(f"task {task}: {shown} is no part of the path {states.get(task)}")
    return faults


def check_ledger(records, events):
    entries = {}
    for _, key, value in records:
        if value is None:
            entries.pop(key, None)
        else:
            entries[key] = json.loads(value)
    kept = {tuple(k.split("/", 2)[1:]) for k, v in entries.items() if k.startswith("call/") and v["as"] == "event"}
    published = {(e["task_id"], e["call_id"]) for _, _, e in events}
    faults = [f"{i} is in the ledger and has no event" for i in kept - published]
    faults += [f"{i} has an event and is not in the ledger" for i in published - kept]
    if "meta" not in entries or "producer" not in entries:
        faults.append("the ledger lacks meta or producer")
    return faults


def text(v):
    """A scalar as a string; it loses nothing."""
    return str(v).lower() if isinstance(v, bool) else v if isinstance(v, str) else None


text_or_number = text


def long(v):
    """A number without a fraction, or its digits as a string."""
    m = re.fullmatch(r"(0|-?[1-9][0-9]*)(\.0+)?" if isinstance(v, Number) else r"(0|-?[1-9][0-9]*)()", v) if isinstance(v, str) else None
    return int(m[1]) if m else None


def time(v):
    return None if not v or v.startswith("0001-") else parse_time(v)


def parse_time(v):
    try:
        return datetime.fromisoformat(v.replace("Z", "+00:00"))
    except ValueError:
        return None


if __name__ == "__main__":
    if len(sys.argv) != 8:
        sys.exit(__doc__)
    main(*sys.argv[1:])
