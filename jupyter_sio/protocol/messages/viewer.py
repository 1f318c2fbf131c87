"""What viewers and the server say to each other. Source: protocol.md §5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from jupyter_sio.errors import BadRequest, Code, Refused
from jupyter_sio.protocol.messages.values import (
    MODES,
    Mode,
    Position,
    Why,
    found,
    read_choice,
    read_epoch,
    read_fields,
    read_list,
    read_offset,
    read_optional_count,
    read_stream_name,
)

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
        f = read_fields(args, cls.name)
        since = f.get("since")
        if since is not None:
            if not isinstance(since, list) or len(since) != 2:
                raise BadRequest(f"since must be [epoch, offset]; got {found(since)}")
            since = Position(read_epoch(since[0]), read_offset(since[1], "since's offset"))
        mode = f.get("mode")
        window = read_optional_count(f.get("window"), "window")
        if window == 0:
            raise BadRequest("window must be at least 1 byte; got 0")
        return cls(
            stream=read_stream_name(f.get("stream")),
            since=since,
            tail=read_optional_count(f.get("tail"), "tail"),
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
        f = read_fields([answer], "the answer to $subscribe")
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


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """End a subscription; nothing of its stream follows the answer."""

    name: ClassVar[str] = "$unsubscribe"
    id: int

    @classmethod
    def parse(cls, args: Sequence[Any]) -> Unsubscribe:
        """Read what came after the name."""
        return cls(read_offset(read_fields(args, cls.name).get("id"), "id"))

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
        id_, next_ = read_list(args, cls.name, 2)[:2]
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
        head = read_list(args, cls.name, 4)
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
        id_, start, end, why = read_list(args, cls.name, 4)[:4]
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
        f = read_fields(args, cls.name)
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
        f = read_fields(args, cls.name)
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
        f = read_fields(args, cls.name)
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
