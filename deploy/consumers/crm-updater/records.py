"""Records of the exporter: Avro in Confluent's wire format."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from confluent_kafka import Message
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

T = TypeVar("T")


class UnreadableRecord(Exception):
    """A record that is not what its topic should hold. The text says where it is, and
    nothing of what it holds."""


class RegistryUnavailable(Exception):
    """It is not the record's fault."""


class Decoder(Generic[T]):
    """Reads records into what a function makes of their fields. The function takes fields
    by name, so that those that later schemas add are passed over."""

    def __init__(self, registry: SchemaRegistryClient, of: Callable[[Mapping[str, Any]], T], skip: str = "") -> None:
        # TOPIC: the subject by the topic's name, without asking the registry for associations.
        self._avro = AvroDeserializer(registry, conf={"subject.name.strategy.type": "TOPIC"})
        self._of = of
        self._skip = set(skip.split(","))

    def __call__(self, message: Message) -> T | None:
        """None: a tombstone, or a record to skip."""
        place = f"{message.topic()}/{message.partition()}/{message.offset()}"
        if place in self._skip:
            return None
        try:
            value = self._avro(message.value(), SerializationContext(message.topic(), MessageField.VALUE))
            return None if value is None else self._of(value)
        except Exception as error:
            if unavailable(error):
                raise RegistryUnavailable(f"the schema registry does not answer: {type(error).__name__}: {error}") from None
            # The text of the error may quote the record; that of the registry does not.
            why = f": {error}" if isinstance(error, SchemaRegistryError) else ""
            raise UnreadableRecord(
                f"{message.topic()}, partition {message.partition()}, offset {message.offset()}: the record cannot be read "
                f"({type(error).__name__}{why}). Nothing after it is read, either; SKIP_RECORDS={place} passes over it") from None


def unavailable(error: Exception) -> bool:
    """Whether this is a failure of the registry, or of the way to it."""
    if isinstance(error, SchemaRegistryError):
        return error.http_status_code >= 500 or error.http_status_code in (401, 403, 429)
    return type(error).__module__.startswith("httpx")  # the registry client's HTTP client
