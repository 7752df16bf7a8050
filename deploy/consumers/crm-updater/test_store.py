"""TEST_DATABASE_URL=postgresql://… python -m unittest, in this directory: in schemas of its own."""

import os
import random
import threading
import unittest
import uuid
from dataclasses import asdict, replace
from datetime import datetime, timedelta, timezone

import psycopg

from calls import Call
from store import LOCK, REFRESH, UPSERT, Claim, Fenced, Partition, Store

URL = os.environ.get("TEST_DATABASE_URL", "")
CUSTOMERS = [None, *(f"loan {n}" for n in range(60))]
NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)


def histories(drawn: random.Random) -> list[Call]:
    """Calls at few times, and revisions that change whose they were and when they ended."""
    versions = []
    for n in range(200):
        call = Call("", f"t{n % 7}", f"c{n}", 0, n, NOON)
        for revision in range(drawn.choice([1, 1, 2, 4])):
            versions.append(replace(call, revision=revision, customer=drawn.choice(CUSTOMERS), call_times=drawn.choice([None, 1, 2]),
                                    occurred_at=NOON + timedelta(minutes=drawn.randrange(20)), intention=f"{n}/{revision}"))
    return versions


def last_of(versions: list[Call]) -> dict[str, str]:
    now = {c.identity: c for c in sorted(versions, key=lambda c: c.revision)}
    last = sorted(now.values(), key=lambda c: (c.occurred_at, c.call_times or 0, c.task_id, c.call_id))
    return {c.customer: c.intention for c in last if c.customer}


@unittest.skipUnless(URL, "TEST_DATABASE_URL is not set")
class StoreTest(unittest.TestCase):
    def setUp(self) -> None:
        schema = f"crm_updater_test_{uuid.uuid4().hex}"
        self.db = psycopg.connect(URL, autocommit=True)
        self.db.execute(f'CREATE SCHEMA {schema}')
        self.addCleanup(self.db.close)
        self.addCleanup(self.db.execute, f'DROP SCHEMA {schema} CASCADE')
        self.db.execute(f"SET search_path TO {schema}")
        self.url = psycopg.conninfo.make_conninfo(URL, options=f"-csearch_path={schema}")

    def store(self) -> Store:
        store = Store(self.url)
        self.addCleanup(store.close)
        return store

    def test_any_order_by_two_instances_at_once(self) -> None:
        for seed in range(8):
            drawn = random.Random(seed)
            versions = histories(drawn)
            self.store()
            self.db.execute("TRUNCATE calls, last_results, consumer_offsets")
            order = versions + drawn.sample(versions, 60)  # some twice
            drawn.shuffle(order)
            failures: list[Exception] = []

            def work(part: list[Call], number: int) -> None:
                try:
                    store, place = self.store(), Partition("events", number)
                    claim = store.claim([place])[place]
                    for at in range(0, len(part), 40):
                        newest = {c.identity: c for c in sorted(part[at:at + 40], key=lambda c: c.revision)}
                        store.write(newest.values(), {place: Claim(claim.epoch, at + 40)})
                except Exception as error:
                    failures.append(error)

            threads = [threading.Thread(target=work, args=(order[n::2], n)) for n in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(failures, [])
            self.assertEqual(dict(self.db.execute("SELECT customer, intention FROM last_results").fetchall()), last_of(versions))

    def test_two_calls_of_a_customer_at_once(self) -> None:
        store, place = self.store(), Partition("events", 0)
        epoch = store.claim([place])[place].epoch
        earlier = Call("", "t", "earlier", 0, 1, NOON, customer="a")
        later = replace(earlier, call_id="later", occurred_at=NOON + timedelta(1))
        with self.db.transaction():  # of another instance, which has not committed yet
            self.db.execute(UPSERT, asdict(later))
            self.db.execute(LOCK, {"account": "", "customer": "a"})
            self.db.execute(REFRESH, {"account": "", "customer": "a"})
            thread = threading.Thread(target=store.write, args=([earlier], {place: Claim(epoch, 1)}))
            thread.start()
            with psycopg.connect(URL, autocommit=True) as watching:
                while not watching.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall():
                    self.assertTrue(thread.is_alive(), "it does not wait for the other instance")
        thread.join()
        self.assertEqual(self.db.execute("SELECT call_id FROM last_results").fetchall(), [("later",)])

    def test_an_instance_that_was_paused_writes_nothing(self) -> None:
        place, call = Partition("events", 3), Call("", "t", "c", 0, 1, NOON, customer="a")
        old, new = self.store(), self.store()
        before = old.claim([place])[place]
        self.assertIsNone(before.next_offset)
        old.write([call], {place: Claim(before.epoch, 10)})
        self.assertEqual(new.claim([place])[place].next_offset, 10)
        with self.assertRaises(Fenced):
            old.write([replace(call, call_id="late")], {place: Claim(before.epoch, 20)})
        self.assertEqual(self.db.execute("SELECT call_id, next_offset FROM calls, consumer_offsets").fetchall(), [("c", 10)])

    def test_offsets_and_calls_are_written_together_or_not_at_all(self) -> None:
        store, place, call = self.store(), Partition("events", 0), Call("", "t", "c", 0, 1, NOON, customer="a")
        epoch = store.claim([place])[place].epoch
        store.write([call], {place: Claim(epoch, 1)})
        with self.assertRaises(psycopg.errors.NotNullViolation):
            store.write([replace(call, call_id="d"), replace(call, call_id="e", occurred_at=None)], {place: Claim(epoch, 2)})
        self.assertEqual(self.db.execute("SELECT call_id, next_offset FROM calls, consumer_offsets").fetchall(), [("c", 1)])

    def test_a_row_changes_only_where_it_says_something_else(self) -> None:
        store, place, call = self.store(), Partition("events", 0), Call("", "t", "c", 0, 1, NOON, customer="a")
        epoch = store.claim([place])[place].epoch
        changes = []
        for n, version in enumerate([call, call, replace(call, call_id="before", occurred_at=NOON - timedelta(1)), replace(call, revision=1)]):
            store.write([version], {place: Claim(epoch, n)})
            changes.append(self.db.execute("SELECT changed_at FROM last_results").fetchone()[0])
        self.assertEqual(changes[0], changes[2])
        self.assertLess(changes[2], changes[3])


if __name__ == "__main__":
    unittest.main()
