"""The calls and the offsets in PostgreSQL: written together, or not at all."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import psycopg

from calls import Call


class Partition(NamedTuple):
    topic: str
    number: int


@dataclass
class Claim:
    """A partition that is ours until somebody else raises the epoch."""

    epoch: int
    next_offset: int | None  # None: nothing is read yet


class Fenced(Exception):
    """Another instance has claimed a partition that this one still worked on."""


CLAIM = """
INSERT INTO consumer_offsets AS o (topic, partition, epoch) VALUES (%s, %s, 1)
ON CONFLICT (topic, partition) DO UPDATE SET epoch = o.epoch + 1
RETURNING epoch, next_offset
"""

ADVANCE = "UPDATE consumer_offsets SET next_offset = %s WHERE topic = %s AND partition = %s AND epoch = %s"

COLUMNS = list(Call.__dataclass_fields__)
KEY = ["account", "task_id", "call_id"]
UPSERT = f"""
INSERT INTO calls ({", ".join(COLUMNS)}) VALUES ({", ".join(f"%({c})s" for c in COLUMNS)})
ON CONFLICT ({", ".join(KEY)}) DO UPDATE SET {", ".join(f"{c} = excluded.{c}" for c in COLUMNS if c not in KEY)}
 WHERE excluded.revision > calls.revision
"""

SHOWN_AS_LAST = "SELECT customer FROM last_results WHERE account = %s AND task_id = %s AND call_id = %s"

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%(account)s || chr(10) || %(customer)s, 0))"

# A later call does not always win by a mere comparison: a revision can say that a call
# ended earlier, or was another customer's. So the last one is looked up.
REFRESH = """
WITH last AS (
    SELECT * FROM calls WHERE account = %(account)s AND customer = %(customer)s
     ORDER BY occurred_at DESC, coalesce(call_times, 0) DESC, task_id DESC, call_id DESC LIMIT 1
), written AS (
    INSERT INTO last_results AS l (account, customer, task_id, call_id, revision, occurred_at, attempts, intention, intention_description)
    SELECT account, customer, task_id, call_id, revision, occurred_at, coalesce(call_times, 0), intention, intention_description FROM last
    ON CONFLICT (account, customer) DO UPDATE
       SET task_id = excluded.task_id, call_id = excluded.call_id, revision = excluded.revision, occurred_at = excluded.occurred_at,
           attempts = excluded.attempts, intention = excluded.intention, intention_description = excluded.intention_description,
           changed_at = now()
     WHERE (excluded.task_id, excluded.call_id, excluded.revision) <> (l.task_id, l.call_id, l.revision)
)
DELETE FROM last_results WHERE account = %(account)s AND customer = %(customer)s AND NOT EXISTS (SELECT FROM last)
"""


class Store:
    """Every lock is taken in one order (offsets, calls, customers, each sorted), so that
    instances wait for each other and never in a circle."""

    def __init__(self, url: str) -> None:
        self._db = psycopg.connect(url, autocommit=True, application_name="crm-updater")
        with self._db.transaction():
            self._db.execute("SELECT pg_advisory_xact_lock(hashtextextended('crm-updater schema', 0))")
            self._db.execute((Path(__file__).parent / "schema.sql").read_text())

    def close(self) -> None:
        self._db.close()

    def claim(self, partitions: Collection[Partition]) -> dict[Partition, Claim]:
        """Takes partitions over. It waits for a transaction of the instance that had them,
        and no later one of that instance can succeed."""
        with self._db.transaction():
            return {p: Claim(*self._db.execute(CLAIM, p).fetchone()) for p in sorted(partitions)}

    def write(self, calls: Collection[Call], progress: Mapping[Partition, Claim]) -> None:
        """Writes the calls, what they change for their customers, and how far was read."""
        with self._db.transaction(), self._db.cursor() as cursor:
            for p, claim in sorted(progress.items()):
                if cursor.execute(ADVANCE, (claim.next_offset, *p, claim.epoch)).rowcount != 1:
                    raise Fenced(f"another instance has taken over {p.topic}, partition {p.number}")
            calls = sorted(calls, key=lambda c: c.identity)
            cursor.executemany(UPSERT, [asdict(c) for c in calls])
            customers = {(c.account, c.customer) for c in calls if c.customer is not None}
            for c in calls:
                if c.revision:  # it may have been another customer's until now
                    customers |= {(c.account, name) for (name,) in cursor.execute(SHOWN_AS_LAST, c.identity)}
            named = [{"account": a, "customer": c} for a, c in sorted(customers)]
            cursor.executemany(LOCK, named)
            cursor.executemany(REFRESH, named)
