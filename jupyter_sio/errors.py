"""The errors of jupyter_sio, one tree; each carries its wire code and HTTP status.

SioError                    anything of ours
├── BadRequest      3501    a message that breaks the protocol
├── Refused         35xx    a client may not join, do or see this
│   ├── NotPermitted 3507   ... for want of a grant; also 3500 and 3512
│   └── Superseded  3511    another process claimed the kernel's namespace
├── NotConnected    3003    there is no server, or no publisher, to talk to
├── Overflow        3013    a bound was reached and its policy is to raise
├── CallFailed      3004    the other side answered a call with a refusal
├── CallTimeout     3003    ... or did not answer in time (also a TimeoutError)
├── RowError        -       a value that cannot be a row (also TypeError, ValueError)
└── PatternError    -       a namespace pattern that cannot be registered (also ValueError)
"""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """Why something ended or was refused. Below 3500: try again; from 3500: do not.

    Source: protocol.md §8.
    """

    SHUTTING_DOWN = 3001
    PUBLISHER_OFFLINE = 3003
    INTERNAL_ERROR = 3004
    IDENTITY_EXPIRED = 3005
    TOO_SLOW = 3008
    TOO_MANY_MESSAGES = 3013
    CHECK_IDENTITY = 3014
    BAD_CREDENTIAL = 3500
    BAD_REQUEST = 3501
    NO_CONNECT = 3502
    DISCONNECTED = 3503
    TOO_MANY_CONNECTIONS = 3504
    TOO_MANY_NAMESPACES = 3505
    NO_SUCH_HANDLER = 3506
    NOT_PERMITTED = 3507
    KERNEL_GONE = 3510
    CLAIM_SUPERSEDED = 3511
    LINK_REVOKED = 3512

    @property
    def final(self) -> bool:
        """True where trying again is pointless."""
        return self >= 3500

    @property
    def of_namespace(self) -> bool:
        """True where only the namespace ends, False where the whole connection does."""
        return self in _OF_NAMESPACE


_OF_NAMESPACE = frozenset({3500, 3503, 3507, 3510, 3511, 3512})


class SioError(Exception):
    """Anything raised on purpose; ``code`` is the wire code, ``status`` the HTTP one."""

    code: int = Code.INTERNAL_ERROR
    status: int = 500


class BadRequest(SioError):
    """A message or request that breaks the protocol: found, expected, what to do."""

    code = Code.BAD_REQUEST
    status = 400


class Refused(SioError):
    """Joining, doing or seeing something was refused. ``data`` travels beside the code."""

    code: int = Code.NOT_PERMITTED
    status = 403

    def __init__(
        self, message: str, *, code: int | None = None, data: dict[str, object] | None = None
    ) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.data = data or {}


class NotPermitted(Refused):
    """The credential does not allow it (3500, 3507, 3512)."""


class Superseded(Refused):
    """Another process claimed this kernel's namespace."""

    code = Code.CLAIM_SUPERSEDED


class NotConnected(SioError):
    """There is no server, or no publisher, to talk to."""

    code = Code.PUBLISHER_OFFLINE
    status = 503


class Overflow(SioError):
    """A bound was reached, and the policy chosen for it is to raise."""

    code = Code.TOO_MANY_MESSAGES
    status = 429


class CallFailed(SioError):
    """The other side answered with ``{ok: false}``; ``code`` is what it said."""

    def __init__(self, message: str, *, code: int = Code.INTERNAL_ERROR) -> None:
        super().__init__(message)
        self.code = code


class CallTimeout(SioError, TimeoutError):
    """No answer came within the time allowed."""

    code = Code.PUBLISHER_OFFLINE
    status = 504


class RowError(SioError, TypeError, ValueError):
    """A value that cannot be a row of its stream; names stream, column and type.

    Both a TypeError and a ValueError, as numpy's AxisError is both of its kinds: whoever
    catches either catches this.
    """

    code = Code.BAD_REQUEST
    status = 400


class PatternError(SioError, ValueError):
    """A namespace pattern that cannot be read, or that equals one already registered."""
