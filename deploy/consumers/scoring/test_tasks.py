"""python -m unittest, in this directory."""

import unittest
from datetime import datetime, timedelta, timezone

from features import Event, features
from tasks import PROVISIONAL, Ready, Refused, Seal, Status, Task, digest

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)


def event(number: int, borrower: str | None = "loan 1", **of) -> Event:
    value = {"account": None, "task_id": "t", "task_sequence": number, "call_id": f"c{number}", "row_id": 1, "comments": borrower,
             "call_times": None, "talk_round": None, "occurred_at": NOON, "observed_at": NOON}
    return Event.of(value | of)


def status(exported: int, seal: int = 0, ids=None, **of) -> Status:
    value = {"account": None, "task_id": "t", "status": "Finished", "exported": exported, "observed_at": NOON, "seal": None}
    if seal:
        ids = ids or [f"c{n + 1}" for n in range(exported)]
        value["seal"] = {"seal_number": seal, "digest": digest(ids), "event_topic": "events", "event_offsets": [5, 0]} | of
    return Status.of(value)


def task(*records) -> Task:
    t = Task()
    for record in records:
        t.add(record)
    return t


def decide(t: Task, reached: bool = False):
    return t.decide("events", lambda ends: reached)


class DecideTest(unittest.TestCase):
    def test_provisional_once_all_that_was_exported_is_there(self):
        t = task(status(2), event(2))
        self.assertIsNone(decide(t))
        t.add(event(1))
        t.add(event(3))
        found = decide(t)
        self.assertEqual((found.number, [e.number for e in found.events]), (PROVISIONAL, [1, 2]))
        t.scored = PROVISIONAL
        self.assertFalse(t.waits)

    def test_the_seal_is_final_and_a_further_one_replaces_it(self):
        t = task(event(1), status(1, seal=1), event(1))
        self.assertEqual(decide(t).number, 1)
        t.scored = 1
        self.assertFalse(t.waits)
        t.add(status(2, seal=2))
        self.assertTrue(t.waits)
        self.assertIsNone(decide(t))
        t.add(event(2))
        self.assertEqual(decide(t).number, 2)

    def test_a_gap_is_refused_when_nothing_more_can_come(self):
        t = task(event(1), event(3), status(3, seal=1))
        self.assertIsNone(decide(t))
        found = decide(t, reached=True)
        self.assertIsInstance(found, Refused)
        self.assertIn("3 events, all its offsets are read, and 1 are not there: 2", found.why)
        t.add(event(2))  # a repair
        self.assertIsInstance(decide(t, reached=True), Ready)

    def test_another_digest_and_another_topic_are_refused(self):
        self.assertIn("digest", decide(task(event(1), status(1, seal=1, ids=["c9"]))).why)
        self.assertIn("others", decide(task(event(1), status(1, seal=1, event_topic="others"))).why)

    def test_a_task_without_calls(self):
        self.assertEqual(decide(task(status(0, seal=1))), Ready(1, []))


class FeaturesTest(unittest.TestCase):
    def test_of_each_borrower(self):
        later = NOON + timedelta(hours=1)
        first, second = features([
            event(1, call_times=3, talk_round=2, intention="Later", hangup_type="callee", occurred_at=later),
            event(2, call_times=1, intention="Busy"), event(3, row_id=2, talk_round=1), event(4, borrower=None), event(5, borrower="loan 2")])
        self.assertEqual((first.borrower, first.attempts, first.talk_rounds, first.last.intention, first.last.hangup_type),
                         ("loan 1", 4, 3, "Later", "callee"))
        self.assertEqual((second.borrower, second.attempts, second.score), ("loan 2", 1, 0.0))


if __name__ == "__main__":
    unittest.main()
