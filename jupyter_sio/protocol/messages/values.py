"""The values that messages are made of, and how each is read: what was found, what was expected.

Source: protocol.md §1, §5, §6.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

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

# What a client says it is; what came by a share link is a ``link``, whatever it says.
KINDS = ("panel", "widget", "page", "script")

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


def found(value: object) -> str:
    """Write what was found into an error's text, in 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def is_hex(value: object, least: int, most: int) -> bool:
    """Whether ``value`` is text of ``least`` to ``most`` ASCII hex digits."""
    return isinstance(value, str) and least <= len(value) <= most and bool(_HEX.match(value))


def read_offset(value: object, what: str) -> int:
    """Read a row offset or count, 0 … 2**53-1."""
    if type(value) is not int or not 0 <= value <= limits.MAX_OFFSET:
        raise BadRequest(f"{what} must be a whole number from 0 to 2**53-1; got {found(value)}")
    return value


def read_epoch(value: object) -> str:
    """Read an epoch, 8–64 hex digits."""
    if not is_hex(value, 8, 64):
        raise BadRequest(f"epoch must be 8 to 64 hex digits; got {found(value)}")
    assert isinstance(value, str)
    return value


def read_stream_name(value: object) -> str:
    """Read a stream's name: text of 1 to 128 bytes in UTF-8."""
    longest = limits.Inbound.stream_name_bytes
    if not isinstance(value, str) or not value:
        raise BadRequest(f"a stream's name must be text; got {found(value)}")
    try:
        size = len(value.encode())
    except UnicodeEncodeError as exc:
        raise BadRequest(f"a stream's name must be valid Unicode; got {found(value)}") from exc
    if size > longest:
        raise BadRequest(f"a stream's name may have {longest} bytes; got {size}")
    return value


def read_choice(value: object, choices: Sequence[str], what: str) -> str:
    """Read one of a few words."""
    if value not in choices or not isinstance(value, str):
        raise BadRequest(f"{what} must be one of {', '.join(choices)}; got {found(value)}")
    return value


def check_event_name(value: object, *, longest: int = limits.Inbound.event_name_bytes) -> str:
    """Read an event name of the user's: text, 1 to 64 bytes, not reserved.

    Raises
    ------
    BadRequest
        If it is no text, empty, too long, starts with ``$`` or is one of Socket.IO's own.
    """
    if not isinstance(value, str) or not value:
        raise BadRequest(f"an event name must be text that is not empty; got {found(value)}")
    try:
        size = len(value.encode())
    except UnicodeEncodeError as exc:
        raise BadRequest(f"an event name must be valid Unicode; got {found(value)}") from exc
    if size > longest:
        raise BadRequest(f"an event name may have {longest} bytes; got {size}")
    if value in NEVER_EVENTS:
        raise BadRequest(f"the event name {value!r} belongs to Socket.IO; choose another")
    if value.startswith("$"):
        raise BadRequest(f"event names that begin with $ are reserved; got {found(value)}")
    return value


def read_fields(args: Sequence[Any], name: str) -> Mapping[str, Any]:
    """Read the one object that a message takes."""
    if not args or not isinstance(args[0], dict):
        raise BadRequest(f"{name} takes one object; got {found(list(args))}")
    return args[0]


def read_list(args: Sequence[Any], name: str, length: int) -> list[Any]:
    """Read the list of at least ``length`` values that a message begins with."""
    if not args or not isinstance(args[0], list) or len(args[0]) < length:
        raise BadRequest(f"{name} takes a list of {length} values first; got {found(list(args))}")
    return args[0]


def read_optional_count(value: object, what: str) -> int | None:
    """Read a number of rows or bytes, or none."""
    return None if value is None else read_offset(value, what)


def read_payload(args: Sequence[Any], name: str) -> bytes:
    """Read the payload behind a message's list."""
    if len(args) < 2 or not isinstance(args[1], bytes):
        raise BadRequest(f"{name} takes a binary payload second")
    return args[1]


class Introduction(NamedTuple):
    """What a client says of itself at CONNECT: for people to read, and nothing follows from it."""

    name: str = ""
    kind: str = "script"


def read_connect_auth(auth: object) -> Introduction:
    """Read CONNECT's ``auth``. A kind that is none of ours is a script's.

    Raises
    ------
    Refused
        With 3501, if the protocol's number is not ours or ``name`` is no text of ≤ 64.

    Source: protocol.md §4.
    """
    if auth is None:
        return Introduction()
    if not isinstance(auth, dict):
        raise Refused("auth must be an object {protocol, name, kind}", code=Code.BAD_REQUEST)
    number = auth.get("protocol", PROTOCOL)
    if type(number) is not int or number != PROTOCOL:
        raise Refused(
            f"this server speaks protocol {PROTOCOL}; got {found(number)}", code=Code.BAD_REQUEST
        )
    name = auth.get("name")
    if name is None:
        name = ""
    if not isinstance(name, str) or len(name) > limits.MAX_NAME_TEXT:
        raise Refused(
            f"auth.name must be text of at most {limits.MAX_NAME_TEXT} characters",
            code=Code.BAD_REQUEST,
        )
    kind = auth.get("kind")
    return Introduction(name, kind if kind in KINDS else "script")


def refusal(code: int, message: str) -> dict[str, Any]:
    """Write ``{ok: false, code, message}``, the one shape of a refused message."""
    return {"ok": False, "code": int(code), "message": message}
