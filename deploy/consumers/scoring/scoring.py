"""Scores each task's borrowers: provisionally when the task is over, and finally, once,
when its seal says that all its events are there.

One instance works at a time: the events of a task are in all partitions. It holds the
events of the tasks of the last days in memory. The offsets that it commits, in the
transaction of the scores, are not how far it has read, but the first records of the tasks
that it still holds: whoever starts next reads from there and holds the same.
"""

import logging
import signal
import sys
import traceback
from datetime import datetime, timedelta, timezone
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

import scored
import settings
from features import Event, features
from records import Decoder, RegistryUnavailable, UnreadableRecord
from tasks import Ready, Refused, Status, Task

log = logging.getLogger("scoring")
BATCH = 1000
Key = tuple[str, str]  # account, task


class TopicHasGrown(Exception):
    """A seal knows partitions that are not read."""


class Scoring:
    def __init__(self, consumer: Consumer, producer: Producer, registry: SchemaRegistryClient) -> None:
        self.events_topic = settings.setting("KAFKA_TOPIC_CALL_COMPLETED", "airudder.call-completed")
        self.status_topic = settings.setting("KAFKA_TOPIC_TASK_STATUS", "airudder.task-status")
        self.scores_topic = settings.setting("KAFKA_TOPIC_SCORES", "scoring.scores")
        self.scored_topic = settings.setting("KAFKA_TOPIC_SCORED_TASKS", "scoring.tasks")
        self.keep = timedelta(days=float(settings.setting("KEEP_TASKS_DAYS", "7")))
        skip = settings.setting("SKIP_RECORDS", "")
        self._decode = {self.events_topic: Decoder(registry, Event.of, skip), self.status_topic: Decoder(registry, Status.of, skip)}
        schema = (Path(__file__).parent / "score.avsc").read_text()
        self._encode = AvroSerializer(registry, schema, conf={"subject.name.strategy.type": "TOPIC"})
        self._consumer, self._producer = consumer, producer
        self._tasks: dict[Key, Task] = {}
        self._next: dict[tuple[str, int], int] = {}  # the offset after the last record that was taken
        self._heard = datetime.min.replace(tzinfo=timezone.utc)
        self._stopping = False

    def stop(self, *_: object) -> None:
        self._stopping = True

    def run(self) -> None:
        self._producer.init_transactions(30)  # from here on an earlier instance is fenced
        self._scored = scored.read(self._producer, self.scored_topic)
        self._assign()
        while not self._stopping:
            self.take(self._consumer.consume(BATCH, timeout=0.5))

    def _assign(self) -> None:
        partitions = [TopicPartition(t, p) for t in (self.status_topic, self.events_topic)
                      for p in self._consumer.list_topics(t, timeout=30).topics[t].partitions]
        for tp in self._consumer.committed(partitions, timeout=30):
            first, _ = self._consumer.get_watermark_offsets(tp, timeout=30)
            self._next[tp.topic, tp.partition] = max(first, tp.offset)  # below 0: nothing is committed
        if not all(t in {topic for topic, _ in self._next} for t in self._decode):
            raise settings.SettingError(f"there is no topic {self.events_topic} or {self.status_topic}")
        self._consumer.assign([TopicPartition(*place, offset) for place, offset in self._next.items()])
        log.info("%d tasks are scored; reading from %s", len(self._scored),
                 ", ".join(f"{t}/{p}/{offset}" for (t, p), offset in self._next.items()))

    def take(self, messages: list[Message]) -> None:
        """Takes one batch, and scores what has become complete by it, in one transaction."""
        for message in messages:
            if error := message.error():
                raise KafkaException(error)
            place = message.topic(), message.partition()
            if record := self._decode[message.topic()](message):
                key = record.account, record.task_id
                task = self._tasks.setdefault(key, Task(self._scored.get(key, -1)))
                task.first.setdefault(place, message.offset())
                task.add(record)
                self._heard = max(self._heard, record.observed_at)
            self._next[place] = message.offset() + 1
        ready: dict[Key, Ready] = {}
        for key, task in self._tasks.items():
            if task.waits:
                match task.decide(self.events_topic, self._reached):
                    case Ready() as found:
                        ready[key] = found
                    case Refused() as found if found.number > task.refused:
                        task.refused = found.number
                        log.error("task %s: seal %d is refused, and nothing is final: %s", key[1], found.number, found.why)
        if ready:
            self._publish(ready)

    def _reached(self, ends: list[int]) -> bool:
        """Whether all is read that a seal tells of."""
        if (self.events_topic, len(ends) - 1) not in self._next:
            raise TopicHasGrown(f"{self.events_topic} has {len(ends)} partitions by now, and fewer are read: start again")
        return all(self._next[self.events_topic, p] >= end for p, end in enumerate(ends))

    def _publish(self, ready: dict[Key, Ready]) -> None:
        """Scores, what is scored, and where the next start begins: together, or not at all."""
        self._producer.begin_transaction()
        for (account, task_id), found in ready.items():
            self._produce(account, task_id, found)
        self._forget()
        self._producer.send_offsets_to_transaction(self._kept(), self._consumer.consumer_group_metadata(), 30)
        self._producer.commit_transaction(30)
        for key, found in ready.items():
            self._scored[key] = found.number
            if key in self._tasks:
                self._tasks[key].scored = found.number

    def _produce(self, account: str, task_id: str, found: Ready) -> None:
        of = features(found.events)
        for f in of:
            value = {"account": account, "task_id": task_id, "borrower": f.borrower, "seal_number": found.number,
                     "attempts": f.attempts, "talk_rounds": f.talk_rounds, "last_intention": f.last.intention,
                     "last_hangup_type": f.last.hangup_type, "last_occurred_at": f.last.occurred_at, "score": f.score}
            self._producer.produce(self.scores_topic, key=f"{account}/{task_id}/{f.borrower}",
                                   value=self._encode(value, SerializationContext(self.scores_topic, MessageField.VALUE)))
            self._producer.poll(0)
        scored.write(self._producer, self.scored_topic, account, task_id,
                     seal_number=found.number, exported=len(found.events), borrowers=len(of))

    def _forget(self) -> None:
        """Lets go of tasks of which nothing was heard for long."""
        for key in [k for k, t in self._tasks.items() if t.heard < self._heard - self.keep]:
            if self._tasks.pop(key).waits:
                log.warning("task %s is forgotten, and what it waited for has not come for %s", key[1], self.keep)

    def _kept(self) -> list[TopicPartition]:
        """Where the next start begins, to hold what is held now."""
        begin = dict(self._next)
        for task in self._tasks.values():
            for place, offset in task.first.items():
                begin[place] = min(begin[place], offset)
        return [TopicPartition(*place, offset) for place, offset in begin.items()]


def create_topics(scoring: Scoring) -> None:
    replicas = int(settings.setting("KAFKA_REPLICATION_FACTOR", "-1"))
    wanted = [NewTopic(scoring.scores_topic, 6, replicas, config={"cleanup.policy": "compact"}),
              NewTopic(scoring.scored_topic, 1, replicas, config={"cleanup.policy": "compact"})]
    admin = AdminClient(settings.kafka())
    for future in admin.create_topics(wanted).values():
        try:
            future.result(30)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def run() -> None:
    group = settings.setting("KAFKA_GROUP", "scoring")
    consumer = Consumer(settings.kafka() | {
        "group.id": group, "isolation.level": "read_committed", "auto.offset.reset": "earliest", "enable.auto.commit": False}, logger=log)
    producer = Producer(settings.kafka() | {
        "transactional.id": group,
        "transaction.timeout.ms": 20000,  # how long a dead instance holds back who reads the scores
        "partitioner": "murmur2_random",  # as Java's, so that scores can be joined
        "compression.type": "lz4",
        "queue.buffering.max.messages": 1000000,
    }, logger=log)
    scoring = Scoring(consumer, producer, SchemaRegistryClient(settings.registry()))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, scoring.stop)
    if settings.setting("KAFKA_CREATE_TOPICS", "false") == "true":
        create_topics(scoring)
    try:
        scoring.run()
    finally:
        consumer.close()
    log.info("ended in good order")


def main() -> int:
    """Every error ends the program, and whoever supervises it starts it again: an open
    transaction is aborted by the next start, which takes up what was committed."""
    logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s %(message)s")
    log.setLevel(logging.INFO)
    try:
        run()
    except (settings.SettingError, UnreadableRecord, RegistryUnavailable, TopicHasGrown) as error:
        log.error("%s", error)
    except KafkaException as error:
        fenced = error.args[0].code() in (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)
        log.error("Kafka: %s", "another instance has started, and works instead of this one" if fenced else error.args[0])
    except Exception as error:  # its text may quote a record; where it happened says enough
        log.error("unexpected: %s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
