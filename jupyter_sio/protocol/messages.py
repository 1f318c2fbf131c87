"""Every reserved message as a frozen dataclass, and ONE table: who may send it, with which grant.

A message has ``args()``, what travels after its name, and ``parse(args)``, which raises
``BadRequest`` for anything else. Keys that a receiver does not know are ignored.

Source: protocol.md §5.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, TypeVar

from jupyter_sio import limits
from jupyter_sio.errors import BadRequest, Code, Refused

PROTOCOL = 1

ARROW = "application/vnd.apache.arrow.stream"
NDJSON = "application/x-ndjson"
BLOBS = ("image/jpeg", "image/png", "application/octet-stream")
MEDIA = (ARROW, NDJSON, *BLOBS)

Mode = Literal["every", "latest"]
MODES = ("every", "latest")
Why = Literal["evicted", "conflated", "publisher_overflow", "reset"]

NEVER_EVENTS = frozenset({"connect", "disconnect", "connect_error", "*"})


class Grant(str, enum.Enum):
    """What somebody may do in a namespace. Source: protocol.md §1."""

    WATCH = "watch"
    SEND = "send"
    MANAGE = "manage"
    PUBLISH = "publish"


class Position(tuple[str, int]):
    """``[epoch, offset]``: a row of one life of a stream."""

    __slots__ = ()

    def __new__(cls, epoch: str, offset: int) -> Position:
        """Make the position of row ``offset`` of ``epoch``."""
        return super().__new__(cls, (epoch, offset))

    @property
    def epoch(self) -> str:
        """The stream's life."""
        return self[0]

    @property
    def offset(self) -> int:
        """Rows since the epoch began."""
        return self[1]


# --- reading single values -----------------------------------------------------------------

_HEX = re.compile(r"[0-9a-fA-F]+\Z")


def _found(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def is_hex(value: object, least: int, most: int) -> bool:
    """Whether ``value`` is text of ``least`` to ``most`` ASCII hex digits."""
    return isinstance(value, str) and least <= len(value) <= most and bool(_HEX.match(value))


def read_offset(value: object, what: str) -> int:
    """Read a row offset or count, 0 … 2**53-1."""
    if type(value) is not int or not 0 <= value <= limits.MAX_OFFSET:
        raise BadRequest(f"{what} must be a whole number from 0 to 2**53-1; got {_found(value)}")
    return value


def read_epoch(value: object) -> str:
    """Read an epoch, 8–64 hex digits."""
    if not is_hex(value, 8, 64):
        raise BadRequest(f"epoch must be 8 to 64 hex digits; got {_found(value)}")
    assert isinstance(value, str)
    return value


def read_stream_name(value: object) -> str:
    """Read a stream's name: text of 1 to 128 bytes in UTF-8."""
    longest = limits.Inbound.stream_name_bytes
    if not isinstance(value, str) or not value:
        raise BadRequest(f"a stream's name must be text; got {_found(value)}")
    try:
        size = len(value.encode())
    except UnicodeEncodeError as exc:
        raise BadRequest(f"a stream's name must be valid Unicode; got {_found(value)}") from exc
    if size > longest:
        raise BadRequest(f"a stream's name may have {longest} bytes; got {size}")
    return value


def read_choice(value: object, choices: Sequence[str], what: str) -> str:
    """Read one of a few words."""
    if value not in choices or not isinstance(value, str):
        raise BadRequest(f"{what} must be one of {', '.join(choices)}; got {_found(value)}")
    return value


def check_event_name(value: object, *, longest: int = limits.Inbound.event_name_bytes) -> str:
    """Read an event name of the user's: text, 1 to 64 bytes, not reserved.

    Raises
    ------
    BadRequest
        If it is no text, empty, too long, starts with ``$`` or is one of Socket.IO's own.
    """
    if not isinstance(value, str) or not value:
        raise BadRequest(f"an event name must be text that is not empty; got {_found(value)}")
    try:
        size = len(value.encode())
    except UnicodeEncodeError as exc:
        raise BadRequest(f"an event name must be valid Unicode; got {_found(value)}") from exc
    if size > longest:
        raise BadRequest(f"an event name may have {longest} bytes; got {size}")
    if value in NEVER_EVENTS:
        raise BadRequest(f"the event name {value!r} belongs to Socket.IO; choose another")
    if value.startswith("$"):
        raise BadRequest(f"event names that begin with $ are reserved; got {_found(value)}")
    return value


def _fields(args: Sequence[Any], name: str) -> Mapping[str, Any]:
    if not args or not isinstance(args[0], dict):
        raise BadRequest(f"{name} takes one object; got {_found(list(args))}")
    return args[0]


def _list(args: Sequence[Any], name: str, length: int) -> list[Any]:
    if not args or not isinstance(args[0], list) or len(args[0]) < length:
        raise BadRequest(f"{name} takes a list of {length} values first; got {_found(list(args))}")
    return args[0]


def _optional_count(value: object, what: str) -> int | None:
    return None if value is None else read_offset(value, what)


def _payload(args: Sequence[Any], name: str) -> bytes:
    if len(args) < 2 or not isinstance(args[1], bytes):
        raise BadRequest(f"{name} takes a binary payload second")
    return args[1]


# --- viewer -> server ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Ask for a stream; again for the same stream replaces the subscription."""

    name: ClassVar[str] = "$subscribe"
    stream: str
    since: Position | None = None
    tail: int | None = None
    mode: Mode | None = None
    window: int | None = None

    @classmethod
    def parse(cls, args: Sequence[Any]) -> Subscribe:
        """Read what came after the name."""
        f = _fields(args, cls.name)
        since = f.get("since")
        if since is not None:
            if not isinstance(since, list) or len(since) != 2:
                raise BadRequest(f"since must be [epoch, offset]; got {_found(since)}")
            since = Position(read_epoch(since[0]), read_offset(since[1], "since's offset"))
        mode = f.get("mode")
        window = _optional_count(f.get("window"), "window")
        if window == 0:
            raise BadRequest("window must be at least 1 byte; got 0")
        return cls(
            stream=read_stream_name(f.get("stream")),
            since=since,
            tail=_optional_count(f.get("tail"), "tail"),
            mode=None if mode is None else read_choice(mode, MODES, "mode"),  # type: ignore[arg-type]
            window=window,
        )

    def args(self) -> list[Any]:
        """Write what follows the name."""
        wanted: dict[str, Any] = {"stream": self.stream}
        if self.since is not None:
            wanted["since"] = list(self.since)
        for key in ("tail", "mode", "window"):
            if (value := getattr(self, key)) is not None:
                wanted[key] = value
        return [wanted]


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The answer to ``$subscribe``."""

    id: int
    media: str | None
    mode: Mode | None
    epoch: str | None
    first: int
    next: int
    start: int
    recovered: bool
    waiting: bool

    @classmethod
    def parse(cls, answer: object) -> Subscribed:
        """Read the Socket.IO ack's argument.

        Raises
        ------
        Refused
            If the subscription was refused, with the code that the answer gives.
        BadRequest
            If it is no answer to ``$subscribe`` at all.
        """
        f = _fields([answer], "the answer to $subscribe")
        if f.get("ok") is not True:
            code = f.get("code")
            raise Refused(
                str(f.get("message", "refused")), code=code if type(code) is int else None
            )
        waiting = f.get("waiting") is True
        media, mode = f.get("media"), f.get("mode")
        return cls(
            id=read_offset(f.get("id"), "id"),
            media=None if media is None else str(media),
            mode=None if mode is None else read_choice(mode, MODES, "mode"),  # type: ignore[arg-type]
            epoch=None if waiting else read_epoch(f.get("epoch")),
            first=read_offset(f.get("first"), "first"),
            next=read_offset(f.get("next"), "next"),
            start=read_offset(f.get("start"), "start"),
            recovered=f.get("recovered") is True,
            waiting=waiting,
        )

    def answer(self) -> dict[str, Any]:
        """Write it as the Socket.IO ack's argument."""
        return {
            "ok": True,
            "id": self.id,
            "media": self.media,
            "mode": self.mode,
            "epoch": self.epoch,
            "first": self.first,
            "next": self.next,
            "start": self.start,
            "recovered": self.recovered,
            "waiting": self.waiting,
        }


def refusal(code: int, message: str) -> dict[str, Any]:
    """Write ``{ok: false, code, message}``, the one shape of a refused message."""
    return {"ok": False, "code": int(code), "message": message}


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """End a subscription; nothing of its stream follows the answer."""

    name: ClassVar[str] = "$unsubscribe"
    id: int

    @classmethod
    def parse(cls, args: Sequence[Any]) -> Unsubscribe:
        """Read what came after the name."""
        return cls(read_offset(_fields(args, cls.name).get("id"), "id"))

    def args(self) -> list[Any]:
        """Write what follows the name."""
        return [{"id": self.id}]


@dataclass(frozen=True, slots=True)
class Ack:
    """Everything below ``next`` was taken in; releases the window."""

    name: ClassVar[str] = "$ack"
    id: int
    next: int

    @classmethod
    def parse(cls, args: Sequence[Any]) -> Ack:
        """Read what came after the name."""
        id_, next_ = _list(args, cls.name, 2)[:2]
        return cls(read_offset(id_, "id"), read_offset(next_, "next"))

    def args(self) -> list[Any]:
        """Write what follows the name."""
        return [[self.id, self.next]]


# --- server -> viewer ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Batch:
    """A run of consecutive payloads; ``counts[i]`` rows in ``payloads[i]``."""

    name: ClassVar[str] = "$batch"
    id: int
    offset: int
    time: int
    counts: tuple[int, ...]
    payloads: tuple[bytes, ...]

    @classmethod
    def parse(cls, args: Sequence[Any]) -> Batch:
        """Read what came after the name."""
        head = _list(args, cls.name, 4)
        counts = tuple(read_offset(n, "rows") for n in head[3:])
        payloads = tuple(args[1:])
        if len(counts) != len(payloads) or not all(isinstance(p, bytes) for p in payloads):
            raise BadRequest(f"$batch announces {len(counts)} payloads; got {len(payloads)}")
        return cls(
            read_offset(head[0], "id"),
            read_offset(head[1], "offset"),
            read_offset(head[2], "time"),
            counts,
            payloads,
        )

    def args(self) -> list[Any]:
        """Write what follows the name."""
        return [[self.id, self.offset, self.time, *self.counts], *self.payloads]


@dataclass(frozen=True, slots=True)
class Gap:
    """Rows ``start … end-1`` will not come."""

    name: ClassVar[str] = "$gap"
    id: int
    start: int
    end: int
    why: Why

    @classmethod
    def parse(cls, args: Sequence[Any]) -> Gap:
        """Read what came after the name."""
        id_, start, end, why = _list(args, cls.name, 4)[:4]
        return cls(
            read_offset(id_, "id"),
            read_offset(start, "from"),
            read_offset(end, "to"),
            why if isinstance(why, str) else "evicted",  # type: ignore[arg-type]
        )

    def args(self) -> list[Any]:
        """Write what follows the name."""
        return [[self.id, self.start, self.end, self.why]]


@dataclass(frozen=True, slots=True)
class Reset:
    """The stream was born (anew)."""

    name: ClassVar[str] = "$reset"
    id: int
    stream: str
    media: str
    mode: Mode
    epoch: str
    first: int
    next: int
    start: int
    recovered: bool

    @classmethod
    def parse(cls, args: Sequence[Any]) -> Reset:
        """Read what came after the name."""
        f = _fields(args, cls.name)
        return cls(
            id=read_offset(f.get("id"), "id"),
            stream=read_stream_name(f.get("stream")),
            media=str(f.get("media")),
            mode=read_choice(f.get("mode"), MODES, "mode"),  # type: ignore[arg-type]
            epoch=read_epoch(f.get("epoch")),
            first=read_offset(f.get("first"), "first"),
            next=read_offset(f.get("next"), "next"),
            start=read_offset(f.get("start"), "start"),
            recovered=f.get("recovered") is True,
        )

    def args(self) -> list[Any]:
        """Write what follows the name."""
        return [{key: getattr(self, key) for key in self.__slots__}]


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """One entry of ``$streams``; ``next`` is a hint."""

    id: int
    stream: str
    media: str
    mode: Mode
    epoch: str
    first: int
    next: int
    ended: bool

    def entry(self) -> dict[str, Any]:
        """Write it as it stands in ``$streams`` and in REST answers."""
        return {key: getattr(self, key) for key in self.__slots__}


KernelState = Literal["starting", "idle", "busy", "restarting", "dead"]
PublisherState = Literal["online", "offline", "never"]


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of kernel and publisher; ``since`` in ms since 1970."""

    name: ClassVar[str] = "$status"
    kernel: KernelState
    publisher: PublisherState
    since: int

    @classmethod
    def parse(cls, args: Sequence[Any]) -> Status:
        """Read what came after the name."""
        f = _fields(args, cls.name)
        since = f.get("since")
        return cls(
            str(f.get("kernel")),  # type: ignore[arg-type]
            str(f.get("publisher")),  # type: ignore[arg-type]
            since if type(since) is int else 0,
        )

    def args(self) -> list[Any]:
        """Write what follows the name."""
        return [{key: getattr(self, key) for key in self.__slots__}]


@dataclass(frozen=True, slots=True)
class Bye:
    """The namespace, or the connection, ends; ``retry_ms`` is None where trying again is vain."""

    name: ClassVar[str] = "$bye"
    code: int
    reason: str
    retry_ms: int | None = None

    @classmethod
    def parse(cls, args: Sequence[Any]) -> Bye:
        """Read what came after the name."""
        f = _fields(args, cls.name)
        code, retry = f.get("code"), f.get("retry_ms")
        return cls(
            code if type(code) is int else int(Code.INTERNAL_ERROR),
            str(f.get("reason", "")),
            retry if type(retry) is int else None,
        )

    def args(self) -> list[Any]:
        """Write what follows the name."""
        return [
            {
                "code": int(self.code),
                "reason": self.reason,
                "retry_ms": None if self.code >= 3500 else self.retry_ms,
            }
        ]


# --- kernel -> server ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Open:
    """A stream opens (again); the answer says what the server holds of this epoch."""

    name: ClassVar[str] = "$open"
    stream: str
    epoch: str
    start: int = 0  # "from" on the wire: the oldest row the kernel can still send
    media: str = ARROW
    mode: Mode = "every"
    history: limits.HistoryBounds | None = None

    @classmethod
    def parse(cls, args: Sequence[Any]) -> Open:
        """Read what came after the name."""
        f = _fields(args, cls.name)
        history = f.get("history")
        return cls(
            stream=read_stream_name(f.get("stream")),
            epoch=read_epoch(f.get("epoch")),
            start=read_offset(f.get("from", 0), "from"),
            media=read_choice(f.get("media", ARROW), MEDIA, "media"),
            mode=read_choice(f.get("mode", "every"), MODES, "mode"),  # type: ignore[arg-type]
            history=None if history is None else _read_history(history),
        )

    def args(self) -> list[Any]:
        """Write what follows the name."""
        wanted: dict[str, Any] = {
            "stream": self.stream,
            "epoch": self.epoch,
            "from": self.start,
            "media": self.media,
            "mode": self.mode,
        }
        if self.history is not None:
            bounds = {key: getattr(self.history, key) for key in ("bytes", "rows", "seconds")}
            wanted["history"] = {key: value for key, value in bounds.items() if value is not None}
        return [wanted]


def _read_history(value: object) -> limits.HistoryBounds:
    if not isinstance(value, dict):
        raise BadRequest(f"history must be an object; got {_found(value)}")
    seconds = value.get("seconds")
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if seconds is not None and not (number and 0 <= seconds < float("inf")):
        raise BadRequest(f"history's seconds must be a number from 0; got {_found(seconds)}")
    size = _optional_count(value.get("bytes"), "history's bytes")
    return limits.HistoryBounds(
        bytes=limits.HistoryBounds.bytes if size is None else size,
        rows=_optional_count(value.get("rows"), "history's rows"),
        seconds=None if seconds is None else float(seconds),
    )


@dataclass(frozen=True, slots=True)
class Publish:
    """One payload of rows ``offset … offset+rows-1``; ``time`` in ms since 1970."""

    name: ClassVar[str] = "$publish"
    id: int
    offset: int
    time: int
    rows: int
    payload: bytes = field(repr=False)

    @classmethod
    def parse(cls, args: Sequence[Any]) -> Publish:
        """Read what came after the name."""
        head = _list(args, cls.name, 4)
        message = cls(
            read_offset(head[0], "id"),
            read_offset(head[1], "offset"),
            read_offset(head[2], "time"),
            read_offset(head[3], "rows"),
            _payload(args, cls.name),
        )
        if message.rows == 0:
            raise BadRequest(f"{cls.name} needs at least one row; got 0")
        if message.offset + message.rows > limits.MAX_OFFSET:
            raise BadRequest("offsets end at 2**53-1; restart the stream")
        return message

    def args(self) -> list[Any]:
        """Write what follows the name."""
        return [[self.id, self.offset, self.time, self.rows], self.payload]


@dataclass(frozen=True, slots=True)
class Compact(Publish):
    """Rows already published and acknowledged, again as one payload."""

    name: ClassVar[str] = "$compact"


@dataclass(frozen=True, slots=True)
class Emit:
    """A user event to all viewers, to one, or to a room; ``skip`` leaves one viewer out."""

    name: ClassVar[str] = "$emit"
    event: str
    to: str | None = None
    skip: str | None = None
    arguments: tuple[Any, ...] = ()

    @classmethod
    def parse(cls, args: Sequence[Any]) -> Emit:
        """Read what came after the name."""
        f = _fields(args, cls.name)
        to, skip = f.get("to"), f.get("skip")
        for key, value in (("to", to), ("skip", skip)):
            if value is not None and not isinstance(value, str):
                raise BadRequest(f"$emit's {key} must be text; got {_found(value)}")
        return cls(check_event_name(f.get("event")), to, skip, tuple(args[1:]))

    def args(self) -> list[Any]:
        """Write what follows the name."""
        wanted: dict[str, Any] = {"event": self.event}
        if self.to is not None:
            wanted["to"] = self.to
        if self.skip is not None:
            wanted["skip"] = self.skip
        return [wanted, *self.arguments]


@dataclass(frozen=True, slots=True)
class Room:
    """A viewer enters or leaves a room."""

    name: ClassVar[str] = "$room"
    viewer: str
    room: str
    join: bool

    @classmethod
    def parse(cls, args: Sequence[Any]) -> Room:
        """Read what came after the name."""
        f = _fields(args, cls.name)
        viewer, room, join = f.get("viewer"), f.get("room"), f.get("join")
        if not (isinstance(viewer, str) and isinstance(room, str) and isinstance(join, bool)):
            raise BadRequest(f"$room takes {{viewer, room, join}}; got {_found(f)}")
        return cls(viewer, room, join)

    def args(self) -> list[Any]:
        """Write what follows the name."""
        return [{key: getattr(self, key) for key in self.__slots__}]


@dataclass(frozen=True, slots=True)
class Viewers:
    """Ask who watches."""

    name: ClassVar[str] = "$viewers"

    @classmethod
    def parse(cls, args: Sequence[Any]) -> Viewers:
        """Read what came after the name (nothing is needed)."""
        return cls()

    def args(self) -> list[Any]:
        """Write what follows the name."""
        return []


@dataclass(frozen=True, slots=True)
class Share:
    """Ask for a read-only link."""

    name: ClassVar[str] = "$share"
    streams: tuple[str, ...] = ()
    send: tuple[str, ...] = ()
    expires: float | str = "24h"
    label: str = ""

    @classmethod
    def parse(cls, args: Sequence[Any]) -> Share:
        """Read what came after the name."""
        f = _fields(args, cls.name)
        streams, send = f.get("streams") or [], f.get("send") or []
        for key, value in (("streams", streams), ("send", send)):
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise BadRequest(f"$share's {key} must be a list of text; got {_found(value)}")
        expires, label = f.get("expires", "24h"), f.get("label", "")
        if isinstance(expires, bool) or not isinstance(expires, int | float | str):
            raise BadRequest(f'expires is seconds or text such as "24h"; got {_found(expires)}')
        if not isinstance(label, str):
            raise BadRequest(f"label must be text; got {_found(label)}")
        return cls(tuple(streams), tuple(send), expires, label)

    def args(self) -> list[Any]:
        """Write what follows the name."""
        return [
            {
                "streams": list(self.streams),
                "send": list(self.send),
                "expires": self.expires,
                "label": self.label,
            }
        ]


@dataclass(frozen=True, slots=True)
class Revoke:
    """Take a link back."""

    name: ClassVar[str] = "$revoke"
    id: str

    @classmethod
    def parse(cls, args: Sequence[Any]) -> Revoke:
        """Read what came after the name."""
        id_ = _fields(args, cls.name).get("id")
        if not isinstance(id_, str):
            raise BadRequest(f"$revoke takes a link's id; got {_found(id_)}")
        return cls(id_)

    def args(self) -> list[Any]:
        """Write what follows the name."""
        return [{"id": self.id}]


@dataclass(frozen=True, slots=True)
class Close:
    """A stream ends; what is owed still follows."""

    name: ClassVar[str] = "$close"
    id: int

    @classmethod
    def parse(cls, args: Sequence[Any]) -> Close:
        """Read what came after the name."""
        return cls(read_offset(_fields(args, cls.name).get("id"), "id"))

    def args(self) -> list[Any]:
        """Write what follows the name."""
        return [{"id": self.id}]


# --- server -> kernel ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Published:
    """The server holds (or has declared lost) everything below ``next``."""

    name: ClassVar[str] = "$published"
    id: int
    next: int

    @classmethod
    def parse(cls, args: Sequence[Any]) -> Published:
        """Read what came after the name."""
        id_, next_ = _list(args, cls.name, 2)[:2]
        return cls(read_offset(id_, "id"), read_offset(next_, "next"))

    def args(self) -> list[Any]:
        """Write what follows the name."""
        return [[self.id, self.next]]


@dataclass(frozen=True, slots=True)
class ViewerInfo:
    """Who a viewer is: as it stands in ``$event`` and ``$viewer``."""

    id: str
    name: str
    grants: tuple[str, ...] = ()

    @classmethod
    def read(cls, value: object) -> ViewerInfo:
        """Read it from a message's field."""
        if not isinstance(value, dict) or not isinstance(value.get("id"), str):
            raise BadRequest(f"a viewer is {{id, name, grants}}; got {_found(value)}")
        grants = value.get("grants")
        return cls(
            value["id"],
            str(value.get("name", "")),
            tuple(map(str, grants)) if isinstance(grants, list) else (),
        )

    def entry(self) -> dict[str, Any]:
        """Write it as a message's field."""
        return {"id": self.id, "name": self.name, "grants": list(self.grants)}


@dataclass(frozen=True, slots=True)
class Event:
    """A viewer's user event, on its way to the kernel's handler."""

    name: ClassVar[str] = "$event"
    event: str
    viewer: ViewerInfo
    arguments: tuple[Any, ...] = ()

    @classmethod
    def parse(cls, args: Sequence[Any]) -> Event:
        """Read what came after the name."""
        f = _fields(args, cls.name)
        return cls(str(f.get("event")), ViewerInfo.read(f.get("viewer")), tuple(args[1:]))

    def args(self) -> list[Any]:
        """Write what follows the name."""
        return [{"event": self.event, "viewer": self.viewer.entry()}, *self.arguments]


@dataclass(frozen=True, slots=True)
class ViewerNotice:
    """A viewer came (``joined``) or left."""

    name: ClassVar[str] = "$viewer"
    viewer: ViewerInfo
    joined: bool

    @classmethod
    def parse(cls, args: Sequence[Any]) -> ViewerNotice:
        """Read what came after the name."""
        f = _fields(args, cls.name)
        return cls(ViewerInfo.read(f), f.get("joined") is True)

    def args(self) -> list[Any]:
        """Write what follows the name."""
        return [{**self.viewer.entry(), "joined": self.joined}]


# --- the table -------------------------------------------------------------------------------


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
        raise BadRequest(f"{_found(event)} is reserved and not this client's to send")
    return rule


def read_connect_auth(auth: object) -> str:
    """Read CONNECT's ``auth``; returns the name the client gave itself ("" if none).

    Raises
    ------
    Refused
        With 3501, if the protocol's number is not ours or ``name`` is no text of ≤ 64.

    Source: protocol.md §4.
    """
    if auth is None:
        return ""
    if not isinstance(auth, dict):
        raise Refused("auth must be an object {protocol, name}", code=Code.BAD_REQUEST)
    number = auth.get("protocol", PROTOCOL)
    if type(number) is not int or number != PROTOCOL:
        raise Refused(
            f"this server speaks protocol {PROTOCOL}; got {_found(number)}", code=Code.BAD_REQUEST
        )
    name = auth.get("name", "")
    if name is None:
        return ""
    if not isinstance(name, str) or len(name) > limits.MAX_NAME_TEXT:
        raise Refused(
            f"auth.name must be text of at most {limits.MAX_NAME_TEXT} characters",
            code=Code.BAD_REQUEST,
        )
    return name
