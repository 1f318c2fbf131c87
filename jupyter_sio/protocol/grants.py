"""Claims, tickets and grants: canonical bytes, signing, verifying, using up.

Nothing here reads a clock or draws a random number: ``now`` and secrets are arguments.

Source: protocol.md §3.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from jupyter_sio import limits
from jupyter_sio.errors import BadRequest, Refused
from jupyter_sio.protocol.messages import Grant, is_hex

CLAIM_LABEL = "jupyter-sio/claim/1"

# What Jupyter's authorizer says yes to -> what that grants. Source: protocol.md §3.
GRANT_OF_ACTION = {"read": Grant.WATCH, "write": Grant.SEND, "execute": Grant.MANAGE}


@dataclass(frozen=True, slots=True)
class Claim:
    """A process's statement that it is the kernel ``kernel_id``; the proof is its signature."""

    kernel_id: str
    epoch: str
    pid: int
    time: int
    nonce: str
    proof: str = field(default="", repr=False)

    def canonical(self) -> bytes:
        """The bytes that are signed."""
        lines = (CLAIM_LABEL, self.kernel_id, self.epoch, str(self.pid), str(self.time), self.nonce)
        return "\n".join(lines).encode()

    def sign(self, key: bytes) -> Claim:
        """Return it with its proof, made with the kernel's connection ``key``."""
        proof = hmac.new(key, self.canonical(), hashlib.sha256).hexdigest()
        return Claim(self.kernel_id, self.epoch, self.pid, self.time, self.nonce, proof)

    def proven_by(self, key: bytes) -> bool:
        """Whether the proof was made with ``key``; in constant time."""
        wanted = hmac.new(key, self.canonical(), hashlib.sha256).hexdigest()
        return hmac.compare_digest(wanted.encode(), self.proof.encode("utf-8", "replace"))

    def body(self) -> dict[str, Any]:
        """Write it as ``POST tickets`` takes it."""
        return {
            "kernel_id": self.kernel_id,
            "epoch": self.epoch,
            "pid": self.pid,
            "time": self.time,
            "nonce": self.nonce,
            "proof": self.proof,
        }

    @classmethod
    def parse(cls, value: object) -> Claim:
        """Read a claim from a request's body.

        Raises
        ------
        BadRequest
            If a field is missing or of another form than protocol.md §3 says.
        """
        if not isinstance(value, Mapping):
            raise BadRequest("claim must be an object")
        for key in ("pid", "time"):
            number = value.get(key)
            if type(number) is not int or not 0 <= number <= limits.MAX_OFFSET:
                raise BadRequest(f"claim.{key} must be a whole number")
        if not is_hex(value.get("nonce"), 16, 64):
            raise BadRequest("claim.nonce must be 16 to 64 hex digits")
        if not is_hex(value.get("epoch"), 8, 64):
            raise BadRequest("claim.epoch must be 8 to 64 hex digits")
        kernel_id, proof = value.get("kernel_id"), value.get("proof")
        if not isinstance(kernel_id, str) or not kernel_id.isascii() or len(kernel_id) > 128:
            raise BadRequest("claim.kernel_id must be a kernel's id")
        if not isinstance(proof, str) or not proof.isascii() or len(proof) > 128:
            raise BadRequest("claim.proof must be a hex digest")
        return cls(kernel_id, value["epoch"], value["pid"], value["time"], value["nonce"], proof)


@dataclass(frozen=True, slots=True)
class Access:
    """What one socket may do; decided at the door and never by what the client says later."""

    user: str
    grants: frozenset[Grant]
    kernel_id: str | None = None  # None: any namespace; else this one kernel's alone
    streams: tuple[str, ...] = ()  # globs; empty: all
    events: tuple[str, ...] | None = None  # None: any that SEND allows; else these alone
    claim: Claim | None = None  # only a publisher has one
    link_id: str | None = None  # the share link it came by

    @property
    def publisher(self) -> bool:
        """Whether this is the process inside the kernel."""
        return Grant.PUBLISH in self.grants

    def sees_stream(self, name: str) -> bool:
        """Whether a stream's name is within what a link shows; checked whether it exists or not."""
        return not self.streams or any(fnmatchcase(name, glob) for glob in self.streams)

    def may_send(self, event: str) -> bool:
        """Whether a user event of this name may go to the kernel."""
        if self.events is not None:
            return event in self.events
        return Grant.SEND in self.grants


class Nonces:
    """Nonces already used; bounded, the oldest leaves first."""

    def __init__(self, bounds: limits.Doors) -> None:
        self._bounds = bounds
        self._seen: OrderedDict[str, float] = OrderedDict()
        self.dropped = 0  # that could still have been used again, and left because it was full

    def __len__(self) -> int:
        return len(self._seen)

    def use(self, nonce: str, *, now: float) -> bool:
        """Use ``nonce`` up; False if it was used before. ``now`` in seconds, monotonic."""
        oldest = now - 2 * self._bounds.claim_skew_seconds
        while self._seen and next(iter(self._seen.values())) < oldest:
            self._seen.popitem(last=False)
        if nonce in self._seen:
            return False
        if len(self._seen) >= self._bounds.nonces:
            self._seen.popitem(last=False)
            self.dropped += 1
        self._seen[nonce] = now
        return True


class Tickets:
    """Open tickets, kept by their hash; one use, whatever the answer; bounded."""

    def __init__(self, bounds: limits.Doors) -> None:
        self._bounds = bounds
        self._open: OrderedDict[bytes, tuple[float, Access]] = OrderedDict()
        self.dropped = 0  # unexpired tickets that left because the table was full

    def __len__(self) -> int:
        return len(self._open)

    def give(self, secret: str, access: Access, *, now: float) -> None:
        """Open a ticket for ``access`` that lives ``ticket_seconds``."""
        self._forget_expired(now)
        if len(self._open) >= self._bounds.tickets:
            self._open.popitem(last=False)
            self.dropped += 1
        self._open[_hashed(secret)] = (now + self._bounds.ticket_seconds, access)

    def use(self, secret: str, *, now: float) -> Access:
        """Use a ticket up.

        Raises
        ------
        Refused
            If it is unknown, used or too old.
        """
        expires, access = self._open.pop(_hashed(secret), (0.0, None))
        if access is None or now >= expires:
            raise Refused("the ticket is unknown, used or too old; ask for a new one")
        return access

    def _forget_expired(self, now: float) -> None:
        while self._open and next(iter(self._open.values()))[0] <= now:
            self._open.popitem(last=False)


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
