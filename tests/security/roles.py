"""Who comes in the table of access: by which door, and with which right."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, field
from typing import Any

from jupyter_server.auth import Authorizer

from jupyter_sio.protocol import socketio
from jupyter_sio.server.rest import TicketsHandler
from tests.integration.stage import Stage, new_epoch
from tests.wire import Wire, claim_of, fetch

# What Jupyter's authorizer allows a user.
ACTIONS: dict[str, tuple[str, ...]] = {
    "denied": (),
    "read": ("read",),
    "read+write": ("read", "write"),
    "read+execute": ("read", "execute"),
    "all": ("read", "write", "execute"),
}
ROLES = ("nobody", *ACTIONS, "link", "link+send", "kernel")

UNKNOWN = str(uuid.UUID(int=7))
SHOWN, HIDDEN = "loss", "hidden"  # streams: links show the first
SENDABLE = "stop"  # the event that the link of link+send allows


class Only(Authorizer):
    """Allows these actions on ours, and everything else; and everything to who made a link.

    ``POST tickets`` asks about nobody else.
    """

    actions = ACTIONS["all"]

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        ours = resource == "jupyter_sio" and not isinstance(handler, TicketsHandler)
        return not ours or action in type(self).actions


@dataclass
class Scene:
    """A kernel with two streams, another kernel, and a namespace of somebody else's extension."""

    stage: Stage
    other_kernel: str
    streams: dict[str, int] = field(default_factory=dict)

    @classmethod
    async def build(cls, stage: Stage, other_kernel: str) -> Scene:
        """Open the streams, and the foreign namespace to whoever has come as far as that."""
        scene = cls(stage, other_kernel)
        for name in (SHOWN, HIDDEN):
            scene.streams[name] = (await stage.open(name))["id"]
        router = stage.server.sio.router
        router.on("connect", lambda *_: True, namespace="/courses/{name}")
        router.on("hello", lambda *_: {"ok": True}, namespace="/courses/{name}")
        return scene

    async def ask(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
        """Post to our API and get what is wanted."""
        url = f"{self.stage.server.url}jupyter-sio/api/{path}"
        status, answer = await fetch(url, method="POST", body=body, headers=headers)
        assert status in (200, 201), answer
        return answer

    async def link(self, role: str = "link", kernel_id: str = "") -> dict[str, Any]:
        """Make a link, as somebody who may."""
        body: dict[str, Any] = {"kernel_id": kernel_id or self.stage.kernel_id, "streams": [SHOWN]}
        if role == "link+send":
            body["send"] = [SENDABLE]
        allowed, Only.actions = Only.actions, ACTIONS["all"]
        made: dict[str, Any] = await self.ask("links", body, self.stage.server.headers)
        Only.actions = allowed
        return made

    async def ticket(self, role: str) -> str:
        """Exchange a link or a claim for a ticket."""
        body = {"claim": self.claim()} if role == "kernel" else await self.secret(role)
        return str((await self.ask("tickets", body, {}))["ticket"])

    async def secret(self, role: str = "link") -> dict[str, str]:
        """Write a new link's secret as ``POST tickets`` takes it."""
        return {"link": (await self.link(role))["secret"]}

    def claim(self, **other: Any) -> dict[str, Any]:
        """Prove to be the kernel."""
        key = self.stage.server.key(self.stage.kernel_id)
        claim = claim_of(self.stage.kernel_id, key, pid=os.getpid(), epoch=new_epoch())
        return {**claim, **other}

    async def viewer(self) -> str:
        """Let somebody in who watches; returns the viewer's id."""
        allowed, Only.actions = Only.actions, ACTIONS["all"]
        wire = await self.stage.viewer()
        Only.actions = allowed
        (joined,) = [o for o in wire.others if isinstance(o, socketio.Joined)]
        return str(joined.sid)

    async def headers(self, role: str) -> dict[str, str]:
        """Say who asks over HTTP; a secret that is none of Jupyter's is tried as if it were."""
        if role in ACTIONS:
            return self.stage.server.headers
        if role == "nobody":
            return {}
        secret = await self.ticket(role) if role == "kernel" else (await self.link(role))["secret"]
        return {"Authorization": f"token {secret}"}

    async def open(self, role: str) -> Wire:
        """Open a socket; raises HTTPClientError where that is refused."""
        url = self.stage.server.socket_url
        if role in ("nobody", *ACTIONS):
            return self.stage.keep(await Wire.open(url, headers=await self.headers(role)))
        return self.stage.keep(await Wire.open(url, ticket=await self.ticket(role)))

    def named(self, text: str) -> str:
        """Fill in which kernel is meant."""
        return (
            text.replace("{kernel}", self.stage.kernel_id)
            .replace("{other}", self.other_kernel)
            .replace("{unknown}", UNKNOWN)
        )
