"""What everybody tries in the table of access, and how what came of it is written there.

=============== =================================================================================
403, 404, …     the HTTP status; for a message: of the handshake, so there is no socket
ok              done, or let in
taken           the message wants no answer, and nothing contradicts
kernel          the kernel was given the event
3507, …         the answer's code; for a CONNECT: the refusal's
not in          the namespace did not let this client in
closed 3501     the connection was closed with this code
=============== =================================================================================
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from jupyter_sio.protocol import socketio
from jupyter_sio.protocol.messages import RULES
from tests.integration.stage import NOTHING, new_epoch
from tests.security.roles import HIDDEN, SHOWN, Scene
from tests.wire import Wire

# --- HTTP --------------------------------------------------------------------------------------


async def no_body(scene: Scene) -> None:
    return None


async def true_claim(scene: Scene) -> Any:
    return {"claim": scene.claim()}


async def false_claim(scene: Scene) -> Any:
    return {"claim": scene.claim(proof="0" * 64)}


async def no_link(scene: Scene) -> Any:
    return {"link": "x" * 43}


async def link_wanted(scene: Scene) -> Any:
    return {"kernel_id": scene.stage.kernel_id}


async def link_of_unknown(scene: Scene) -> Any:
    return {"kernel_id": scene.named("{unknown}")}


BODIES: dict[str, Callable[[Scene], Awaitable[Any]]] = {
    "": no_body,
    "a true claim": true_claim,
    "a false claim": false_claim,
    "a link": Scene.secret,
    "no link": no_link,
    "a kernel": link_wanted,
    "an unknown kernel": link_of_unknown,
}


async def request(scene: Scene, role: str, what: str, how: str) -> str:
    """Ask over HTTP; returns the status."""
    method, _, path = scene.named(what).partition(" ")
    if "{viewer}" in path:
        path = path.replace("{viewer}", await scene.viewer())
    if "{stream}" in path:  # ended already, since the publisher here answers nothing
        id = scene.streams[SHOWN]
        await scene.stage.publisher.ask(scene.stage.ns, "$close", {"id": id})
        path = path.replace("{stream}", str(id))
    if "{link}" in path:
        path = path.replace("{link}", (await scene.link())["id"])
    body = await BODIES[how](scene)
    response = await AsyncHTTPClient().fetch(
        f"{scene.stage.server.url}jupyter-sio/{path}",
        method=method,
        headers={"Content-Type": "application/json", **await scene.headers(role)},
        body=None if body is None else json.dumps(body),
        allow_nonstandard_methods=True,
        raise_error=False,
        follow_redirects=False,
    )
    return str(response.code)


# --- the socket --------------------------------------------------------------------------------


async def connect(scene: Scene, role: str, what: str, how: str) -> str:
    """CONNECT to a namespace."""
    return (await come_in(scene, role, scene.named(what)))[0]


async def come_in(scene: Scene, role: str, namespace: str) -> tuple[str, Wire]:
    """Open a socket and CONNECT; returns what came of it, and the socket."""
    try:
        wire = await scene.open(role)
    except HTTPClientError as refused:
        return str(refused.code), scene.stage.publisher
    answer = await wire.join(namespace)
    if isinstance(answer, socketio.JoinRefused):
        return str(answer.data["code"]), wire
    return "ok", wire


async def args_of(scene: Scene, wire: Wire, role: str, event: str, how: str) -> list[Any]:
    """Write what a message says; all of it is in order, but for who says it."""
    id = scene.streams[HIDDEN if how == "a hidden stream" else SHOWN]
    if role == "kernel" and event in ("$publish", "$compact", "$close"):
        opened = {"stream": SHOWN, "epoch": new_epoch()}
        id = (await wire.ask(scene.stage.ns, "$open", opened))["id"]
    if event == "$room":
        return [{"viewer": await scene.viewer(), "room": "r", "join": True}]
    if event == "$revoke":
        other = scene.other_kernel if how == "another kernel's link" else ""
        return [{"id": (await scene.link(kernel_id=other))["id"]}]
    stream = {"a hidden stream": HIDDEN, "an unborn stream": "unborn"}.get(how, SHOWN)
    said: dict[str, list[Any]] = {
        "$subscribe": [{"stream": stream}],
        "$unsubscribe": [{"id": id}],
        "$ack": [[id, 0]],
        "$open": [{"stream": "new", "epoch": new_epoch()}],
        "$publish": [[id, 0, 1, 1], b"x"],
        "$compact": [[id, 0, 1, 1], b"x"],
        "$emit": [{"event": "told"}],
        "$share": [{"streams": ["*"]}],
        "$close": [{"id": id}],
    }
    return said.get(event, [])


async def say(scene: Scene, role: str, what: str, how: str) -> str:
    """Send one message in the kernel's namespace, or in the one that ``how`` names."""
    namespace = how.removeprefix("in ") if how.startswith("in /") else scene.stage.ns
    came, wire = await come_in(scene, role, namespace)
    if came != "ok":
        return came if came == "403" else "not in"
    args = await args_of(scene, wire, role, what, how)
    kernel = scene.stage.publisher
    kernel.forget()
    ours = namespace == scene.stage.ns
    if ours and what in RULES and not RULES[what].answered:
        await wire.tell(namespace, what, *args)
        asked = asyncio.get_running_loop().create_future()
    else:
        asked = asyncio.ensure_future(wire.ask(namespace, what, *args))
        await asyncio.sleep(0)  # now it is sent
    # Whatever became of it is known by the time that this is answered.
    question: list[Any] = ["$viewers"] if role == "kernel" else ["$unsubscribe", {"id": NOTHING}]
    try:
        await (wire.ask(namespace, *question) if ours else asked)
    except AssertionError:
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        return f"closed {wire.close_code}"
    if role != "kernel":
        await kernel.ask(scene.stage.ns, "$viewers")
    if kernel.of("$event"):
        asked.cancel()
        return "kernel"
    if not asked.done():
        asked.cancel()
        return "taken"
    answer = asked.result()
    return "ok" if isinstance(answer, list) or answer["ok"] else str(answer["code"])


ATTEMPTS = {"http": request, "connect": connect, "message": say}
