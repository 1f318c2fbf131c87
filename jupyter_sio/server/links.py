"""Share links as this server keeps them: made, exchanged for tickets, ended, and told about.

Owned by the server's loop.

Source: protocol.md §3 (``api/links``, ``api/tickets``), §5 (``$share``, ``$revoke``), §8 (3512).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from tornado.httputil import HTTPServerRequest

from jupyter_sio.errors import Code, NotPermitted, Overflow, Refused
from jupyter_sio.limits import Doors
from jupyter_sio.limits import Links as Bounds
from jupyter_sio.protocol import links
from jupyter_sio.protocol.grants import Access
from jupyter_sio.protocol.links import Link, LinkTable, Terms
from jupyter_sio.protocol.messages import Grant, Share
from jupyter_sio.protocol.rates import Bucket
from jupyter_sio.server.addresses import Addresses
from jupyter_sio.server.registry import KernelNamespace, Registry, now_ms

LINKS_OFF = "links are off on this server; its operator may set c.JupyterSio.allow_links = True"

# What the maker of a link may do at this moment. A kernel may do all that its owner may.
Rights: TypeAlias = Callable[[Any], Awaitable[frozenset[Grant]]]


async def rights_of_kernel(handler: Any) -> frozenset[Grant]:
    """Say what a link may show that a kernel made: whatever it publishes."""
    return frozenset({Grant.WATCH, Grant.SEND, Grant.MANAGE})


@dataclass(frozen=True, slots=True)
class Made:
    """A new link with its secret, which is told once and kept nowhere."""

    link: Link
    secret: str
    path: str
    url: str

    def answer(self) -> dict[str, Any]:
        """Write it as ``POST links`` and ``$share`` answer it."""
        entry = {k: v for k, v in self.link.entry().items() if k not in ("uses", "last_used")}
        return {**entry, "secret": self.secret, "path": self.path, "url": self.url}

    def __repr__(self) -> str:
        return f"Made({self.link.id!r})"


class Links:
    """Every share link of this server.

    Parameters
    ----------
    allowed : bool
        False: none can be made, and none opens anything.
    tell : callable
        Told of what happens: the action, and the link.

    Attributes
    ----------
    refused : int
        Attempts to use a link that were refused.
    limited : int
        Attempts that were not even looked at: too many had failed from that address.
    """

    def __init__(
        self,
        *,
        registry: Registry,
        bounds: Bounds,
        doors: Doors,
        allowed: bool,
        addresses: Addresses,
        tell: Callable[[str, Link], None],
    ) -> None:
        self.allowed = allowed
        self._registry = registry
        self._bounds = bounds
        self._addresses = addresses
        self._tell = tell
        self._table = LinkTable(bounds)
        self._rights: dict[Link, Rights] = {}
        self._attempts = _Attempts(doors)
        self._timer: asyncio.TimerHandle | None = None
        self.refused = 0
        self.limited = 0

    @property
    def links(self) -> int:
        """How many have not ended."""
        return len(self._table)

    # --- making and ending -------------------------------------------------------------------

    def make(
        self,
        kernel_id: str,
        share: Share,
        *,
        maker: str,
        rights: Rights,
        request: HTTPServerRequest | None = None,
    ) -> Made:
        """Make a link to a live kernel.

        Raises
        ------
        NotPermitted
            If links are off, or there is no such kernel.
        BadRequest
            If what is asked for cannot be.
        Overflow
            If there are as many links as there may be.
        """
        if not self.allowed:
            raise NotPermitted(LINKS_OFF)
        namespace = self._registry.namespaces.get(kernel_id)
        if namespace is None or namespace.lifetime.ended:
            raise NotPermitted("there is no such kernel here")
        terms = Terms.of(kernel_id, share, bounds=self._bounds)
        now = now_ms()
        link = Link(secrets.token_hex(6), terms, now, now + round(terms.seconds * 1000), maker)
        secret = secrets.token_urlsafe(32)
        self._table.add(secret, link)
        self._rights[link] = rights
        self._watch_the_clock()
        self._tell("created", link)
        addresses, fragment = self._addresses, f"#{secret}"
        return Made(
            link, secret, addresses.page_path + fragment, addresses.page(request) + fragment
        )

    def get(self, link_id: str) -> Link | None:
        """Find a link that has not ended by its id."""
        return self._table.get(link_id)

    def revoke(self, link_id: str) -> bool:
        """End a link at once, and show everybody out who came by it; False if there is none."""
        link = self._table.get(link_id)
        if link is None:
            return False
        self._end(link, "revoked", links.REVOKED)
        return True

    def kernel_gone(self, namespace: KernelNamespace) -> None:
        """End the links of a kernel whose namespace was closed."""
        for link in self._table.of_kernel(namespace.kernel_id):
            self._end(link, "kernel_ended", links.KERNEL_ENDED)

    def stop(self) -> None:
        """Look at the clock no more; may be called again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self, link: Link, action: str, why: str) -> None:
        self._table.end(link, why)
        self._rights.pop(link, None)
        namespace = self._registry.namespaces.get(link.terms.kernel_id)
        for viewer in list(namespace.viewers.values()) if namespace else ():
            if viewer.access.link_id == link.id:
                viewer.client.leave(Code.LINK_REVOKED, why)
        self._tell(action, link)

    def _watch_the_clock(self) -> None:
        self.stop()
        if len(self._table):
            soonest = min(link.expires for link in self._table)
            # The wall clock may be set: look again before long, whatever it says now.
            wait = min(max(0.0, (soonest - now_ms()) / 1000), self._bounds.look_seconds)
            self._timer = asyncio.get_running_loop().call_later(wait, self._end_expired)

    def _end_expired(self) -> None:
        for link in self._table.expired(now_ms=now_ms()):
            self._end(link, "expired", links.EXPIRED)
        self._watch_the_clock()

    # --- using -------------------------------------------------------------------------------

    async def redeem(self, secret: str, handler: Any) -> Access:
        """Say what a link's holder may do.

        Raises
        ------
        Overflow
            If too many attempts from this address have failed.
        Refused
            3500 for what never was a link, 3512 for one that has ended, 3507 where links are off.
        """
        if not self.allowed:
            raise NotPermitted(LINKS_OFF)
        address, now = str(handler.request.remote_ip), time.monotonic()
        if self._attempts.exhausted(address, now=now):
            self.limited += 1
            raise Overflow("too many links from your address were wrong; wait a minute")
        try:
            link = self._table.find(secret, now_ms=now_ms())
            access = await self._access(link, handler)
        except Refused:
            self.refused += 1
            self._attempts.failed(address, now=now)
            raise
        link.used(now_ms())
        self._tell("used", link)
        return access

    async def still(self, access: Access, handler: Any) -> Access:
        """Say what the holder of ``access``, who came by a link, may do now; raises as ``redeem``.

        Only of a link that was not ended meanwhile: those sockets are closed by then.
        """
        link = self._table.get(access.link_id or "")
        if link is None:
            raise Refused(links.REVOKED, code=Code.LINK_REVOKED)
        return await self._access(link, handler)

    def alive(self, access: Access) -> bool:
        """Whether the link that ``access`` came by, if any, has not ended."""
        return access.link_id is None or self._table.get(access.link_id) is not None

    async def _access(self, link: Link, handler: Any) -> Access:
        # Never more than its maker may do at this very moment.
        rights = await self._rights[link](handler)
        if not rights >= {Grant.WATCH, Grant.MANAGE}:
            raise Refused(links.RIGHTS_LOST, code=Code.LINK_REVOKED)
        if not self.alive(access := _access_by(link, rights)):
            raise Refused(links.REVOKED, code=Code.LINK_REVOKED)
        return access

    # --- telling -----------------------------------------------------------------------------

    def entries(self) -> list[dict[str, Any]]:
        """List the links, each with who watches by it now."""
        return [{**link.entry(), "viewers": self._viewers(link)} for link in self._table]

    def _viewers(self, link: Link) -> list[dict[str, Any]]:
        namespace = self._registry.namespaces.get(link.terms.kernel_id)
        return [
            {"id": viewer.id, "name": viewer.name, "since": viewer.since}
            for viewer in (namespace.viewers.values() if namespace else ())
            if viewer.access.link_id == link.id
        ]


class _Attempts:
    """Failed attempts by address; bounded: the address that failed longest ago leaves first."""

    def __init__(self, bounds: Doors) -> None:
        self._bounds = bounds
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def exhausted(self, address: str, *, now: float) -> bool:
        """Whether this address may not try at this moment."""
        bucket = self._buckets.get(address)
        return bucket is not None and bucket.empty(now=now)

    def failed(self, address: str, *, now: float) -> None:
        """Count a failure."""
        bounds = self._bounds
        bucket = self._buckets.pop(address, None) or Bucket(
            per_second=bounds.link_failures_per_second, burst=bounds.link_failures, now=now
        )
        bucket.take(now=now)
        self._buckets[address] = bucket
        if len(self._buckets) > bounds.link_addresses:
            self._buckets.popitem(last=False)


def _access_by(link: Link, rights: frozenset[Grant]) -> Access:
    events = link.terms.send if Grant.SEND in rights else ()
    return Access(
        user=link.terms.label or "link",
        grants=frozenset({Grant.WATCH, Grant.SEND} if events else {Grant.WATCH}),
        kernel_id=link.terms.kernel_id,
        streams=link.terms.streams,
        events=events,
        link_id=link.id,
    )
