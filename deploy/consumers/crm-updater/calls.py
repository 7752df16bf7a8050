"""What a record of the exporter says of a call."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
