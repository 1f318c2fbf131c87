"""Socket.IO v5 over Engine.IO v4 as a client speaks it over one WebSocket: frames <-> messages.

Knows nothing of what the events mean. The kernel's link and the Python viewer both stand on it;
the server has its own (``server/frames.py``, ``server/packets.py``), which answers to
python-socketio.

Source: Socket.IO protocol v5, Engine.IO protocol v4.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from jupyter_sio import limits
from jupyter_sio.errors import BadRequest

Frame: TypeAlias = str | bytes | bytearray | memoryview

PONG = "3"
CLOSE = "1"

_BINARY = (bytes, bytearray, memoryview)


# --- what is sent ----------------------------------------------------------------------------


def connect(namespace: str, auth: object = None) -> str:
    """Ask to join ``namespace``."""
    return f"40{_prefix(namespace)}{'' if auth is None else _json(auth)}"


def disconnect(namespace: str) -> str:
    """Leave ``namespace``."""
    return f"41{_prefix(namespace)}"


def event(
    namespace: str, name: str, args: Sequence[object], *, ack_id: int | None = None
) -> list[Frame]:
    """Write an event; with ``ack_id`` it asks for an answer.

    Bytes, bytearrays and memoryviews anywhere within lists, tuples and dicts become attachments,
    not copied: they are the caller's until the frames are written.

    Raises
    ------
    BadRequest
        If something cannot travel: NaN, an object that JSON does not know, an 11th attachment.
    """
    return _message("2", "5", namespace, ack_id, [name, *args])


def answer(namespace: str, ack_id: int, args: Sequence[object]) -> list[Frame]:
    """Answer the other side's event ``ack_id``. Raises as ``event`` does."""
    return _message("3", "6", namespace, ack_id, list(args))


def _message(
    plain: str, binary: str, namespace: str, ack_id: int | None, data: list[object]
) -> list[Frame]:
    attachments: list[Frame] = []
    body = _json(_detached(data, attachments, 0))
    if len(attachments) > limits.MAX_ATTACHMENTS:
        raise BadRequest(
            f"an event may carry {limits.MAX_ATTACHMENTS} binary values; got {len(attachments)}"
        )
    kind = f"{binary}{len(attachments)}-" if attachments else plain
    number = "" if ack_id is None else ack_id
    return [f"4{kind}{_prefix(namespace)}{number}{body}", *attachments]


def _prefix(namespace: str) -> str:
    return "" if namespace == "/" else f"{namespace},"


def _json(value: object) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as exc:
        raise BadRequest(f"this cannot travel as JSON: {exc}") from exc


def _detached(value: object, attachments: list[Frame], depth: int) -> object:
    if isinstance(value, _BINARY):
        attachments.append(value)
        return {"_placeholder": True, "num": len(attachments) - 1}
    if depth > limits.Inbound.json_depth:
        raise BadRequest(f"arguments may nest {limits.Inbound.json_depth} deep")
    if isinstance(value, list | tuple):
        return [_detached(item, attachments, depth + 1) for item in value]
    if isinstance(value, dict):
        return {key: _detached(item, attachments, depth + 1) for key, item in value.items()}
    return value


# --- what is received ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opened:
    """The transport is open; both times in seconds."""

    sid: str
    ping_interval: float
    ping_timeout: float


@dataclass(frozen=True, slots=True)
class Pinged:
    """Answer with ``PONG``."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The server closes the transport."""


@dataclass(frozen=True, slots=True)
class Joined:
    """CONNECT was accepted."""

    namespace: str
    sid: str


@dataclass(frozen=True, slots=True)
class JoinRefused:
    """CONNECT was refused; ``data`` is what stands beside the message."""

    namespace: str
    message: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Left:
    """The server took the namespace."""

    namespace: str


@dataclass(frozen=True, slots=True)
class Event:
    """An event, its attachments in place; with an ``ack_id`` an answer is wanted."""

    namespace: str
    name: str
    args: list[Any]
    ack_id: int | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to our event ``ack_id``."""

    namespace: str
    ack_id: int
    args: list[Any]


Received: TypeAlias = Opened | Pinged | Closed | Joined | JoinRefused | Left | Event | Answered


@dataclass(slots=True)
class _Unfinished:
    kind: str
    namespace: str
    ack_id: int | None
    data: list[Any]
    wanted: int
    attachments: list[bytes]


class Decoder:
    """Reads one connection's frames in order; a binary event is told with its last attachment."""

    def __init__(self) -> None:
        self._unfinished: _Unfinished | None = None

    def receive(self, frame: str | bytes) -> Received | None:
        """Take one WebSocket message; None if more must come first.

        Raises
        ------
        BadRequest
            If it is none of Engine.IO's and Socket.IO's; the connection is then of no more use.
        """
        if isinstance(frame, bytes):
            return self._attachment(frame)
        if self._unfinished is not None and frame[:1] == "4":
            raise BadRequest("text came where an attachment was due")
        kind, rest = frame[:1], frame[1:]
        if kind == "4":
            return self._packet(rest)
        if kind == "2":
            return Pinged()
        if kind == "0":
            return _opened(rest)
        if kind == "1":
            return Closed()
        if kind == "6":
            return None
        raise BadRequest(f"no Engine.IO packet begins like this: {frame[:20]!r}")

    def _attachment(self, frame: bytes) -> Received | None:
        unfinished = self._unfinished
        if unfinished is None:
            raise BadRequest("an attachment came that no event announced")
        unfinished.attachments.append(frame)
        if len(unfinished.attachments) < unfinished.wanted:
            return None
        self._unfinished = None
        data = _attached(unfinished.data, unfinished.attachments)
        return _received(unfinished.kind, unfinished.namespace, unfinished.ack_id, data)

    def _packet(self, text: str) -> Received | None:
        kind, rest = text[:1], text[1:]
        wanted = 0
        if kind in ("5", "6"):
            count, dash, rest = rest.partition("-")
            if not (dash and _is_number(count) and 0 < int(count) <= limits.MAX_ATTACHMENTS):
                raise BadRequest(
                    f"a binary packet announces 1 to 10 attachments; got {text[:20]!r}"
                )
            wanted = int(count)
            kind = "2" if kind == "5" else "3"
        namespace = "/"
        if rest[:1] == "/":
            namespace, _, rest = rest.partition(",")
        if kind in ("0", "1", "4"):
            return _control(kind, namespace, rest)
        digits = len(rest) - len(rest.lstrip("0123456789"))
        ack_id = int(rest[:digits]) if digits else None
        data = _parsed(rest[digits:])
        if kind not in ("2", "3") or not isinstance(data, list):
            raise BadRequest(f"no Socket.IO packet looks like this: {text[:40]!r}")
        if wanted:
            self._unfinished = _Unfinished(kind, namespace, ack_id, data, wanted, [])
            return None
        return _received(kind, namespace, ack_id, data)


def _opened(text: str) -> Opened:
    found = _parsed(text)
    try:
        return Opened(str(found["sid"]), found["pingInterval"] / 1000, found["pingTimeout"] / 1000)
    except (KeyError, TypeError) as exc:
        raise BadRequest(
            f"the server's greeting lacks sid, pingInterval or pingTimeout: {exc}"
        ) from exc


def _control(kind: str, namespace: str, rest: str) -> Received:
    if kind == "1":
        return Left(namespace)
    found = _parsed(rest) if rest else {}
    # python-socketio refuses an unknown namespace with a bare text.
    fields = found if isinstance(found, dict) else {"message": found}
    if kind == "0":
        return Joined(namespace, str(fields.get("sid", "")))
    data = fields.get("data")
    return JoinRefused(
        namespace, str(fields.get("message", "")), data if isinstance(data, dict) else {}
    )


def _received(kind: str, namespace: str, ack_id: int | None, data: list[Any]) -> Received:
    if kind == "3":
        if ack_id is None:
            raise BadRequest("an answer must say what it answers")
        return Answered(namespace, ack_id, data)
    if not data or not isinstance(data[0], str):
        raise BadRequest("an event begins with its name")
    return Event(namespace, data[0], data[1:], ack_id)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as exc:
        raise BadRequest(f"this is not JSON: {text[:40]!r}") from exc


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _attached(value: Any, attachments: list[bytes]) -> Any:
    if isinstance(value, list):
        return [_attached(item, attachments) for item in value]
    if isinstance(value, dict):
        if value.get("_placeholder") is True:
            number = value.get("num")
            if type(number) is not int or not 0 <= number < len(attachments):
                raise BadRequest(f"no attachment has the number {number!r}")
            return attachments[number]
        return {key: _attached(item, attachments) for key, item in value.items()}
    return value
