"""Every reserved message as a frozen dataclass, and ONE table: who may send it, with which grant.

A message has ``args()``, what travels after its name, and ``parse(args)``, which raises
``BadRequest`` for anything else. Keys that a receiver does not know are ignored.

Source: protocol.md §5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from jupyter_sio.errors import BadRequest
from jupyter_sio.protocol.messages.kernel import (
    Close,
    Compact,
    Emit,
    Event,
    Open,
    Publish,
    Published,
    Revoke,
    Room,
    Share,
    ViewerInfo,
    ViewerNotice,
    Viewers,
    _read_history,
)
from jupyter_sio.protocol.messages.values import (
    ARROW,
    BLOBS,
    KINDS,
    MEDIA,
    MODES,
    NDJSON,
    NEVER_EVENTS,
    PROTOCOL,
    Grant,
    Introduction,
    Mode,
    Position,
    Why,
    check_event_name,
    found,
    is_hex,
    read_choice,
    read_connect_auth,
    read_epoch,
    read_fields,
    read_list,
    read_offset,
    read_optional_count,
    read_payload,
    read_stream_name,
    refusal,
)
from jupyter_sio.protocol.messages.viewer import (
    Ack,
    Batch,
    Bye,
    Gap,
    KernelState,
    PublisherState,
    Reset,
    Status,
    StreamInfo,
    Subscribe,
    Subscribed,
    Unsubscribe,
)

# --- the table -------------------------------------------------------------------------------

__all__ = [
    "ARROW",
    "BLOBS",
    "KINDS",
    "MEDIA",
    "MODES",
    "NDJSON",
    "NEVER_EVENTS",
    "PROTOCOL",
    "RULES",
    "Ack",
    "Batch",
    "Bye",
    "Close",
    "Compact",
    "Emit",
    "Event",
    "Gap",
    "Grant",
    "Introduction",
    "KernelState",
    "Message",
    "Mode",
    "Open",
    "Position",
    "Publish",
    "Published",
    "PublisherState",
    "Reset",
    "Revoke",
    "Room",
    "Rule",
    "Share",
    "Status",
    "StreamInfo",
    "Subscribe",
    "Subscribed",
    "Unsubscribe",
    "ViewerInfo",
    "ViewerNotice",
    "Viewers",
    "Why",
    "_read_history",
    "check_event_name",
    "found",
    "is_hex",
    "read_choice",
    "read_connect_auth",
    "read_epoch",
    "read_fields",
    "read_list",
    "read_offset",
    "read_optional_count",
    "read_payload",
    "read_stream_name",
    "refusal",
    "rule_for",
]


class Message(Protocol):
    """What all of the above have in common."""

    name: ClassVar[str]

    def args(self) -> list[Any]:
        """Write what follows the name."""
        ...


M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Rule:
    """Which grant a message needs, how to read it, and whether bad arguments get an answer."""

    grant: Grant
    kind: type[Any]
    answered: bool


# Messages that only the server sends stand in no rule: from a client they are malformed.
RULES: Mapping[str, Rule] = {
    rule.kind.name: rule
    for rule in (
        Rule(Grant.WATCH, Subscribe, answered=True),
        Rule(Grant.WATCH, Unsubscribe, answered=True),
        Rule(Grant.WATCH, Ack, answered=False),
        Rule(Grant.PUBLISH, Open, answered=True),
        Rule(Grant.PUBLISH, Publish, answered=False),
        Rule(Grant.PUBLISH, Compact, answered=False),
        Rule(Grant.PUBLISH, Emit, answered=True),
        Rule(Grant.PUBLISH, Room, answered=True),
        Rule(Grant.PUBLISH, Viewers, answered=True),
        Rule(Grant.PUBLISH, Share, answered=True),
        Rule(Grant.PUBLISH, Revoke, answered=True),
        Rule(Grant.PUBLISH, Close, answered=True),
    )
}


def rule_for(event: str, grants: frozenset[Grant]) -> Rule:
    """Find the rule of a reserved message that a client sent.

    A publisher watches nothing and a viewer publishes nothing, so a reserved name that is not
    the sender's to send is malformed, not merely forbidden.

    Raises
    ------
    BadRequest
        If no such message exists or it is not this sender's.
    """
    rule = RULES.get(event)
    if rule is None or rule.grant not in grants:
        raise BadRequest(f"{found(event)} is reserved and not this client's to send")
    return rule
