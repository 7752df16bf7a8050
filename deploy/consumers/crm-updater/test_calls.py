"""python -m unittest, in this directory."""

import unittest
from datetime import datetime, timezone

from calls import Call

EVENT = {"task_id": "t", "account": None, "call_id": "c", "task_sequence": 3, "comments": "loan 7",
         "occurred_at": datetime(2026, 11, 23, tzinfo=timezone.utc), "a_field_of_tomorrow": 1}


class CallTest(unittest.TestCase):
    def test_event(self):
        call = Call.of(EVENT)
        self.assertEqual((call.identity, call.revision, call.customer, call.intention), (("", "t", "c"), 0, "loan 7", None))

    def test_revision(self):
        call = Call.of({"revision": 2, "call": EVENT | {"intention": "Paid", "comments": ""}})
        self.assertEqual((call.identity, call.revision, call.customer, call.intention), (("", "t", "c"), 2, None, "Paid"))


if __name__ == "__main__":
    unittest.main()
