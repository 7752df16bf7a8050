"""python -m unittest, in this directory."""

import unittest

from confluent_kafka.schema_registry import SchemaRegistryClient

from records import Decoder, RegistryUnavailable, UnreadableRecord


class Message:
    def __init__(self, value: bytes | None) -> None:
        self.value = lambda: value
        self.topic, self.partition, self.offset = lambda: "events", lambda: 4, lambda: 99


def decoder(skip: str = "") -> Decoder:
    return Decoder(SchemaRegistryClient({"url": "http://127.0.0.1:1", "max.retries": 0}), lambda fields: fields["call_id"], skip)


class RecordTest(unittest.TestCase):
    def test_an_unreadable_record_is_named_and_not_shown(self) -> None:
        decode = decoder()
        decode._avro = lambda value, _: {"callee_number": value.decode()}
        for value in (b"+62000111222", b"\xff"):
            with self.assertRaises(UnreadableRecord) as caught:
                decode(Message(value))
            text = str(caught.exception)
            self.assertIn("events, partition 4, offset 99: the record cannot be read (", text)
            self.assertNotIn("62000111222", text)

    def test_a_record_without_avro(self) -> None:
        with self.assertRaisesRegex(UnreadableRecord, "SerializationError"):
            decoder()(Message(b"{}"))

    def test_a_registry_that_does_not_answer_is_not_the_records_fault(self) -> None:
        with self.assertRaisesRegex(RegistryUnavailable, "does not answer: ConnectError"):
            decoder()(Message(b"\0\0\0\0\1abc"))

    def test_a_tombstone_and_a_record_to_skip(self) -> None:
        self.assertIsNone(decoder()(Message(None)))
        self.assertIsNone(decoder("events/4/98,events/4/99")(Message(b"{}")))


if __name__ == "__main__":
    unittest.main()
