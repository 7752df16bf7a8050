"""What was scored already: a compacted topic of one partition, written in the transaction
of the scores. Of each task, account/task: {"seal_number": n, …}, 0 for provisional."""

import json
import uuid

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

import settings

START = "start"  # the key of the record by which a start knows that it has read them all


def read(producer: Producer, topic: str) -> dict[tuple[str, str], int]:
    """The highest number that each task was scored by.

    init_transactions has ended what an earlier instance left open, and a record of our own
    is the end: an end that a broker names may be before what that one committed last.
    """
    mine = uuid.uuid4().hex
    producer.begin_transaction()
    producer.produce(topic, key=START, value=mine, partition=0)
    producer.commit_transaction(30)
    consumer = Consumer(settings.kafka() | {"group.id": "unused", "isolation.level": "read_committed",
                                            "enable.auto.commit": False, "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    scored: dict[tuple[str, str], int] = {}
    try:
        while True:
            for message in consumer.consume(1000, timeout=1):
                if error := message.error():
                    raise KafkaException(error)
                key = message.key().decode()
                if key != START:
                    account, _, task_id = key.partition("/")
                    scored[account, task_id] = json.loads(message.value())["seal_number"]
                elif message.value().decode() == mine:
                    return scored
    finally:
        consumer.close()


def write(producer: Producer, topic: str, account: str, task_id: str, **of: object) -> None:
    producer.produce(topic, key=f"{account}/{task_id}", value=json.dumps(of), partition=0)
