"""What a kernel's publisher and the server say to each other. Source: protocol.md §5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from jupyter_sio import limits
from jupyter_sio.errors import BadRequest
from jupyter_sio.protocol.messages.values import (
    ARROW,
    MEDIA,
    MODES,
    Mode,
    check_event_name,
    found,
    read_choice,
    read_epoch,
    read_fields,
    read_list,
    read_offset,
    read_payload,
    read_stream_name,
)

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
        f = read_fields(args, cls.name)
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
        raise BadRequest(f"history must be an object; got {found(value)}")
    size, seconds = value.get("bytes"), value.get("seconds")
    return limits.HistoryBounds(
        bytes=limits.HistoryBounds.bytes if size is None else size,
        rows=value.get("rows"),
        seconds=seconds,
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
        head = read_list(args, cls.name, 4)
        message = cls(
            read_offset(head[0], "id"),
            read_offset(head[1], "offset"),
            read_offset(head[2], "time"),
            read_offset(head[3], "rows"),
            read_payload(args, cls.name),
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
        f = read_fields(args, cls.name)
        to, skip = f.get("to"), f.get("skip")
        for key, value in (("to", to), ("skip", skip)):
            if value is not None and not isinstance(value, str):
                raise BadRequest(f"$emit's {key} must be text; got {found(value)}")
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
        f = read_fields(args, cls.name)
        viewer, room, join = f.get("viewer"), f.get("room"), f.get("join")
        if not (isinstance(viewer, str) and isinstance(room, str) and isinstance(join, bool)):
            raise BadRequest(f"$room takes {{viewer, room, join}}; got {found(f)}")
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
        f = read_fields(args, cls.name)
        # No list at all means every stream; so what is no list must not pass for an empty one.
        streams, send = f.get("streams", []), f.get("send", [])
        for key, value in (("streams", streams), ("send", send)):
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise BadRequest(f"$share's {key} must be a list of text; got {found(value)}")
        expires, label = f.get("expires", "24h"), f.get("label", "")
        if isinstance(expires, bool) or not isinstance(expires, int | float | str):
            raise BadRequest(f'expires is seconds or text such as "24h"; got {found(expires)}')
        if not isinstance(label, str):
            raise BadRequest(f"label must be text; got {found(label)}")
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
        id_ = read_fields(args, cls.name).get("id")
        if not isinstance(id_, str):
            raise BadRequest(f"$revoke takes a link's id; got {found(id_)}")
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
        return cls(read_offset(read_fields(args, cls.name).get("id"), "id"))

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
        id_, next_ = read_list(args, cls.name, 2)[:2]
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
            raise BadRequest(f"a viewer is {{id, name, grants}}; got {found(value)}")
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
        f = read_fields(args, cls.name)
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
        f = read_fields(args, cls.name)
        return cls(ViewerInfo.read(f), f.get("joined") is True)

    def args(self) -> list[Any]:
        """Write what follows the name."""
        return [{**self.viewer.entry(), "joined": self.joined}]
