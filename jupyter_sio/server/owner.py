"""Who answers for `/kernels` and `/kernels/<id>`: the directory, viewers and publishers.

The router hands every client of these namespaces here; nobody else's handlers see them.

Source: protocol.md §4.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from jupyter_sio.errors import BadRequest, Code, Refused, Superseded
from jupyter_sio.limits import Limits
from jupyter_sio.protocol.grants import Access, Claim
from jupyter_sio.protocol.links import REVOKED
from jupyter_sio.protocol.messages import Grant, read_connect_auth
from jupyter_sio.server.clients import Client
from jupyter_sio.server.directory import Directory
from jupyter_sio.server.fanout import FanOut
from jupyter_sio.server.publishers import Publishers
from jupyter_sio.server.registry import (
    PREFIX,
    KernelNamespace,
    Publisher,
    Registry,
    Viewer,
    viewers_of,
)
from jupyter_sio.server.session import Session
from jupyter_sio.server.viewers import Answer, Viewers

_NAME = re.compile(r"/kernels/[0-9A-Za-z_.-]{1,128}\Z")


class NoSuchNamespace(Refused):
    """Unknown, malformed and forbidden names all get exactly this."""

    def __init__(self) -> None:
        super().__init__("no such namespace", code=Code.NOT_PERMITTED)


class Owner:
    """Lets clients into our namespaces and routes what they say. Owned by the server's loop."""

    def __init__(
        self,
        *,
        registry: Registry,
        fanout: FanOut,
        viewers: Viewers,
        publishers: Publishers,
        directory: Directory,
        limits: Limits,
        look_at_kernel: Callable[[KernelNamespace], None],
        adopt: Callable[[str], KernelNamespace | None],
        alive: Callable[[Access], bool],
    ) -> None:
        self._registry = registry
        self._fanout = fanout
        self._viewers = viewers
        self._publishers = publishers
        self._directory = directory
        self._limits = limits
        self._look_at_kernel = look_at_kernel
        self._adopt = adopt
        self._alive = alive
        fanout.on_drained = self._drained

    # --- the router's questions --------------------------------------------------------------

    async def admit(self, client: Client, auth: object) -> None:
        """Raise ``Refused`` unless the client may join the namespace it names."""
        access = client.session.access
        if client.namespace == PREFIX:
            self._admit_reader(client, access)
        elif access.publisher:
            self._admit_publisher(client, access)
        else:
            self._admit_viewer(client, access)
        client.owner_data = read_connect_auth(auth)
        if client.namespace == PREFIX:
            await self._directory.refresh()

    def joined(self, client: Client) -> None:
        """Welcome a client whose CONNECT was just written."""
        access = client.session.access
        if client.namespace == PREFIX:
            self._directory.join(client)
            return
        namespace = self._registry.find(client.namespace)
        if namespace is None:  # it ended between admission and acceptance
            client.leave(Code.KERNEL_GONE, "the kernel has ended")
        elif access.claim is not None:
            self._join_publisher(namespace, client, access.claim)
        elif not self._alive(access):
            client.leave(Code.LINK_REVOKED, REVOKED)
        else:
            viewer = self._registry.new_viewer(client, access, client.owner_data)
            client.owner_data = viewer
            self._viewers.join(namespace, viewer)

    def _join_publisher(self, namespace: KernelNamespace, client: Client, claim: Claim) -> None:
        # Between admission and acceptance the loop ran: look again.
        if namespace.lifetime.ended:
            client.leave(Code.KERNEL_GONE, "the kernel has ended")
            return
        try:
            self._publishers.check_claim(namespace, claim)
        except Superseded as exc:
            client.leave(exc.code, str(exc))
            return
        self._publishers.join(namespace, client, claim)

    def receive(self, client: Client, event: str, args: list[Any], ack: Answer | None) -> None:
        """Do what one message asks; ``BadRequest`` closes the connection with 3501."""
        if client.namespace == PREFIX:
            raise BadRequest("the directory is read-only")
        namespace = self._registry.find(client.namespace)
        if namespace is None:
            return
        who = client.owner_data
        if isinstance(who, Viewer):
            self._viewers.receive(namespace, who, event, args, ack)
        elif isinstance(who, Publisher):
            self._publishers.receive(namespace, who, event, args, ack)

    def left(self, client: Client, reason: str) -> None:
        """Forget a client that was accepted."""
        if client.namespace == PREFIX:
            self._directory.leave(client)
            return
        namespace = self._registry.find(client.namespace)
        who, client.owner_data = client.owner_data, None
        if namespace is None:
            return
        if isinstance(who, Viewer):
            self._viewers.leave(namespace, who)
        elif isinstance(who, Publisher) and self._publishers.leave(namespace, who):
            self._look_at_kernel(namespace)

    def data_due(self, session: Session) -> bool:
        """Whether rows wait for this connection."""
        return any(viewer.due for viewer in viewers_of(session))

    def inbound_bytes(self, session: Session) -> int:
        """How large a message this connection may send."""
        inbound = self._limits.inbound
        return inbound.kernel_bytes if session.access.publisher else inbound.viewer_bytes

    # --- admission ---------------------------------------------------------------------------

    @staticmethod
    def _admit_reader(client: Client, access: Access) -> None:
        # A ticket's holder has one namespace, and the directory would list the others.
        if access.kernel_id is not None or Grant.WATCH not in access.grants:
            raise NoSuchNamespace

    def _admit_viewer(self, client: Client, access: Access) -> None:
        namespace = self._named(client, access)
        if namespace is None or Grant.WATCH not in access.grants:
            raise NoSuchNamespace
        if not self._alive(access):
            raise Refused(REVOKED, code=Code.LINK_REVOKED)

    def _admit_publisher(self, client: Client, access: Access) -> None:
        namespace = self._named(client, access)
        if namespace is None or access.claim is None or namespace.lifetime.ended:
            raise NoSuchNamespace
        self._publishers.check_claim(namespace, access.claim)

    def _named(self, client: Client, access: Access) -> KernelNamespace | None:
        if not _NAME.match(client.namespace):
            return None
        kernel_id = client.namespace.rpartition("/")[2]
        if access.kernel_id not in (None, kernel_id):
            return None
        return self._registry.find(client.namespace) or self._adopt(kernel_id)

    # --- the end -----------------------------------------------------------------------------

    def kernel_ended(self, namespace: KernelNamespace) -> None:
        """End every stream; say 3510 to each viewer as soon as it was sent what it is owed."""
        self._publishers.kernel_ended(namespace)
        for viewer in list(namespace.viewers.values()):
            viewer.parting = True
            self._drained(viewer)

    def dismiss(self, namespace: KernelNamespace) -> None:
        """Say 3510 to everybody who is left: the namespace's time is over."""
        for viewer in list(namespace.viewers.values()):
            _leave(viewer)

    def _drained(self, viewer: Viewer) -> None:
        if not viewer.parting or any(s.due for s in viewer.subscriptions.values()):
            return
        namespace = self._registry.find(viewer.client.namespace)
        if namespace is None or namespace.lifetime.ended:
            _leave(viewer)
        else:
            viewer.parting = False  # the kernel came back under its id


def _leave(viewer: Viewer) -> None:
    viewer.parting = False
    viewer.client.leave(Code.KERNEL_GONE, "the kernel has ended")
