"""How the kernel gets a socket: TCP, TLS or unix; a ticket for a claim.

Blocking, with a timeout; only the link's thread comes here.

Source: protocol.md §3.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any

from jupyter_sio import limits
from jupyter_sio.errors import Code, NotPermitted, Refused
from jupyter_sio.kernel.discovery import Kernel, Server
from jupyter_sio.protocol.grants import Claim

_PATH = "jupyter-sio/"


@dataclass
class Door:
    """One server, and what opens it: a signed claim for each ticket, or one ticket given."""

    server: Server
    kernel: Kernel | None
    epoch: str
    kernel_id: str
    given: str | None = None

    @property
    def socket_path(self) -> str:
        """The endpoint's path, without its query."""
        return f"{self.server.path}{_PATH}socket.io/"

    def ticket(self) -> str:
        """Get a ticket: one use, 30 seconds.

        Raises
        ------
        Refused
            If there is no point in asking again.
        OSError
            If the server was not reached, or answered what a later attempt may not.
        """
        if self.given is not None:
            ticket, self.given = self.given, None
            return ticket
        if self.kernel is None:
            raise NotPermitted(
                "the ticket given is used up, and without a kernel's key there is no other",
                code=Code.BAD_CREDENTIAL,
            )
        status, answer = self._post(f"{self.server.path}{_PATH}api/tickets", self._claim())
        if status == 200 and isinstance(answer.get("ticket"), str):
            return str(answer["ticket"])
        message = str(answer.get("message") or answer.get("reason") or f"HTTP {status}")
        # Jupyter answers 403 to a POST of a stranger to a path that it does not know; in HTML.
        if status == 404 or (status == 403 and not answer):
            raise Refused(
                f"the Jupyter server at {self.server.url} does not have jupyter_sio enabled "
                f"(HTTP {status}); install it where the server runs, then restart the server"
            )
        if status in (400, 401, 403):
            raise NotPermitted(f"the server does not take this process for its kernel: {message}")
        raise ConnectionError(f"the server answered HTTP {status}: {message}")

    def _claim(self) -> dict[str, Any]:
        assert self.kernel is not None
        claim = Claim(
            self.kernel.kernel_id, self.epoch, os.getpid(), int(time.time()), os.urandom(16).hex()
        )
        return {"claim": claim.sign(self.kernel.key).body()}

    def _post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        connection = _HTTPConnection(self.server)
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            found = _read_object(response.read(limits.Doors.rest_bytes))
            return response.status, found
        except http.client.HTTPException as exc:
            raise ConnectionError(f"no HTTP answer: {type(exc).__name__}") from exc
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        """Open a socket, without TLS yet."""
        return _connect(self.server)

    def tls(self) -> ssl.SSLContext | None:
        """Say how to trust the server; None where it does not speak TLS."""
        return _tls(self.server)


class _HTTPConnection(http.client.HTTPConnection):
    """One over the same kind of socket as the WebSocket's."""

    def __init__(self, server: Server) -> None:
        super().__init__(server.host, server.port, timeout=limits.Link.door_seconds)
        self.default_port = 443 if server.secure else 80  # else the port stands in Host
        self._server = server

    def connect(self) -> None:
        """Open the socket."""
        sock = _connect(self._server)
        context = _tls(self._server)
        if context is not None:
            sock = context.wrap_socket(sock, server_hostname=self._server.host)
        self.sock = sock


def _connect(server: Server) -> socket.socket:
    if server.sock:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(limits.Link.door_seconds)
        try:
            sock.connect(server.sock)
        except OSError:
            sock.close()
            raise
        return sock
    sock = socket.create_connection((server.host, server.port), limits.Link.door_seconds)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _tls(server: Server) -> ssl.SSLContext | None:
    if not server.secure:
        return None
    context = ssl.create_default_context(cafile=server.ca or None)
    if server.ca:
        # The certificate is the server's own more often than an authority's, and names the host
        # that browsers use, not the loopback address that we come by.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.check_hostname = not _is_loopback(server.host)
    return context


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read_object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
