"""Who is let into a namespace: each CONNECT, asked of its connect handler or of the owner."""

from __future__ import annotations

import asyncio
import logging

from jupyter_sio.errors import BadRequest, Code
from jupyter_sio.protocol.grants import Access
from jupyter_sio.protocol.names import Namespace, is_name
from jupyter_sio.server import frames
from jupyter_sio.server.clients import Client, Desk, State
from jupyter_sio.server.dispatch import Dispatch
from jupyter_sio.server.handlers import (
    INTERNAL_ERROR,
    NO_SUCH_NAMESPACE,
    OWNED,
    REJECTED,
    Handler,
    Refusal,
    Route,
    Routes,
    handler_of,
    refusal_of,
    settled,
)
from jupyter_sio.server.leaving import Leaving
from jupyter_sio.server.live import Live
from jupyter_sio.server.session import SERVER_DISCONNECT, Session
from jupyter_sio.server.tasks import TookTooLong


class Admission:
    """Decides CONNECTs, each in a task of its own; owned by the server's loop."""

    def __init__(
        self, router: Desk, routes: Routes, alive: Live, dispatch: Dispatch, leaving: Leaving
    ) -> None:
        self._router = router
        self._tasks = router.tasks
        self._routes = routes
        self._alive = alive
        self._dispatch = dispatch
        self._leaving = leaving

    def connect(self, session: Session, name: str, auth: object) -> None:
        """Let a connection into a namespace, or refuse; ``BadRequest`` closes it."""
        if name in session.clients:
            raise BadRequest("CONNECT to a namespace that was joined already")
        most = self._router.limits.connections.namespaces
        # Those whose disconnect handler still runs hold state too.
        if len(session.clients) >= most or len(session.leaving) >= most:
            self._router.count("refused_namespaces")
            too_many = f"a connection may join {most} namespaces"
            self._tell_refusal(session, name, (too_many, {"code": int(Code.TOO_MANY_NAMESPACES)}))
            return
        found = self._find(session.access, name)
        if found is None:
            self._tell_refusal(session, name, NO_SUCH_NAMESPACE)
            return
        client = session.clients[name] = Client(self._router, session, *found)
        client.task = self._tasks.run(self._admit(client, auth, session.leaving.get(name)))

    def _find(self, access: Access, name: str) -> tuple[Namespace, Route | None] | None:
        if not is_name(name, longest=self._router.limits.inbound.namespace_bytes):
            return None
        # A ticket's holder has this one namespace. Source: protocol.md §4.
        if access.kernel_id is not None and name != f"{OWNED}/{access.kernel_id}":
            return None
        if name == OWNED or name.startswith(f"{OWNED}/"):
            return None if self._router.owner is None else (Namespace(name), None)
        found = self._routes.open.find(name)
        return None if found is None else (found.namespace, found.value)

    async def _admit(
        self, client: Client, auth: object, former: asyncio.Future[None] | None
    ) -> None:
        """Decide one CONNECT, then work off what the client sent behind it."""
        if former is not None:  # it left a moment ago, and its disconnect handler is running
            await asyncio.wait({former})
        self._router.manager.register(client)
        refusal = await self._verdict(client, auth)
        if client.state is not State.PENDING:
            return
        if refusal is None:
            self._accept(client)
            await self._dispatch.serve(client)
        else:
            self.refuse(client, refusal)

    async def _verdict(self, client: Client, auth: object) -> Refusal | None:
        """Ask who may decide; None lets the client in."""
        what = handler_of("connect", client.namespace)
        seconds = self._router.limits.connections.handler_seconds
        handler: Handler
        args: tuple[object, ...]
        if client.route is None:
            assert self._router.owner is not None
            handler, args = self._router.owner.admit, (client, auth)
        else:
            handler = client.route.bind("connect", client.namespace, client.sid)
            args = (client.session.environ, auth)
        try:
            answer = await self._tasks.bounded(what, settled(handler, *args), seconds=seconds)
        except TookTooLong:
            return INTERNAL_ERROR
        except Exception as exc:  # noqa: BLE001 - a border: what it means is decided here
            refusal = refusal_of(exc)
            if refusal is None:
                self._tasks.failed(what)
            return refusal or INTERNAL_ERROR
        if answer is None or answer is True:
            return None
        if answer is not False:
            only = "the connect handler of %s returned a %s; only None and True let a client in"
            self._tasks.say(logging.WARNING, only, client.namespace, type(answer).__name__)
        return REJECTED

    def _accept(self, client: Client) -> None:
        client.accept()
        if client.route is not None:
            self._alive.enter(client.namespace)
            return
        owner = self._router.owner
        assert owner is not None
        self._tasks.guard(handler_of("joined", client.namespace), owner.joined, client)
        try:
            while client.queue and client.joined:
                self._dispatch.to_owner(client, client.dequeue())
        except BadRequest as exc:
            self._router.count("malformed")
            client.session.bye(Code.BAD_REQUEST, str(exc))

    def refuse(self, client: Client, refusal: Refusal) -> None:
        """Answer a pending client's CONNECT with CONNECT_ERROR."""
        self._leaving.leave(client, SERVER_DISCONNECT)
        self._tell_refusal(client.session, client.namespace, refusal)

    def _tell_refusal(self, session: Session, name: str, refusal: Refusal) -> None:
        self._router.count("refused")
        try:
            framed = frames.connect_error(name, *refusal)
        except BadRequest:
            self._tasks.failed(handler_of("connect", name))
            framed = frames.connect_error(name, *INTERNAL_ERROR)
        session.write(framed)
