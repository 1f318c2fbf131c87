"""Who comes to the door, and how: the rows and columns of the handshake tables.

The words are those of ``handshakes.csv`` and ``transports.csv``.
"""

from __future__ import annotations

import base64
import re
import secrets
import time
from collections.abc import Callable, Iterator

from jupyter_sio.protocol.grants import Access, Claim
from jupyter_sio.protocol.messages import Grant, Share
from jupyter_sio.server.links import rights_of_kernel
from tests.integration.conftest import EPOCH, Server
from tests.security.raw import UPGRADE
from tests.wire import claim_of

Query = list[tuple[str, str]]
Header = list[tuple[str, str]]

WS: Query = [("EIO", "4"), ("transport", "websocket")]


def origins(host: str) -> dict[str, Header]:
    """Every Origin a request for ``host`` (with its port) may come with."""
    name, _, port = host.partition(":")
    port = port or "80"
    return {
        "none": [],
        "same": [("Origin", f"http://{host}")],
        "SAME": [("Origin", f"HTTP://{host.upper()}")],
        "https": [("Origin", f"https://{host}")],
        "evil": [("Origin", "http://evil.example")],
        "null": [("Origin", "null")],
        "empty": [("Origin", "")],
        "port": [("Origin", f"http://{name}:{int(port) + 1}")],
        "prefix": [("Origin", f"http://{name}.evil.example:{port}")],
        "suffix": [("Origin", f"http://evil{name}:{port}")],
        "dot": [("Origin", f"http://{name}.:{port}")],
        "user": [("Origin", f"http://user@{host}")],
        "userinfo": [("Origin", f"http://{host}@evil.example")],
        "two": [("Origin", f"http://{host}"), ("Origin", "http://evil.example")],
        "old": [("Sec-WebSocket-Origin", "http://evil.example")],
    }


def hosts(port: int) -> dict[str, str]:
    """Every Host, by its word."""
    return {
        "ip": f"127.0.0.1:{port}",
        "localhost": f"localhost:{port}",
        "LOCALHOST": f"LOCALHOST:{port}",
        "evil": "evil.example",
        "rebound": f"evil.example:{port}",
        "nested": f"127.0.0.1.evil.example:{port}",
    }


def transports() -> dict[str, tuple[str, Query, Header]]:
    """Every way to ask: method, query, and the headers of an upgrade or none."""

    def without(name: str, *more: tuple[str, str]) -> Header:
        return [header for header in UPGRADE if header[0] != name] + list(more)

    upgrade = list(UPGRADE)
    polling: Query = [("EIO", "4"), ("transport", "polling")]
    version = ("Sec-WebSocket-Version", "99")
    return {
        "websocket": ("GET", WS, upgrade),
        "polling": ("GET", polling, []),
        "polling+upgrade": ("GET", polling, upgrade),
        "jsonp": ("GET", [*polling, ("j", "0")], []),
        "polling POST": ("POST", polling, []),
        "polling+sid": ("GET", [*polling, ("sid", "AAAAAAAAAAAAAAAAAAAA")], []),
        "no EIO": ("GET", WS[1:], upgrade),
        "EIO=3": ("GET", [("EIO", "3"), WS[1]], upgrade),
        "EIO=": ("GET", [("EIO", ""), WS[1]], upgrade),
        "EIO twice": ("GET", [*WS, ("EIO", "3")], upgrade),
        "no transport": ("GET", WS[:1], upgrade),
        "webtransport": ("GET", [WS[0], ("transport", "webtransport")], upgrade),
        "transport twice": ("GET", [*WS, ("transport", "polling")], upgrade),
        "sid": ("GET", [*WS, ("sid", "AAAAAAAAAAAAAAAAAAAA")], upgrade),
        "no Upgrade": ("GET", WS, []),
        "other Upgrade": ("GET", WS, without("Upgrade", ("Upgrade", "h2c"))),
        "no Connection": ("GET", WS, without("Connection")),
        "no key": ("GET", WS, without("Sec-WebSocket-Key")),
        "version 99": ("GET", WS, without("Sec-WebSocket-Version", version)),
        "HEAD": ("HEAD", WS, upgrade),
        "POST": ("POST", WS, upgrade),
        "PUT": ("PUT", WS, upgrade),
        "DELETE": ("DELETE", WS, upgrade),
        "OPTIONS": ("OPTIONS", WS, upgrade),
        "BREW": ("BREW", WS, upgrade),
    }


class Credentials:
    """Makes each credential anew for every request: a ticket lasts for one."""

    def __init__(self, server: Server, kernel_id: str, *, cookie: str, rotated: str) -> None:
        self._server = server
        self._kernel_id = kernel_id
        self._made: Access | None = None
        self._cookie = ("Cookie", cookie)
        self._rotated = ("Cookie", rotated)
        # The signature is at the end of each cookie's value.
        self._forged = ("Cookie", re.sub(r'.{4}("?)(;|$)', r"0000\1\2", cookie))
        (self._doorkeeper,) = {
            id(options["doorkeeper"]): options["doorkeeper"]
            for _, _, options in server.sio.handlers
            if "doorkeeper" in options
        }.values()

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers())

    def make(self, who: str) -> tuple[Query, Header]:
        """Make one: what it adds to the query, and to the headers."""
        return self._makers()[who]()

    def _makers(self) -> dict[str, Callable[[], tuple[Query, Header]]]:
        token = self._server.token
        basic = base64.b64encode(f":{token}".encode()).decode()

        def authorization(value: str) -> Header:
            return [("Authorization", value)]

        return {
            "none": lambda: ([], []),
            "header": lambda: ([], authorization(f"token {token}")),
            "header wrong": lambda: ([], authorization("token wrong")),
            "header empty": lambda: ([], authorization("")),
            "bearer": lambda: ([], authorization(f"Bearer {token}")),
            "bearer wrong": lambda: ([], authorization("bearer x")),
            "basic": lambda: ([], authorization(f"Basic {basic}")),
            "?token": lambda: ([("token", token)], []),
            "?token wrong": lambda: ([("token", "wrong")], []),
            "?token empty": lambda: ([("token", "")], []),
            "?token twice": lambda: ([("token", token), ("token", "wrong")], []),
            "?token+header": lambda: ([("token", token)], authorization(f"token {token}")),
            "cookie": lambda: ([], [self._cookie]),
            "cookie forged": lambda: ([], [self._forged]),
            "cookie rotated": lambda: ([], [self._rotated]),
            "cookie+header": lambda: ([], [self._cookie, *authorization(f"token {token}")]),
            "cookie+wrong": lambda: ([], [self._cookie, *authorization("token wrong")]),
            "claim ticket": lambda: ([("ticket", self.ticket())], []),
            "link ticket": lambda: ([("ticket", self.link_ticket())], []),
            "link ended": lambda: ([("ticket", self.link_ticket(ended=True))], []),
            "ticket used": lambda: ([("ticket", self.used_ticket())], []),
            "ticket expired": lambda: ([("ticket", self.expired_ticket())], []),
            "ticket unknown": lambda: ([("ticket", secrets.token_urlsafe(32))], []),
            "ticket empty": lambda: ([("ticket", "")], []),
            "ticket twice": lambda: ([("ticket", self.ticket()), ("ticket", self.ticket())], []),
            "ticket+wrong": lambda: ([("ticket", self.ticket())], authorization("token wrong")),
            "unknown+header": lambda: ([("ticket", "unknown")], authorization(f"token {token}")),
            "unknown+cookie": lambda: ([("ticket", "unknown")], [self._cookie]),
        }

    def ticket(self) -> str:
        """Get a publisher's ticket for a claim."""
        key = self._server.key(self._kernel_id)
        claim = Claim.parse(claim_of(self._kernel_id, key, pid=1, epoch=EPOCH))
        ticket: str = self._doorkeeper.ticket_for(self._doorkeeper.of_claim(claim))
        return ticket

    def link_ticket(self, *, ended: bool = False) -> str:
        """Get a ticket as the holder of a link does; ``ended``: of one revoked since."""
        access = self._link()
        ticket: str = self._doorkeeper.ticket_for(access)
        if ended:
            self._server.sio.links.revoke(access.link_id)
        return ticket

    def used_ticket(self) -> str:
        ticket = self.ticket()
        self._doorkeeper.of_ticket(ticket)
        return ticket

    def expired_ticket(self) -> str:
        ticket = secrets.token_urlsafe(32)
        self._doorkeeper.tickets.give(ticket, self._link(), now=time.monotonic() - 31)
        return ticket

    def _link(self) -> Access:
        if self._made is None or not self._server.sio.links.alive(self._made):
            share = Share(streams=("loss",), send=(), expires=60, label="guest")
            made = self._server.sio.links.make(
                self._kernel_id, share, maker="ada", rights=rights_of_kernel
            )
            watch = frozenset({Grant.WATCH})
            self._made = Access(
                "guest", watch, self._kernel_id, ("loss",), (), link_id=made.link.id
            )
        return self._made
