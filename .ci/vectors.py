"""Holds schemas/testdata against programs that are not ours: decodes the records with
the .avsc files alone, today's and every released one, and computes digests, tokens and
partitions again, as a consumer in another language would.

    vectors.py SCHEMAS

The rules are written from schemas/README.md; none of the exporter's code is used.
"""

import base64
import hashlib
import hmac
import io
import json
import re
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import fastavro

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MILLISECOND = timedelta(milliseconds=1)


def main(directory):
    faults, count, by_identity = [], 0, {}
    data = directory / "testdata"
    topics = [load(data / path.with_suffix(".json").name) for path in sorted(directory.glob("*.avsc"))]
    tokens = load(data / "tokens.json")
    for topic in topics:
        for record in topic["records"]:
            count += 1
            where = f"{topic['schema']}: {record['about']}"
            faults += [f"{where}: {f}" for f in check_record(directory, topic, record)]
            by_identity[topic["schema"], record["about"]] = record
    for (schema, about), private in by_identity.items():
        if schema == "call_private.avsc":
            faults += [f"{schema}: {about}: {f}" for f in check_private(by_identity["call_completed.avsc", about], private, tokens)]
    for s in load(data / "digests.json")["sets"]:
        faults += differs(f"digest of {s['about']}", digest(s["call_ids"]), s["digest"])
    for of in tokens["keys"]:
        for t in of["tokens"]:
            faults += differs(f"token of {t['kind']} {t['value']!r}", token(of["key"], t["kind"], t["value"]), t["token"])
    for k in load(data / "partitions.json")["keys"]:
        for n, want in k["partition_of"].items():
            faults += differs(f"partition of {k['key']!r}", partition(k["key"], int(n)), want)
    for fault in faults[:20]:
        print("vectors:", fault)
    print(f"vectors: {len(topics)} schemas · {count} records · faults {len(faults)}")
    sys.exit(1 if faults or count < len(topics) else 0)


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def differs(what, got, want):
    return [] if got == want else [f"{what} is {got!r}, want {want!r}"]


def check_record(directory, topic, record):
    value = bytes.fromhex(record["value_hex"])
    if value[0] != 0 or int.from_bytes(value[1:5], "big") != topic["schema_id"]:
        return [f"the frame is {value[:5].hex()}"]
    writer = load(directory / topic["schema"])
    decoded = decode(value[5:], writer)
    faults = differs("the value", decoded, record["decoded"])
    name = topic["schema"].removesuffix(".avsc")
    for released in sorted((directory / "released").glob(f"{name}.v*.avsc")):
        reader = load(released)
        old = decode(value[5:], writer, reader)
        for field, was in old.items():
            if not isinstance(was, (dict, list)):  # which may have grown
                faults += differs(f"{field} by {released.name}", was, decoded[field])
    faults += differs("the partition", partition(record["key"], 6), record["partition_of_6"])
    return faults + check_headers(record["headers"], decoded)


def decode(value, writer, reader=None):
    stream = io.BytesIO(value)
    record = fastavro.schemaless_reader(stream, writer, reader)
    if stream.read(1):
        raise SystemExit("vectors: there are bytes after a value")
    return plain(record)


def plain(v):
    """A value as testdata has it: times in milliseconds, bytes in hex."""
    if isinstance(v, datetime):
        return (v - EPOCH) // MILLISECOND
    if isinstance(v, bytes):
        return v.hex()
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    return [plain(x) for x in v] if isinstance(v, list) else v


def check_headers(headers, value):
    kind = headers["ce_type"]
    of_call = kind in ("airudder.call.completed", "airudder.call.revised", "airudder.call.private")
    revision = value.get("revision", 0)
    value = value.get("call", value)  # of a CallRevised
    want = {"ce_specversion": "1.0", "content-type": "application/avro", "ce_recordedtime": moment(value["observed_at"])}
    if kind in ("airudder.call.completed", "airudder.call.revised"):
        want |= {"ce_time": moment(value["occurred_at"]), "ce_sequence": str(value["task_sequence"]),
                 "ce_id": f"{value['task_id']}/{value['call_id']}/{revision}", "ce_subject": value["call_id"]}
    elif kind == "airudder.call.private":
        want |= {"ce_id": f"{value['task_id']}/{value['call_id']}/{revision}/private"}
    elif kind == "airudder.task.status-changed":
        want |= {"ce_id": f"{value['task_id']}/status/{value['sequence']}", "ce_time": moment(value["observed_at"])}
    elif kind == "airudder.call.dead-letter":
        want |= {"ce_id": f"{value['task_id']}/dead/{value['key']}" + "/resolved" * value["resolved"]}
    if value["account"] is not None:
        want["airudder_account"] = value["account"]
    faults = [f for k, v in want.items() for f in differs(f"header {k}", headers.get(k), v)]
    if ("airudder_privacy" in headers) != of_call or "airudder_ledger_id" not in headers:
        faults.append("a header is missing or too many")
    return faults


def moment(ms):
    return (EPOCH + ms * MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check_private(event, private, tokens):
    """A private record is its event's; a token is that of the private value."""
    faults = differs("the key", private["key"], event["key"])
    shown, apart = event["decoded"], private["decoded"]
    line = next(k["key"] for k in tokens["keys"] if k["key"].startswith("k1:"))
    for field, value in apart.items():
        if field in ("task_id", "account", "call_id", "revision", "observed_at"):
            continue
        if value is not None and isinstance(shown[field], str):
            faults += differs(f"the token of {field}", shown[field], token(line, tokens["kinds"][field], value))
    return faults


def digest(call_ids):
    """Of a seal: over the distinct ids, sorted bytewise, each with a newline behind it."""
    lines = sorted({i.encode() + b"\n" for i in call_ids}, key=lambda line: line[:-1])
    return hashlib.sha256(b"".join(lines)).hexdigest()


def token(line, kind, value):
    name, text = line.split(":", 1)
    key = base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))
    value = value.strip()
    if kind == "number":
        value = re.sub("[^0-9]", "", value).removeprefix("00") or value
    if not value:
        return ""
    mac = hmac.new(key, f"{kind}:{value}".encode(), hashlib.sha256).digest()
    return name + "." + base64.urlsafe_b64encode(mac[:16]).decode().rstrip("=")


def partition(key, n):
    return (murmur2(key.encode()) & 0x7FFFFFFF) % n


def murmur2(data):
    """As Java's org.apache.kafka.common.utils.Utils.murmur2."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        h = (h * m & mask) ^ ((k ^ k >> 24) * m & mask)
    if rest := data[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
