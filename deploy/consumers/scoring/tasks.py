"""What is known of each task, and whether it is complete. No Kafka here."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, NamedTuple

from features import Event

PROVISIONAL = 0  # seals count from 1
OVER = ("finished", "canceled")


class Seal(NamedTuple):
    number: int
    exported: int
    digest: str
    topic: str
    ends: list[int]


class Status(NamedTuple):
    """What is kept of a TaskStatusChanged."""

    account: str
    task_id: str
    over: bool
    exported: int
    seal: Seal | None
    observed_at: datetime

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> "Status":
        seal = value.get("seal")
        return cls(
            account=value.get("account") or "",
            task_id=value["task_id"],
            over=value["status"].lower() in OVER,
            exported=value["exported"],
            seal=seal and Seal(seal["seal_number"], value["exported"], seal["digest"], seal["event_topic"], seal["event_offsets"]),
            observed_at=value["observed_at"],
        )


class Ready(NamedTuple):
    """A task that can be scored: by its seal, or provisionally (0)."""

    number: int
    events: list[Event]


class Refused(NamedTuple):
    """A seal that does not fit the events, though all have been read."""

    number: int
    why: str


@dataclass
class Task:
    scored: int = -1  # the highest number that it was scored by
    events: dict[int, Event] = field(default_factory=dict)  # by their number: one that is read again changes nothing
    over: int | None = None  # what was exported when it was first seen to be over
    seal: Seal | None = None
    refused: int = -1
    heard: datetime = datetime.min.replace(tzinfo=timezone.utc)
    first: dict[tuple[str, int], int] = field(default_factory=dict)  # its first record in each partition

    def add(self, record: Event | Status) -> None:
        self.heard = max(self.heard, record.observed_at)
        if isinstance(record, Event):
            self.events[record.number] = record
        elif record.seal:
            if not self.seal or record.seal.number > self.seal.number:
                self.seal = record.seal
        elif record.over and self.over is None:
            self.over = record.exported

    @property
    def waits(self) -> bool:
        return bool(self.seal and self.seal.number > self.scored) or self.over is not None and self.scored < PROVISIONAL

    def decide(self, topic: str, reached: Callable[[list[int]], bool]) -> Ready | Refused | None:
        """What can be done now; None: nothing, or not yet. The numbers say that all is
        there; the fence says that nothing more can come; the digest proves the whole."""
        if self.seal and self.seal.number > self.scored:
            return self._by_seal(self.seal, topic, reached)
        if self.over is not None and self.scored < PROVISIONAL and not self._missing(self.over):
            return Ready(PROVISIONAL, self._up_to(self.over))
        return None

    def _by_seal(self, seal: Seal, topic: str, reached: Callable[[list[int]], bool]) -> Ready | Refused | None:
        if seal.topic != topic:
            return Refused(seal.number, f"it tells of the topic {seal.topic}, and events are read from {topic}")
        if missing := self._missing(seal.exported):
            if not reached(seal.ends):
                return None
            named = ", ".join(map(str, missing[:5])) + (", …" if len(missing) > 5 else "")
            return Refused(seal.number, f"it tells of {seal.exported} events, all its offsets are read, and {len(missing)} are not there: {named}")
        events = self._up_to(seal.exported)
        if digest(e.call_id for e in events) != seal.digest:
            return Refused(seal.number, f"its digest is not that of the {seal.exported} events")
        return Ready(seal.number, events)

    def _missing(self, exported: int) -> list[int]:
        return [n for n in range(1, exported + 1) if n not in self.events]

    def _up_to(self, exported: int) -> list[Event]:
        return [self.events[n] for n in range(1, exported + 1)]


def digest(call_ids: Iterable[str]) -> str:
    """Over the distinct ids, sorted bytewise, each followed by a newline."""
    return hashlib.sha256(b"".join(c + b"\n" for c in sorted({c.encode() for c in call_ids}))).hexdigest()
