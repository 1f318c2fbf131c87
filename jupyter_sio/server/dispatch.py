"""Events of clients, handed to their handlers in order, or to the owner of the namespace."""

from __future__ import annotations

import asyncio
from functools import partial

from jupyter_sio.errors import BadRequest, Code
from jupyter_sio.server import frames
from jupyter_sio.server.clients import Client, Desk, Queued, State
from jupyter_sio.server.handlers import handler_of, settled
from jupyter_sio.server.rooms import arguments

_INTERNAL = (Code.INTERNAL_ERROR, "internal error")


class Dispatch:
    """Runs one handler of a client at a time; owned by the server's loop."""

    def __init__(self, router: Desk) -> None:
        self._router = router
        self._tasks = router.tasks

    def event(self, client: Client, queued: Queued) -> None:
        """Take what a client sent; ``BadRequest`` closes the connection."""
        if client.route is None:
            if client.joined:
                self.to_owner(client, queued)
            else:
                client.enqueue(queued)
            return
        if queued.event.startswith("$"):
            raise BadRequest(f"{queued.event!r} is reserved and not a client's to send")
        if not client.enqueue(queued):
            self._router.count("overflowed_events")
            client.refuse_to_answer(queued, Code.TOO_MANY_MESSAGES, "too many messages")
        elif client.joined and (client.task is None or client.task.done()):
            client.task = self._tasks.run(self.serve(client))

    def to_owner(self, client: Client, queued: Queued) -> None:
        """Let the owner act on it now; ``BadRequest`` closes the connection."""
        assert self._router.owner is not None
        ack = None if queued.ack_id is None else partial(self._answer, client, queued)
        try:
            self._router.owner.receive(client, queued.event, queued.args, ack)
        except BadRequest:
            raise
        except Exception:  # noqa: BLE001 - a border
            self._tasks.failed(handler_of(queued.event, client.namespace))
            client.refuse_to_answer(queued, *_INTERNAL)

    async def serve(self, client: Client) -> None:
        """Handle what waits, one event after the other."""
        while client.queue:
            await self._handle(client, client.dequeue())
            await asyncio.sleep(0)  # handlers that never wait would keep the loop to themselves

    async def _handle(self, client: Client, queued: Queued) -> None:
        handler = client.route.bind(queued.event, client.namespace, client.sid)
        if handler is None:
            client.refuse_to_answer(queued, Code.NO_SUCH_HANDLER, "no such handler")
            return
        try:
            result = await settled(handler, *queued.args)
        except asyncio.CancelledError:
            if client.state is State.GONE or self._router.over:
                raise
            self._tasks.failed(handler_of(queued.event, client.namespace))
            client.refuse_to_answer(queued, *_INTERNAL)
        except Exception:  # noqa: BLE001 - a border
            self._tasks.failed(handler_of(queued.event, client.namespace))
            client.refuse_to_answer(queued, *_INTERNAL)
        else:
            if queued.ack_id is not None:
                self._answer(client, queued, *arguments(result))

    def _answer(self, client: Client, queued: Queued, *args: object) -> None:
        assert queued.ack_id is not None
        if not client.joined:
            return
        try:
            client.write(frames.ack(client.namespace, queued.ack_id, args))
        except BadRequest:
            self._tasks.failed(handler_of(queued.event, client.namespace))
            client.refuse_to_answer(queued, *_INTERNAL)
