"""Share links: what one shows and for how long, and the table that knows them by their hash.

Nothing here reads a clock or draws a random number: ``now_ms`` (wall clock, ms since 1970: what
people are told) and secrets are arguments.

Source: protocol.md §3 (``api/links``), §5 (``$share``); api.md §1 (``share``).
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jupyter_sio import limits
from jupyter_sio.errors import BadRequest, Code, Overflow, Refused
from jupyter_sio.protocol.messages import Share

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhd])\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

REVOKED = "the link was revoked"
EXPIRED = "the link has expired"
KERNEL_ENDED = "the link's kernel has ended"
RIGHTS_LOST = "who made this link may not share any more"


def seconds_of(duration: float | str) -> float:
    """Read a duration: seconds, or text such as ``"45s"``, ``"90m"``, ``"24h"``, ``"7d"``.

    Raises
    ------
    BadRequest
        If it is neither, or not above zero.
    """
    if isinstance(duration, str):
        found = _DURATION.match(duration)
        seconds = float(found[1]) * _SECONDS[found[2]] if found else math.nan
    else:
        # Python's whole numbers have no end, and above 1e308 no float is equal to them.
        seconds = float(duration) if 0 < duration < 1e308 and duration is not True else math.nan
    if not 0 < seconds < math.inf:
        raise BadRequest(
            'expires is seconds above 0, or text such as "45s", "90m", "24h", "7d";'
            f" got {duration!r}"
        )
    return seconds


def _duration(seconds: float) -> str:
    """Write a duration as it may be asked for: the largest unit that divides it."""
    units = [unit for unit, size in _SECONDS.items() if seconds % size == 0]
    return f"{seconds / _SECONDS[units[-1]]:g}{units[-1]}" if units else f"{seconds:g}s"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a link is asked to show, and for how long."""

    kernel_id: str
    streams: tuple[str, ...]  # globs; empty: all
    send: tuple[str, ...]  # user events its holders may send
    label: str
    seconds: float

    @classmethod
    def of(cls, kernel_id: str, share: Share, *, bounds: limits.Links) -> Terms:
        """Check what ``$share`` or ``POST links`` asks for.

        Raises
        ------
        BadRequest
            If it asks for longer, for more, or for other names than there may be.
        """
        seconds = seconds_of(share.expires)
        if seconds > bounds.lifetime_seconds:
            raise BadRequest(
                f"a link may live {_duration(bounds.lifetime_seconds)} here"
                f" (c.JupyterSio.link_max_lifetime); got {share.expires!r}"
            )
        for key, names in (("streams", share.streams), ("send", share.send)):
            if len(names) > bounds.names:
                raise BadRequest(f"{key} may hold {bounds.names} names; got {len(names)}")
            for name in names:
                if not name or len(name.encode("utf-8", "replace")) > bounds.name_bytes:
                    raise BadRequest(f"each of {key} has 1 to {bounds.name_bytes} bytes")
        for event in share.send:
            if event.startswith("$") or event in ("connect", "disconnect", "connect_error", "*"):
                raise BadRequest(f"{event!r} is a reserved name: send lists events of your own")
        if len(share.label) > limits.MAX_NAME_TEXT:
            raise BadRequest(f"a label may have {limits.MAX_NAME_TEXT} characters")
        return cls(kernel_id, share.streams, share.send, share.label, seconds)


@dataclass(eq=False, slots=True)
class Link:
    """A read-only link. Its secret is not in it, nor kept anywhere.

    Attributes
    ----------
    created, expires : int
        ms since 1970.
    maker : str
        Who made it, for people; ``"kernel"`` for ``sio.share``.
    uses : int
        Tickets given for it.
    last_used : int or None
        When the last one was given, ms since 1970.
    """

    id: str
    terms: Terms
    created: int
    expires: int
    maker: str
    uses: int = 0
    last_used: int | None = None

    def used(self, now_ms: int) -> None:
        """Count one use."""
        self.uses += 1
        self.last_used = now_ms

    def entry(self) -> dict[str, Any]:
        """Write it as ``GET links`` tells it."""
        return {
            "id": self.id,
            "kernel_id": self.terms.kernel_id,
            "streams": list(self.terms.streams),
            "send": list(self.terms.send),
            "label": self.terms.label,
            "created": self.created,
            "expires": self.expires,
            "maker": self.maker,
            "uses": self.uses,
            "last_used": self.last_used,
        }


class LinkTable:
    """Links by the hash of their secret; what ended is remembered for a while, to say why.

    Attributes
    ----------
    forgotten : int
        Ended links whose reason left because there were too many.
    """

    def __init__(self, bounds: limits.Links) -> None:
        self._bounds = bounds
        self._by_hash: dict[bytes, Link] = {}
        self._hashes: dict[str, bytes] = {}
        self._by_kernel: dict[str, dict[str, Link]] = {}
        self._ended: OrderedDict[bytes, str] = OrderedDict()
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._by_hash)

    def __iter__(self) -> Iterator[Link]:
        return iter(list(self._by_hash.values()))

    def add(self, secret: str, link: Link) -> None:
        """Take in a new link.

        Raises
        ------
        Overflow
            If there are as many as there may be.
        """
        if len(self) >= self._bounds.links:
            raise Overflow(f"there are {self._bounds.links} links already; revoke one first")
        hashed = _hashed(secret)
        self._by_hash[hashed] = link
        self._hashes[link.id] = hashed
        self._by_kernel.setdefault(link.terms.kernel_id, {})[link.id] = link

    def find(self, secret: str, *, now_ms: int) -> Link:
        """Find the link of a secret.

        Raises
        ------
        Refused
            3500 if it never was one; 3512 if it has ended, with the reason.
        """
        hashed = _hashed(secret)
        link = self._by_hash.get(hashed)
        if link is None:
            why = self._ended.get(hashed)
            if why is None:
                raise Refused("there is no such link", code=Code.BAD_CREDENTIAL)
            raise Refused(why, code=Code.LINK_REVOKED)
        if now_ms >= link.expires:
            raise Refused(EXPIRED, code=Code.LINK_REVOKED)
        return link

    def get(self, link_id: str) -> Link | None:
        """Find a link by its id."""
        hashed = self._hashes.get(link_id)
        return None if hashed is None else self._by_hash[hashed]

    def of_kernel(self, kernel_id: str) -> list[Link]:
        """List a kernel's links."""
        return list(self._by_kernel.get(kernel_id, {}).values())

    def expired(self, *, now_ms: int) -> list[Link]:
        """List the links whose time is over and that were not ended yet."""
        return [link for link in self if now_ms >= link.expires]

    def end(self, link: Link, why: str) -> None:
        """Take a link out; who still comes with its secret is told ``why``."""
        hashed = self._hashes.pop(link.id, None)
        if hashed is None:
            return
        del self._by_hash[hashed]
        of_kernel = self._by_kernel[link.terms.kernel_id]
        del of_kernel[link.id]
        if not of_kernel:
            del self._by_kernel[link.terms.kernel_id]
        self._ended[hashed] = why
        if len(self._ended) > self._bounds.ended_links:
            self._ended.popitem(last=False)
            self.forgotten += 1


def share_of(body: Mapping[str, Any]) -> tuple[str, Share]:
    """Read the body of ``POST links``: a kernel's id, and what ``$share`` says too.

    Raises
    ------
    BadRequest
        If a field is of another form.
    """
    kernel_id = body.get("kernel_id")
    if not isinstance(kernel_id, str):
        raise BadRequest("kernel_id must be the id of a kernel of this server")
    return kernel_id, Share.parse([dict(body)])


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
