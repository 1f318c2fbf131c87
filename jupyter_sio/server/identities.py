"""Whether those who are connected may still be: asked anew, as long as they stay.

An identity is checked when a socket opens, and would be good for ever after: a token that was
revoked, a cookie secret that was changed, rights that were taken away would close no socket.

Owned by the server's loop.

Source: protocol.md §8 (3005, 3014, 3512); facts about Jupyter's and JupyterHub's identities.
"""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from tornado import web
from tornado.httputil import HTTPConnection

from jupyter_sio.errors import Code, Refused
from jupyter_sio.limits import Doors
from jupyter_sio.protocol.grants import Access
from jupyter_sio.protocol.messages import Grant
from jupyter_sio.server.access import RESOURCE, Doorkeeper, rights_of
from jupyter_sio.server.links import Links
from jupyter_sio.server.session import Session

# A check is due a little early, so that none is late.
_DUE = 0.9
_LOOKS = 10  # within identity_seconds
_MOST_SECONDS = 1.0


class IdentityGone(Exception):
    """Jupyter knows no user for the request any more."""


class Identities:
    """Looks at every connection's identity again, at least every ``identity_seconds``.

    Attributes
    ----------
    checks, unanswered, ended : int
        Looks that were taken; those that got no answer (a Hub that is down); connections, and
        places in a namespace, that ended by them.
    """

    def __init__(
        self,
        *,
        sessions: Mapping[str, Session],
        doorkeeper: Doorkeeper,
        links: Links,
        bounds: Doors,
        log: logging.Logger,
    ) -> None:
        self._sessions = sessions
        self._doorkeeper = doorkeeper
        self._links = links
        self._bounds = bounds
        self._log = log
        self._timer: asyncio.TimerHandle | None = None
        self._checking: dict[Session, asyncio.Task[None]] = {}
        self.checks = 0
        self.unanswered = 0
        self.ended = 0

    def start(self) -> None:
        """Begin to look; needs the running loop."""
        wait = min(_MOST_SECONDS, self._bounds.identity_seconds / _LOOKS)
        self._timer = asyncio.get_running_loop().call_later(wait, self._look)

    async def stop(self) -> None:
        """Look no more; may be called again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        checking = list(self._checking.values())
        for task in checking:
            task.cancel()
        await asyncio.gather(*checking, return_exceptions=True)

    def _look(self) -> None:
        self.start()
        loop = asyncio.get_running_loop()
        due = loop.time() - _DUE * self._bounds.identity_seconds
        waiting = (
            session
            for session in self._sessions.values()
            if session.looked_at <= due
            and session not in self._checking
            and not (session.closing or session.access.publisher)
        )
        # Those that were looked at longest ago first: nobody is passed over for ever.
        room = self._bounds.identity_checks - len(self._checking)
        for session in sorted(waiting, key=lambda session: session.looked_at)[: max(0, room)]:
            task = loop.create_task(self._check(session))
            self._checking[session] = task
            task.add_done_callback(partial(self._checked, session))

    def _checked(self, session: Session, task: asyncio.Task[None]) -> None:
        self._checking.pop(session, None)

    async def _check(self, session: Session) -> None:
        self.checks += 1
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        try:
            access = await asyncio.wait_for(
                self._access(session), self._bounds.identity_check_seconds
            )
        except IdentityGone:
            self._end(session, Code.IDENTITY_EXPIRED, "your login is not valid any more")
        except Refused as exc:
            self.ended += 1
            for client in list(session.clients.values()):
                client.leave(exc.code, str(exc))
        except Exception as exc:  # noqa: BLE001 - a border: identity providers are anybody's
            self.unanswered += 1
            self._log.debug("the identity of %s could not be checked: %r", session.sid, exc)
            if asked_at - session.answered_at > self._bounds.identity_grace_seconds:
                self._end(session, Code.CHECK_IDENTITY, "your login could not be checked")
            session.looked_at = asked_at
        else:
            session.looked_at = session.answered_at = asked_at
            if access.grants != session.access.grants:
                self._end(session, Code.CHECK_IDENTITY, "your rights have changed")

    def _end(self, session: Session, code: Code, reason: str) -> None:
        self.ended += 1
        session.bye(code, reason)

    async def _access(self, session: Session) -> Access:
        handler = session.handler
        assert isinstance(handler, JupyterHandler)
        if session.access.link_id is not None:
            return await self._links.still(session.access, Asked(handler))
        return await self._doorkeeper.of_identity(await asked_again(handler))


async def asked_again(handler: JupyterHandler) -> JupyterHandler:
    """Ask anew who made ``handler``'s request; returns what stands for it now.

    Raises
    ------
    IdentityGone
        If nobody Jupyter knows, or lets in, made it.
    """
    asked = Asked(handler)
    try:
        await asked.prepare()
    except web.HTTPError as exc:
        if exc.status_code in (401, 403):
            raise IdentityGone from exc
        raise
    if asked.current_user is None:
        raise IdentityGone
    return asked


async def rights_now(asked: Asked, handler: Any) -> frozenset[Grant]:
    """Say what somebody may still do, ``asked`` being a request of theirs."""
    try:
        again = await asked_again(asked)
    except IdentityGone:
        return frozenset()
    return await rights_of(again.current_user, again)


class Asked(JupyterHandler):
    """The request that opened a socket, asked again: the first answer is kept on its own handler.

    Nothing of it is ever answered.
    """

    auth_resource = RESOURCE

    def __init__(self, handler: JupyterHandler) -> None:
        request = copy.copy(handler.request)
        request.connection = cast(HTTPConnection, _Nowhere())
        super().__init__(handler.application, request)
        self.path_args, self.path_kwargs = handler.path_args, handler.path_kwargs

    @allow_unauthenticated
    def get(self) -> None:
        """Be let through by ``prepare``, which says who asks."""

    def set_default_headers(self) -> None:
        """Set none: there is no answer."""


class _Nowhere:
    """A connection nobody is at the other end of."""

    def set_close_callback(self, callback: Callable[[], None] | None) -> None:
        """Never close."""

    def write_headers(self, *args: Any, **kwargs: Any) -> asyncio.Future[None]:
        """Write nothing."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    write = write_headers

    def finish(self) -> None:
        """Finish nothing."""
