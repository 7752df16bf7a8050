"""python -m unittest, in this directory."""

import unittest
from datetime import datetime, timezone

from calls import Call, Decoder, UnreadableRecord

EVENT = {"task_id": "t", "account": None, "call_id": "c", "task_sequence": 3, "comments": "loan 7",
         "occurred_at": datetime(2026, 11, 23, tzinfo=timezone.utc), "a_field_of_tomorrow": 1}


class Message:
    def __init__(self, value):
        self.value = lambda: value
        self.topic, self.partition, self.offset = lambda: "events", lambda: 4, lambda: 99


class CallTest(unittest.TestCase):
    def test_event(self):
        call = Call.of(EVENT)
        self.assertEqual((call.identity, call.revision, call.customer, call.intention), (("", "t", "c"), 0, "loan 7", None))

    def test_revision(self):
        call = Call.of({"revision": 2, "call": EVENT | {"intention": "Paid", "comments": ""}})
        self.assertEqual((call.identity, call.revision, call.customer, call.intention), (("", "t", "c"), 2, None, "Paid"))

    def test_an_unreadable_record_is_named_and_not_shown(self):
        decode = Decoder.__new__(Decoder)
        decode._avro = lambda value, _: {"call_id": value.decode()}
        with self.assertRaises(UnreadableRecord) as caught:
            decode(Message(b"+62000111222"))
        self.assertEqual(str(caught.exception), "the record at events, partition 4, offset 99 cannot be read (KeyError)")

    def test_tombstone(self):
        decode = Decoder.__new__(Decoder)
        decode._avro = lambda value, _: value
        self.assertIsNone(decode(Message(None)))


if __name__ == "__main__":
    unittest.main()
