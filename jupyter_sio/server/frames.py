"""Socket.IO packets as ready-to-write WebSocket frames: encoded once, written to any number.

A server's frames carry no mask (RFC 6455 §5.1), so the same bytes go to every socket.

Source: Socket.IO protocol v5, Engine.IO protocol v4, RFC 6455 §5.2.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from jupyter_sio import limits
from jupyter_sio.errors import BadRequest

Frames: TypeAlias = tuple[bytes, ...]


class Packet(NamedTuple):
    """One Engine.IO packet, out of its frame."""

    binary: bool
    data: bytes


# Up to here one copy, made once for all recipients, is cheaper than a system call more for each
# of them; larger payloads stay their own bytes object.
_JOINED_BYTES = 64 * limits.KIB
_TEXT, _BINARY = 0x81, 0x82  # FIN and opcode


def event(
    namespace: str, event: str, args: Sequence[object], *, ack_id: int | None = None
) -> Frames:
    """Encode an event; bytes, bytearrays and memoryviews anywhere in ``args`` are attached.

    Bytes are shared, not copied; bytearrays and memoryviews are copied now and are the caller's
    again afterwards.

    Raises
    ------
    BadRequest
        If something cannot travel: NaN, Infinity, an object that JSON does not know, or more
        attachments than a JavaScript client takes.
    """
    return _message("2", "5", namespace, ack_id, [event, *args])


def ack(namespace: str, ack_id: int, args: Sequence[object]) -> Frames:
    """Encode the answer to a client's event ``ack_id``. Raises as ``event`` does."""
    return _message("3", "6", namespace, ack_id, list(args))


def connect(namespace: str, sid: str) -> Frames:
    """Encode that ``namespace`` was joined."""
    return engine(f"40{_prefix(namespace)}{_Encoder().encode({'sid': sid})}")


def connect_error(namespace: str, message: str, data: object) -> Frames:
    """Encode that ``namespace`` was refused. Raises as ``event`` does; no attachments."""
    body, attachments = _encoded({"message": message, "data": data})
    if attachments:
        raise BadRequest("a refusal's data cannot carry binary values")
    return engine(f"44{_prefix(namespace)}{body}")


def disconnect(namespace: str) -> Frames:
    """Encode that the server takes ``namespace`` from the client."""
    return engine(f"41{_prefix(namespace)}")


def engine(text: str) -> Frames:
    """Frame one Engine.IO text packet, such as ``2`` (PING)."""
    return _joined([(_TEXT, text.encode())])


def attachment(data: bytes) -> Frames:
    """Frame one binary packet."""
    return _joined([(_BINARY, data)])


def unframed(frames: Iterable[bytes]) -> Iterator[Packet]:
    """Take what was written here apart again, for clients that get no frames.

    A large payload is the same object as before.
    """
    alone: bool | None = None  # whether the payload that stands in the next piece is binary
    for piece in frames:
        if alone is not None:
            yield Packet(alone, piece)
            alone = None
            continue
        begin = 0
        while begin < len(piece):
            binary, size = piece[begin] == _BINARY, piece[begin + 1]
            begin += 2
            if size > 125:
                form = "!H" if size == 126 else "!Q"
                (size,) = struct.unpack_from(form, piece, begin)
                begin += struct.calcsize(form)
            if size > _JOINED_BYTES:
                alone = binary
                break
            yield Packet(binary, piece[begin : begin + size])
            begin += size


def _message(
    plain: str, binary: str, namespace: str, ack_id: int | None, data: list[object]
) -> Frames:
    body, attachments = _encoded(data)
    kind = f"{binary}{len(attachments)}-" if attachments else plain
    number = "" if ack_id is None else ack_id
    text = f"4{kind}{_prefix(namespace)}{number}{body}"
    return _joined([(_TEXT, text.encode()), *((_BINARY, part) for part in attachments)])


def _prefix(namespace: str) -> str:
    return "" if namespace == "/" else f"{namespace},"


class _Encoder(json.JSONEncoder):
    """JSON as every client reads it; binary values become placeholders on the way."""

    def __init__(self) -> None:
        super().__init__(allow_nan=False, separators=(",", ":"))
        self.attachments: list[bytes] = []

    def default(self, o: Any) -> Any:
        """Take a binary value out of the data."""
        if isinstance(o, bytes | bytearray | memoryview):
            self.attachments.append(bytes(o))
            return {"_placeholder": True, "num": len(self.attachments) - 1}
        raise TypeError(f"{type(o).__module__}.{type(o).__qualname__} is not JSON")


def _encoded(data: object) -> tuple[str, list[bytes]]:
    encoder = _Encoder()
    try:
        body = encoder.encode(data)
    except (TypeError, ValueError, RecursionError) as exc:
        raise BadRequest(f"this cannot travel: {exc}") from exc
    found = len(encoder.attachments)
    if found > limits.MAX_ATTACHMENTS:
        raise BadRequest(
            f"a message may carry {limits.MAX_ATTACHMENTS} binary values; got {found}: pack them"
        )
    return body, encoder.attachments


def _joined(packets: Sequence[tuple[int, bytes]]) -> Frames:
    frames: list[bytes] = []
    small = bytearray()
    for head, payload in packets:
        size = len(payload)
        if size < 126:
            small += struct.pack("!BB", head, size)
        elif size <= 0xFFFF:
            small += struct.pack("!BBH", head, 126, size)
        else:
            small += struct.pack("!BBQ", head, 127, size)
        if size <= _JOINED_BYTES:
            small += payload
            continue
        frames += (bytes(small), payload)
        small.clear()
    if small:
        frames.append(bytes(small))
    return tuple(frames)
