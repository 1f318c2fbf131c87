"""Socket.IO packets as clients may send them, read strictly.

python-socketio's own reader takes event names of any type, `connect` and `disconnect` from
clients, any number of attachments, and answers the rest with a traceback in the log.

Source: protocol.md §5 ("What is malformed"), Socket.IO protocol v5.
"""

from __future__ import annotations

import gc
import json
import math
import re
from typing import Any

from socketio import packet

from jupyter_sio import limits
from jupyter_sio.errors import BadRequest
from jupyter_sio.protocol.messages import NEVER_EVENTS

CONNECT: int = packet.CONNECT
DISCONNECT: int = packet.DISCONNECT
EVENT: int = packet.EVENT
ACK: int = packet.ACK

_PLAIN_OF = {packet.BINARY_EVENT: EVENT, packet.BINARY_ACK: ACK}

# type, attachments of a binary packet, namespace up to a comma or the end, id, JSON
_FORM = re.compile(
    r"(?:([0-4])|([56])([0-9]{1,10})-)(?:(/[^,]*)(?:,|\Z))?([0-9]*)(.*)\Z", re.DOTALL
)
_MAX_ID = limits.MAX_OFFSET
_LARGE_TEXT = 16 * limits.KIB


class StrictPacket(packet.Packet):  # type: ignore[misc]
    """One packet of a client's; what is not exactly right raises ``BadRequest``.

    ``packet_type`` is CONNECT, DISCONNECT, EVENT or ACK: the binary kinds read as EVENT and ACK,
    once ``add_attachment`` returned True.
    """

    packet_type: int
    namespace: str
    id: int | None
    data: Any
    attachment_count: int
    attachments: list[bytes]
    event_name_bytes = limits.Inbound.event_name_bytes

    @classmethod
    def bounded(cls, inbound: limits.Inbound) -> type[StrictPacket]:
        """Return the class that holds to these limits (python-socketio makes packets by class)."""
        return type(cls.__name__, (cls,), {"event_name_bytes": inbound.event_name_bytes})

    def decode(self, encoded_packet: Any) -> int:
        """Read the text of a packet; returns how many attachments must follow."""
        self._slots: list[tuple[Any, Any, int]] = []
        form = _FORM.match(encoded_packet) if isinstance(encoded_packet, str) else None
        if form is None:
            raise BadRequest(f"no Socket.IO packet begins like this: {_shown(encoded_packet)}")
        plain, binary, count, namespace, number, body = form.groups()
        kind = int(plain or binary)
        self.packet_type = _PLAIN_OF.get(kind, kind)
        self.namespace = namespace or "/"
        self.id = _read_id(number) if number else None
        self.data = _read_json(body) if body else None
        wanted = int(count) if count else 0
        if binary:
            self._announce(wanted)
        self._check()
        return wanted

    def add_attachment(self, attachment: bytes) -> bool:
        """Take the next attachment; True when it was the last, and all are in their places."""
        self.attachments.append(attachment)
        if len(self.attachments) < self.attachment_count:
            return False
        for holder, key, number in self._slots:
            holder[key] = self.attachments[number]
        return True

    def _announce(self, wanted: int) -> None:
        if not 1 <= wanted <= limits.MAX_ATTACHMENTS:
            raise BadRequest(
                f"a binary packet announces 1 to {limits.MAX_ATTACHMENTS} attachments; got {wanted}"
            )
        # What is out of range is known before the first attachment was waited for.
        _find_placeholders(self.data, wanted, self._slots)

    def _check(self) -> None:
        check = _CHECKS.get(self.packet_type)
        if check is None:
            raise BadRequest("CONNECT_ERROR is the server's to send")
        check(self)

    def _check_connect(self) -> None:
        if self.id is not None or not (self.data is None or isinstance(self.data, dict)):
            raise BadRequest("CONNECT carries nothing but an object")

    def _check_disconnect(self) -> None:
        if self.id is not None or self.data is not None:
            raise BadRequest("DISCONNECT has no body")

    def _check_event(self) -> None:
        if not isinstance(self.data, list) or not self.data:
            raise BadRequest("an event is a list that begins with its name")
        name = self.data[0]
        if not isinstance(name, str) or not name:
            raise BadRequest(f"an event's name is text that is not empty; got {_shown(name)}")
        try:
            size = len(name.encode())
        except UnicodeEncodeError as exc:
            raise BadRequest(f"an event's name is valid Unicode; got {_shown(name)}") from exc
        if size > self.event_name_bytes:
            raise BadRequest(f"an event's name may have {self.event_name_bytes} bytes; got {size}")
        if name in NEVER_EVENTS:
            raise BadRequest(f"{name!r} belongs to Socket.IO and is not a client's to send")

    def _check_ack(self) -> None:
        if self.id is None or not isinstance(self.data, list):
            raise BadRequest("an answer is a list, and says what it answers")


_CHECKS = {
    CONNECT: StrictPacket._check_connect,
    DISCONNECT: StrictPacket._check_disconnect,
    EVENT: StrictPacket._check_event,
    ACK: StrictPacket._check_ack,
}


def _read_id(digits: str) -> int:
    if len(digits) > 16 or int(digits) > _MAX_ID:
        raise BadRequest("an id may be at most 2**53-1")
    return int(digits)


def _read_json(text: str) -> Any:
    try:
        data = _decoded(text)
    except (ValueError, RecursionError) as exc:
        raise BadRequest(f"this is not JSON, or too large to be read: {_shown(text)}") from exc
    # Nothing nests deeper than it has brackets; most messages are done here.
    if text.count("[") + text.count("{") > limits.Inbound.json_depth:
        _check_depth(data)
    return data


def _decoded(text: str) -> Any:
    if len(text) < _LARGE_TEXT or not gc.isenabled():
        return _DECODER.decode(text)
    # What is being built holds no garbage; looking through it costs as much again.
    gc.disable()
    try:
        return _DECODER.decode(text)
    finally:
        gc.enable()


def _check_depth(data: object) -> None:
    level: list[Any] = [[data]]
    for _ in range(1 + limits.Inbound.json_depth):
        level = [
            item
            for holder in level
            for item in (holder if type(holder) is list else holder.values())
            if type(item) is list or type(item) is dict
        ]
        if not level:
            return
    raise BadRequest(f"JSON may nest {limits.Inbound.json_depth} deep")


def _find_placeholders(data: object, count: int, slots: list[tuple[Any, Any, int]]) -> None:
    """List every ``(holder, key, number)`` whose value is a placeholder."""
    pairs: Any = ()
    if isinstance(data, list):
        pairs = enumerate(data)
    elif isinstance(data, dict):
        pairs = data.items()
    for key, value in pairs:
        if isinstance(value, dict) and value.get("_placeholder") is True:
            number = value.get("num")
            if type(number) is not int or not 0 <= number < count:
                raise BadRequest(f"no attachment has the number {_shown(number)}")
            slots.append((data, key, number))
        else:
            _find_placeholders(value, count, slots)


def _read_int(digits: str) -> int:
    if len(digits) > 100:
        raise ValueError("a number of more than 100 digits")
    return int(digits)


def _read_float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):  # 1e999
        raise ValueError("a number beyond float64")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    parse_int=_read_int, parse_float=_read_float, parse_constant=_no_constant
)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
