"""What a record of the exporter says of a call."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from confluent_kafka import Message
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

Identity = tuple[str, str, str]


@dataclass(frozen=True)
class Call:
    """A row of the table calls. What is optional in the schema may be None here."""

    account: str
    task_id: str
    call_id: str
    revision: int
    task_sequence: int
    occurred_at: datetime
    row_id: int | None = None
    call_times: int | None = None
    customer: str | None = None
    intention: str | None = None
    intention_description: str | None = None
    talk_round: int | None = None
    hangup_type: str | None = None
    duration_ms: int | None = None

    @property
    def identity(self) -> Identity:
        return self.account, self.task_id, self.call_id

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> "Call":
        """A call of a CallCompleted, or of a CallRevised, which holds one.

        Fields are taken by name: those that later schemas add are passed over, and an
        optional one that the writer's schema does not have yet is None.
        """
        revision = value.get("revision", 0)
        call = value["call"] if revision else value
        return cls(
            account=call.get("account") or "",  # null: the operator gave the account no name
            task_id=call["task_id"],
            call_id=call["call_id"],
            revision=revision,
            task_sequence=call["task_sequence"],
            occurred_at=call["occurred_at"],
            row_id=call.get("row_id"),
            call_times=call.get("call_times"),
            customer=call.get("comments") or None,  # an empty reference is none
            intention=call.get("intention"),
            intention_description=call.get("intention_description"),
            talk_round=call.get("talk_round"),
            hangup_type=call.get("hangup_type"),
            duration_ms=call.get("duration_ms"),
        )


class UnreadableRecord(Exception):
    """A record that is no call. The text says where it is, and nothing of what it holds."""


class Decoder:
    def __init__(self, registry: SchemaRegistryClient) -> None:
        # TOPIC: by the topic's name, without asking the registry for associations first.
        self._avro = AvroDeserializer(registry, conf={"subject.name.strategy.type": "TOPIC"})

    def __call__(self, message: Message) -> Call | None:
        """The call of a record; None for a tombstone."""
        context = SerializationContext(message.topic(), MessageField.VALUE)
        try:
            value = self._avro(message.value(), context)
            return None if value is None else Call.of(value)
        except Exception as error:
            # The text of the error may quote the record; that of the registry does not.
            why = f": {error}" if isinstance(error, SchemaRegistryError) else ""
            place = f"{message.topic()}, partition {message.partition()}, offset {message.offset()}"
            raise UnreadableRecord(f"the record at {place} cannot be read ({type(error).__name__}{why})") from None
