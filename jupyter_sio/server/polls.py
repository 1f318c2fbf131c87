"""The sessions that are polled: found again by their id and whose they are, and upgraded.

A session's id alone opens nothing. Every request that names it carries the identity that opened
it; to anybody else it is a session that does not exist.

Source: Engine.IO protocol v4; protocol.md §3; threats S-4, S-16.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from tornado.web import HTTPError, RequestHandler
from tornado.websocket import WebSocketHandler

from jupyter_sio.errors import BadRequest, Code
from jupyter_sio.limits import Limits
from jupyter_sio.protocol.grants import Access
from jupyter_sio.server import frames
from jupyter_sio.server.access import Identity
from jupyter_sio.server.polling import PollingTransport, packets
from jupyter_sio.server.router import Router
from jupyter_sio.server.session import Session
from jupyter_sio.server.transport import WebSocketTransport

# Packets of one request that are dealt with before others have their turn.
_TURN_PACKETS = 64
_NO_UPGRADE = "this was no upgrade"


@dataclass(eq=False)
class Poll:
    """One session that is polled."""

    session: Session
    transport: PollingTransport
    identity: Identity
    posting: bool = False
    upgrade: Upgrade | None = None

    def hung_up(self) -> None:
        """Note that one of its requests broke off: that ends a session that is still polled."""
        if self.session.transport is self.transport:
            self.session.finished()


class Polls:
    """All of them, also those whose last word waits for its client. Owned by the server's loop."""

    def __init__(self, *, router: Router, limits: Limits) -> None:
        self._router = router
        self._limits = limits
        self._polls: dict[str, Poll] = {}

    def __len__(self) -> int:
        """Count the sessions."""
        return len(self._polls)

    @property
    def leaving(self) -> int:
        """How many are over, and wait a moment for their client to ask why."""
        return sum(poll.session.closing for poll in self._polls.values())

    def find(self, sid: str, identity: Identity, access: Access) -> Poll:
        """Find the session of an identity.

        Raises
        ------
        HTTPError
            400, for an unknown session and for another's alike.
        """
        poll = self._polls.get(sid)
        if poll is None or not identity.same_as(poll.identity):
            raise HTTPError(400, "there is no such session")
        if access.grants != poll.session.access.grants:
            poll.session.bye(Code.CHECK_IDENTITY, "your rights have changed")
        return poll

    def open(
        self,
        handler: WebSocketHandler,
        access: Access,
        identity: Identity,
        environ: dict[str, Any],
    ) -> Poll:
        """Begin a session; the request that opens it is its first poll."""
        transport = PollingTransport(self._limits.transport.gathered_bytes)
        session = self._router.open(handler, access, environ, transport=transport)
        poll = self._polls[session.sid] = Poll(session, transport, identity)
        transport.on_overfull = lambda: self._overfull(session)
        transport.on_gone = session.finished
        transport.on_ended = lambda: self._forget(poll)
        return poll

    async def get(self, poll: Poll, handler: RequestHandler) -> None:
        """Answer a poll; a second one beside it closes the session."""
        if poll.transport.polled:
            self._offence(poll, "one poll at a time")
            raise HTTPError(400, "one poll at a time")
        poll.session.handler = handler
        await poll.transport.answer(handler)

    def begin_post(self, poll: Poll) -> None:
        """Expect a payload; a second one beside it closes the session."""
        if poll.posting:
            self._offence(poll, "one request with packets at a time")
            raise HTTPError(400, "one request with packets at a time")
        poll.posting = True

    async def post(self, poll: Poll, handler: RequestHandler, body: bytes) -> None:
        """Take the payload that was expected."""
        try:
            taken = await self._receive(poll.session, body)
        except BadRequest as exc:
            self._offence(poll, str(exc))
            raise HTTPError(400, str(exc)) from exc
        finally:
            poll.posting = False
        if not taken:
            raise HTTPError(400, "the session is over")
        handler.set_header("Content-Type", "text/plain; charset=UTF-8")
        await handler.finish("ok")

    def too_large(self, poll: Poll) -> HTTPError:
        """Close a session whose client sends more at once than it may; returns what to say."""
        self._router.count("oversized")
        what = f"a payload may have {self._limits.inbound.post_bytes} bytes"
        self._offence(poll, what)
        return HTTPError(413, what)

    async def _receive(self, session: Session, body: bytes) -> bool:
        """Hand packet after packet to the session; False if it did not live to take them all."""
        for number, packet in enumerate(packets(body), 1):
            held = session.receive(packet)
            if held is not None:
                await held
            elif number % _TURN_PACKETS == 0:
                await asyncio.sleep(0)
            if session.closing:
                return packet == "1"
        return True

    def _offence(self, poll: Poll, what: str) -> None:
        if not poll.session.closing:
            self._router.count("malformed")
            poll.session.bye(Code.BAD_REQUEST, what)

    def _overfull(self, session: Session) -> None:
        self._router.count("overfull")
        session.bye(Code.TOO_SLOW, "too slow: too much waited to be polled")

    def _forget(self, poll: Poll) -> None:
        self._polls.pop(poll.session.sid, None)
        if poll.upgrade is not None:
            poll.upgrade.give_up()

    def upgrade(self, poll: Poll, handler: WebSocketHandler) -> Upgrade | None:
        """Begin to change a session over to the WebSocket of ``handler``; None where it is late.

        Since the door looked the loop has run: another may have come, or the session have ended.
        """
        if poll.upgrade is not None or poll.session.sid not in self._polls:
            handler.close(Code.BAD_REQUEST, _NO_UPGRADE)
            return None
        poll.upgrade = Upgrade(self, poll, handler, self._limits.connections.upgrade_seconds)
        return poll.upgrade

    def upgraded(self, poll: Poll, handler: WebSocketHandler, carrier: WebSocketTransport) -> None:
        """Have the WebSocket carry the session; it is polled no more."""
        del self._polls[poll.session.sid]
        poll.session.carry_by(carrier, handler)
        for binary, data in poll.transport.hand_over():
            carrier.write(frames.attachment(data) if binary else frames.engine(data.decode()))


class Upgrade:
    """A WebSocket that a polled session may change over to: probed first, then taken."""

    def __init__(self, polls: Polls, poll: Poll, handler: WebSocketHandler, seconds: float) -> None:
        self._polls = polls
        self._poll = poll
        self._handler = handler
        self._carrier = WebSocketTransport(handler)
        self._probed = False
        self._over = False
        self._timer = asyncio.get_running_loop().call_later(seconds, self.give_up)

    def receive(self, message: str | bytes) -> Awaitable[None] | None:
        """Take one WebSocket message: a probe, the change, and then whatever comes."""
        session = self._poll.session
        if session.transport is self._carrier:
            return session.receive(message)
        if message == "2probe" and not self._probed:
            self._probed = True
            self._carrier.write(frames.engine("3probe"))
            self._poll.transport.probe(True)
        elif message == "5" and self._probed and not self._over and not session.closing:
            self._end()
            self._polls.upgraded(self._poll, self._handler, self._carrier)
        else:
            self.give_up()
        return None

    def too_large(self, size: int) -> None:
        """End the WebSocket for a message that was not taken in; the session with it, if it has."""
        session = self._poll.session
        if session.transport is self._carrier:
            session.too_large(size)
        else:
            self.give_up()

    def give_up(self) -> None:
        """Let the session be polled as before."""
        if self._end():
            self._poll.transport.probe(False)
            self._carrier.close(Code.BAD_REQUEST, _NO_UPGRADE)

    def closed(self) -> None:
        """Note that the WebSocket is closed."""
        if self._poll.session.transport is self._carrier:
            self._poll.session.finished()
        self.give_up()

    def _end(self) -> bool:
        was, self._over = self._over, True
        self._timer.cancel()
        self._poll.upgrade = None
        return not was
