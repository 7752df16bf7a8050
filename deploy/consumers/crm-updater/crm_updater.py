"""Keeps the calls and each customer's last result in PostgreSQL, exactly once.

Kafka's consumer group only says who reads which partition. How far each partition is
read stands in PostgreSQL, in the transaction that holds what was read: after any crash
both are there, or neither.
"""

import logging
import signal
import sys
import traceback

import psycopg
from confluent_kafka import Consumer, KafkaException, Message, OFFSET_BEGINNING, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient

import settings
from calls import Call, Identity
from records import Decoder, RegistryUnavailable, UnreadableRecord
from store import Claim, Fenced, Partition, Store

log = logging.getLogger("crm-updater")
BATCH = 500


class Updater:
    def __init__(self, consumer: Consumer, decode: Decoder[Call], store: Store) -> None:
        self._consumer, self._decode, self._store = consumer, decode, store
        self._claims: dict[Partition, Claim] = {}
        self._stopping = False

    def stop(self, *_: object) -> None:
        self._stopping = True

    def run(self, topics: list[str]) -> None:
        self._consumer.subscribe(topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
        while not self._stopping:
            self.take(self._consumer.consume(BATCH, timeout=1))

    def take(self, messages: list[Message]) -> None:
        """Writes one batch, in one transaction."""
        calls: dict[Identity, Call] = {}
        progress: dict[Partition, Claim] = {}
        for message in messages:
            if error := message.error():
                raise KafkaException(error)
            place = Partition(message.topic(), message.partition())
            claim = progress.get(place) or self._claims.get(place)
            if claim is None or message.offset() < (claim.next_offset or 0):
                continue  # it was fetched before a rebalance
            progress[place] = Claim(claim.epoch, message.offset() + 1)
            call = self._decode(message)
            if call and (call.identity not in calls or call.revision > calls[call.identity].revision):
                calls[call.identity] = call
        if progress:
            self._store.write(calls.values(), progress)
            self._claims |= progress

    def _assigned(self, consumer: Consumer, assigned: list[TopicPartition]) -> None:
        """Takes partitions over and continues where PostgreSQL says, not the group."""
        self._claims = self._store.claim([Partition(tp.topic, tp.partition) for tp in assigned])
        for place, claim in self._claims.items():
            first, _ = consumer.get_watermark_offsets(TopicPartition(*place), timeout=10)
            if (claim.next_offset or 0) < first:
                log.warning("%s, partition %d: offsets %d to %d were deleted before they were read",
                            *place, claim.next_offset or 0, first - 1)
        consumer.assign([TopicPartition(*p, OFFSET_BEGINNING if c.next_offset is None else c.next_offset)
                         for p, c in self._claims.items()])
        log.info("assigned: %s", ", ".join(f"{p.topic}/{p.number} from {c.next_offset or 0}" for p, c in self._claims.items()) or "nothing")

    def _revoked(self, _: Consumer, __: list[TopicPartition]) -> None:
        self._claims = {}  # whatever was read of them is written: batches end before the next poll


def run() -> None:
    topics = [settings.setting("KAFKA_TOPIC_CALL_COMPLETED", "airudder.call-completed")]
    if revised := settings.setting("KAFKA_TOPIC_CALL_REVISED", ""):
        topics.append(revised)
    decode = Decoder(SchemaRegistryClient(settings.registry()), Call.of, settings.setting("SKIP_RECORDS", ""))
    store = Store(settings.setting("DATABASE_URL"))
    consumer = Consumer(settings.kafka() | {
        "group.id": settings.setting("KAFKA_GROUP", "crm-updater"),
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "session.timeout.ms": 6000,  # how long the partitions of a dead instance wait
        "heartbeat.interval.ms": 2000,
        "topic.metadata.refresh.interval.ms": 30000,  # until a new partition is noticed
    }, logger=log)
    updater = Updater(consumer, decode, store)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, updater.stop)
    try:
        updater.run(topics)
    finally:
        consumer.close()  # leaves the group, so that others need not wait for the time-out
        store.close()
    log.info("ended in good order")


def main() -> int:
    """Every error ends the program, nothing of its batch is written, and whoever
    supervises it starts it again: there is one way back, and each start takes it."""
    logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s %(message)s")
    log.setLevel(logging.INFO)
    try:
        run()
    except (settings.SettingError, UnreadableRecord, RegistryUnavailable, Fenced) as error:
        log.error("%s", error)
    except KafkaException as error:
        log.error("Kafka: %s", error.args[0])
    except psycopg.OperationalError as error:
        log.error("PostgreSQL: %s", error)
    except psycopg.Error as error:  # its text may quote a row
        log.error("PostgreSQL: %s, SQLSTATE %s", type(error).__name__, error.sqlstate)
    except Exception as error:  # its text may quote a record; where it happened says enough
        log.error("unexpected: %s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
