"""Jupyter identity + authorizer + ticket -> Access. The only file that says who may.

Source: protocol.md §3.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import JupyterHandler
from tornado import web

from jupyter_sio.errors import Code, Refused
from jupyter_sio.limits import Doors
from jupyter_sio.protocol.grants import GRANT_OF_ACTION, Access, Claim, Nonces, Tickets
from jupyter_sio.protocol.links import REVOKED
from jupyter_sio.protocol.messages import Grant
from jupyter_sio.server.guests import only_watches

RESOURCE = "jupyter_sio"
_CLAIM_REFUSED = "the claim was not accepted"


class Doorkeeper:
    """Gives and takes tickets, and says what a Jupyter identity may do. Owned by the loop."""

    def __init__(
        self, *, kernel_manager: Any, bounds: Doors, alive: Callable[[Access], bool]
    ) -> None:
        self._kernel_manager = kernel_manager
        self._bounds = bounds
        self._alive = alive
        self._nonces = Nonces(bounds)
        self.tickets = Tickets(bounds)
        self.refused_bodies = 0  # of requests, because they were too large
        # Compared against when the kernel is unknown, so that both refusals cost the same.
        self._no_key = secrets.token_bytes(32)

    async def of_identity(self, handler: JupyterHandler) -> Access:
        """Say what the handler's Jupyter user may do; nothing at all is an empty set of grants."""
        user = handler.current_user
        return Access(user=name_of(user), grants=await rights_of(user, handler))

    def of_ticket(self, secret: str) -> Access:
        """Use a ticket up.

        Raises
        ------
        Refused
            If it is unknown, used or too old, or if the link it was given for has ended.
        """
        access = self.tickets.use(secret, now=time.monotonic())
        if not self._alive(access):
            raise Refused(REVOKED, code=Code.LINK_REVOKED)
        return access

    def ticket_for(self, access: Access) -> str:
        """Make a ticket that opens one socket with ``access``; it lives ``ticket_seconds``."""
        secret = secrets.token_urlsafe(32)
        self.tickets.give(secret, access, now=time.monotonic())
        return secret

    def of_claim(self, claim: Claim) -> Access:
        """Check a claim's time, nonce and proof.

        Raises
        ------
        Refused
            For an unknown kernel, a wrong proof, an old time or a used nonce: always the same
            words, so that nobody learns which kernels exist.
        """
        key = self._key_of(claim.kernel_id)
        proven = claim.proven_by(key or self._no_key) and bool(key)
        timely = abs(time.time() - claim.time) <= self._bounds.claim_skew_seconds
        # Only a proven claim may use a nonce up: strangers must not fill the table.
        if not (proven and timely and self._nonces.use(claim.nonce, now=time.monotonic())):
            raise Refused(_CLAIM_REFUSED)
        return Access(
            user="kernel",
            grants=frozenset({Grant.PUBLISH}),
            kernel_id=claim.kernel_id,
            claim=claim,
        )

    def _key_of(self, kernel_id: str) -> bytes:
        """Get a kernel's key; empty where there is no kernel, or no signing."""
        try:
            return bytes(self._kernel_manager.get_kernel(kernel_id).session.key)
        except (KeyError, AttributeError, web.HTTPError):
            return b""


def describe(access: Access) -> Mapping[str, Any]:
    """Write what a ticket opens, as ``POST tickets`` answers it."""
    return {
        "kernel_id": access.kernel_id,
        "grants": sorted(grant.value for grant in access.grants),
        "streams": list(access.streams),
        "events": list(access.events or ()),
    }


@dataclass(frozen=True)
class Identity:
    """Whose a request is, so that the next one can be told to be theirs or another's."""

    username: str
    token: bytes | None = field(repr=False)  # a digest of what it was proven with, if by a token
    anybody: bool  # Jupyter asks nobody who they are

    @classmethod
    def of(cls, handler: JupyterHandler) -> Identity:
        """Read it from a request that Jupyter knows the user of."""
        provider, token = handler.identity_provider, None
        if handler.token_authenticated:
            token = hashlib.sha256((provider.get_token(handler) or "").encode()).digest()
        username = str(getattr(handler.current_user, "username", handler.current_user))
        return cls(username, token, not provider.auth_enabled)

    def same_as(self, other: Identity) -> bool:
        """Whether both are one user's, or proven by one token.

        Of a token alone Jupyter makes a new name for every request that brings no cookie.
        """
        if self.username == other.username or (self.anybody and other.anybody):
            return True
        both = self.token is not None and other.token is not None
        return both and hmac.compare_digest(self.token or b"", other.token or b"")


async def rights_of(user: Any, handler: JupyterHandler) -> frozenset[Grant]:
    """Ask what a user may do at this moment; ``handler`` is of the request that asks."""
    asked = GRANT_OF_ACTION.items()
    return frozenset({grant for action, grant in asked if await may(action, user, handler)})


async def may(action: str, user: Any, handler: JupyterHandler) -> bool:
    """Ask Jupyter's authorizer about one action on ours.

    A guest under JupyterHub, whom the authorizer would allow everything, may ``read``.
    """
    authorized = handler.authorizer.is_authorized(handler, user, action, RESOURCE)
    if not await ensure_async(authorized):
        return False
    return action == "read" or not only_watches(user, handler.authorizer)


def name_of(user: Any) -> str:
    """Name a Jupyter user, for people."""
    for attribute in ("display_name", "name", "username"):
        if value := getattr(user, attribute, None):
            return str(value)
    return str(user)
