"""From the events of a task to what a model takes of each borrower. Put your model here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple


class Event(NamedTuple):
    """What is kept of a CallCompleted."""

    account: str
    task_id: str
    number: int  # task_sequence
    call_id: str
    row: str
    borrower: str | None
    call_times: int
    talk_rounds: int
    intention: str | None
    hangup_type: str | None
    occurred_at: datetime
    observed_at: datetime

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> "Event":
        row = value.get("row_id")
        return cls(
            account=value.get("account") or "",
            task_id=value["task_id"],
            number=value["task_sequence"],
            call_id=value["call_id"],
            row=value["call_id"] if row is None else str(row),
            borrower=value.get("comments") or None,
            call_times=value.get("call_times") or 1,
            talk_rounds=value.get("talk_round") or 0,
            intention=value.get("intention"),
            hangup_type=value.get("hangup_type"),
            occurred_at=value["occurred_at"],
            observed_at=value["observed_at"],
        )

    @property
    def order(self) -> tuple[datetime, int, str]:
        """Arrival says nothing: the later call is the one that ended later."""
        return self.occurred_at, self.call_times, self.call_id


@dataclass(frozen=True)
class Features:
    borrower: str
    attempts: int
    talk_rounds: int
    last: Event

    @property
    def score(self) -> float:
        reached = 1.0 if self.talk_rounds else 0.0
        return round(0.7 * reached + 0.3 * min(self.talk_rounds, 10) / 10 / self.attempts, 4)


def features(events: Iterable[Event]) -> list[Features]:
    """One for each borrower, in the order of their references. Events without a reference
    are nobody's."""
    by_borrower: dict[str, list[Event]] = {}
    for event in events:
        if event.borrower is not None:
            by_borrower.setdefault(event.borrower, []).append(event)
    return [_of_one(borrower, by_borrower[borrower]) for borrower in sorted(by_borrower)]


def _of_one(borrower: str, events: list[Event]) -> Features:
    # The attempts of a row are what its last event counts: an attempt that a redial replaced
    # before it was read has no event.
    attempts: dict[str, int] = {}
    for event in events:
        attempts[event.row] = max(attempts.get(event.row, 0), event.call_times)
    return Features(borrower, sum(attempts.values()), sum(e.talk_rounds for e in events), max(events, key=lambda e: e.order))
