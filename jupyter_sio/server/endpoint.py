"""The Socket.IO door: identity or ticket, host, origin and transport are checked before 101.

A refusal is an HTTP 4xx before the upgrade, always. What comes after 101 is ``session.py``; of
requests that poll, where that is on, ``polls.py``.

Source: protocol.md §3; the traps are named where they are avoided.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any
from urllib.parse import parse_qsl, urlencode

from engineio.async_drivers.tornado import translate_request
from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado import web
from tornado.websocket import WebSocketHandler, WebSocketProtocol, WebSocketProtocol13

from jupyter_sio.errors import Refused
from jupyter_sio.limits import Limits
from jupyter_sio.protocol.grants import Access
from jupyter_sio.protocol.messages import Grant
from jupyter_sio.server.access import Doorkeeper, Identity
from jupyter_sio.server.discreet import Discreet
from jupyter_sio.server.polls import Poll, Polls, Upgrade
from jupyter_sio.server.router import Router
from jupyter_sio.server.session import Session
from jupyter_sio.server.websocket import BoundedProtocol

_SECRETS = frozenset({"ticket", "token", "_xsrf"})


@web.stream_request_body
class SocketHandler(Discreet, WebSocketMixin, WebSocketHandler, JupyterHandler):
    """``jupyter-sio/socket.io/``; one instance per request, owned by the server's loop.

    ``polls`` are None where there is no polling, as it is unless the operator says otherwise.
    """

    auth_resource = "jupyter_sio"
    # WebSocketMixin's are milliseconds, tornado's seconds; Engine.IO pings by itself.
    ping_interval = None
    ping_timeout = None

    def initialize(
        self, *, router: Router, doorkeeper: Doorkeeper, limits: Limits, polls: Polls | None
    ) -> None:
        """Take the parts this door leads to."""
        self._router = router
        self._doorkeeper = doorkeeper
        self._limits = limits
        self._polls = polls
        self._access: Access | None = None
        self._by_ticket = False
        self._refused: Refused | None = None
        self._session: Session | None = None
        self._poll: Poll | None = None
        self._upgrade: Upgrade | None = None
        self._body = bytearray()
        self._use_ticket()

    def set_default_headers(self) -> None:
        """Set none: the answer to a handshake is the upgrade, or a plain refusal."""

    def compute_etag(self) -> None:
        """Compute none: what is polled is never asked for again."""

    def get_compression_options(self) -> None:
        """Refuse permessage-deflate: it costs 20 times the CPU for 5 % fewer bytes."""
        return

    @property
    def max_message_size(self) -> int:
        """Bytes of one frame; tornado's own 10 MiB would be taken in before we could say no."""
        inbound = self._limits.inbound
        publisher = self._access is not None and self._access.publisher
        return inbound.kernel_bytes if publisher else inbound.viewer_bytes

    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        """Speak WebSocket as tornado does, but for messages that are too large."""
        protocol = super().get_websocket_protocol()
        if not isinstance(protocol, WebSocketProtocol13):  # another version: 426
            return protocol
        return BoundedProtocol(self, protocol.params)

    @property
    def _polling(self) -> bool:
        return self._polls is not None and self.get_query_arguments("transport") == ["polling"]

    async def prepare(self) -> None:  # type: ignore[override]
        """Decide everything that is decided before 101, or before a body is read."""
        if self._refused is not None:
            raise web.HTTPError(403, str(self._refused)) from self._refused
        await super().prepare()
        if self._finished:
            return
        self._check_handshake()
        if self._access is None:
            if self.current_user is None:
                raise web.HTTPError(403, "a Jupyter identity or a ticket is needed")
            self._access = await self._doorkeeper.of_identity(self)
            if Grant.WATCH not in self._access.grants:
                raise web.HTTPError(403, "not permitted to watch")
        if not self.check_origin() or self._from_another_site():
            raise web.HTTPError(403, "this origin may not connect")
        if self.get_query_arguments("sid"):
            self._find_poll()
        else:
            self._check_room()

    def _use_ticket(self) -> None:
        # A ticket is used up by the first request that carries it, whatever the answer: also by one
        # whose method tornado refuses before `prepare`, or that another ticket makes unreadable.
        found = self.request.query_arguments.get("ticket", [])
        tickets = [ticket.decode(errors="replace") for ticket in found if ticket]
        if not tickets:
            return
        self._by_ticket = True
        # Requests are logged with their uri, and Jupyter hides tokens only.
        self.request.uri = f"{self.request.path}?ticket=[secret]"
        if len(tickets) > 1:
            self._refused = Refused("one ticket opens one socket")
        for ticket in tickets:
            try:
                self._access = self._doorkeeper.of_ticket(ticket)
            except Refused as exc:
                self._refused = exc

    def _check_handshake(self) -> None:
        if self.request.method != "GET" and not self._polling:
            raise web.HTTPError(405, "Socket.IO is spoken over a WebSocket here: use GET")
        if self.get_query_arguments("EIO") != ["4"]:
            raise web.HTTPError(400, "Engine.IO protocol 4 is needed: EIO=4")
        sids = self.get_query_arguments("sid")
        if self._polling:
            self._check_poll(sids)
            return
        if self.get_query_arguments("transport") != ["websocket"]:
            raise web.HTTPError(400, "only transport=websocket is open")
        if sids and (self._polls is None or self._by_ticket or len(sids) > 1):
            raise web.HTTPError(400, "a session cannot be joined by its sid")
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            raise web.HTTPError(400, "a WebSocket upgrade is needed")

    def _check_poll(self, sids: list[str]) -> None:
        if self._by_ticket:
            raise web.HTTPError(400, "a ticket opens a WebSocket, and no more")
        if self.get_query_arguments("j"):
            raise web.HTTPError(400, "JSONP is not spoken here")
        if self.request.method not in ("GET", "POST") or len(sids) > 1:
            raise web.HTTPError(400, "poll with GET, send with POST, and name one session")
        if self.request.method == "POST" and not sids:
            raise web.HTTPError(400, "a session is opened with GET")

    def _from_another_site(self) -> bool:
        """Whether a browser says that a page of another site asks, without naming its origin.

        So ``<script src=…>`` and ``<img>`` ask; Jupyter's XSRF token guards POST alone.
        """
        if not self._polling or self.skip_check_origin() or "Origin" in self.request.headers:
            return False
        return self.request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none")

    def _find_poll(self) -> None:
        assert self._polls is not None and self._access is not None
        (sid,) = self.get_query_arguments("sid")
        self._poll = self._polls.find(sid, Identity.of(self), self._access)
        if not self._polling:
            if self._poll.session.closing or self._poll.upgrade is not None:
                self._poll = None
                raise web.HTTPError(400, "there is no such session")
        elif self.request.method == "POST":
            self._expect_body(self._polls, self._poll)

    def _expect_body(self, polls: Polls, poll: Poll) -> None:
        most = self._limits.inbound.post_bytes
        length = self.request.headers.get("Content-Length", "")
        self._poll = None  # what belongs to no payload is dropped as it comes
        if length.isdecimal() and int(length) > most:
            raise polls.too_large(poll)
        polls.begin_post(poll)
        self._poll = poll
        connection: Any = self.request.connection
        connection.set_max_body_size(most)
        connection.set_body_timeout(self._limits.inbound.post_seconds)

    def _check_room(self) -> None:
        # Of polled sessions some are over, and wait a moment to say why.
        leaving = 0 if self._polls is None else self._polls.leaving
        taken = len(self._router.eio.sockets) + leaving + len(self._router.arriving)
        if taken >= self._limits.connections.connections:
            self._router.count("refused_connections")
            raise web.HTTPError(429, "too many connections (3504)")
        # Its place is its own from here on: the loop may run before it is open.
        self._router.arriving.add(self)

    def skip_check_origin(self) -> bool:
        """Only a ticket or a token in a header frees from the origin check.

        Jupyter frees ``?token=`` too; a leaked URL would then work from any page.
        """
        if self._by_ticket:
            return True
        in_header = "Authorization" in self.request.headers and not self.get_query_argument(
            "token", ""
        )
        return bool(in_header and self.token_authenticated)

    def data_received(self, chunk: bytes) -> None:
        """Keep a part of a payload; any other body is dropped."""
        if self._poll is not None and self.request.method == "POST":
            self._body += chunk

    @allow_unauthenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Upgrade, or poll: whoever came as far as here was let in by ``prepare``."""
        if not self._polling:
            await WebSocketHandler.get(self, *args, **kwargs)
            return
        assert self._polls is not None and self._access is not None
        if self._poll is None:
            self._poll = self._polls.open(
                self, self._access, Identity.of(self), self._environ(self._access)
            )
        await self._polls.get(self._poll, self)

    @allow_unauthenticated
    async def post(self) -> None:
        """Take what a polled session's client sends."""
        assert self._polls is not None and self._poll is not None
        await self._polls.post(self._poll, self, bytes(self._body))

    def on_finish(self) -> None:
        """Give the place back that a handshake had: a session stands in its own, or there is none.

        tornado calls this before ``open``, and in the same step of the loop.
        """
        self._router.arriving.discard(self)
        super().on_finish()

    @allow_unauthenticated
    def options(self) -> None:
        """Refuse, in ``prepare``."""

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Begin the session. (WebSocketMixin's own pings are not started.)."""
        assert self._access is not None
        if self._poll is not None:
            assert self._polls is not None
            self._upgrade = self._polls.upgrade(self._poll, self)
        else:
            self._session = self._router.open(self, self._access, self._environ(self._access))

    def _environ(self, access: Access) -> dict[str, Any]:
        """Write what handlers are told of the request."""
        environ: dict[str, Any] = translate_request(self)
        # engineio's driver writes 127.0.0.1 and http whatever came; see facts on python-socketio.
        environ["REMOTE_ADDR"] = self.request.remote_ip
        environ["wsgi.url_scheme"] = self.request.protocol
        environ["jupyter_sio.user"] = access.user
        environ["jupyter_sio.access"] = access
        # No secret travels on to handlers: they get who it is, not how that was proven.
        for secret in ("HTTP_AUTHORIZATION", "HTTP_COOKIE"):
            environ.pop(secret, None)
        query = [(k, v) for k, v in parse_qsl(self.request.query) if k not in _SECRETS]
        environ["QUERY_STRING"] = urlencode(query)
        environ["RAW_URI"] = f"{self.request.path}?{environ['QUERY_STRING']}"
        return environ

    def on_message(self, message: str | bytes) -> Awaitable[None] | None:
        """Hand one frame on; tornado reads no further until what is returned is done."""
        taker = self._session or self._upgrade
        return taker.receive(message) if taker is not None else None

    def on_too_large(self, size: int) -> None:
        """End the connection for a message that is not taken in."""
        taker = self._session or self._upgrade
        if taker is not None:
            taker.too_large(size)

    def on_close(self) -> None:
        """Tell the session that its socket is gone, or a request that belonged to it."""
        if self._session is not None:
            self._session.finished()
        elif self._upgrade is not None:
            self._upgrade.closed()
        elif self._poll is not None and self._polling:
            self._poll.hung_up()

    def on_connection_close(self) -> None:
        """Give up the rest of the body too: tornado's WebSocketHandler would wait for it."""
        web.RequestHandler.on_connection_close(self)
        super().on_connection_close()
