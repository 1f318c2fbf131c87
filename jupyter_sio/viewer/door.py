"""Getting in: a ticket for a share link, and the WebSocket itself. Says who may not try again.

Source: protocol.md §3, §4.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from jupyter_sio import limits
from jupyter_sio.errors import NotPermitted
from jupyter_sio.protocol.target import Target

# What is final if we are told it, and what it may mean if somebody else says it.
_HINTS = {
    401: "the server wants to know who asks: give a token",
    403: "is the token or link right, and the extension enabled?",
    404: "is the address right, the server running, and the extension enabled?",
}


class Unreachable(OSError):
    """The server did not let us in, for now."""


class NotOurs(NotPermitted):
    """A no in the words of somebody else: another address, or a proxy or Hub before a server.

    While a server is stopped, started or gets a new proxy, JupyterHub answers in its place, also
    with 403 and 404: whoever was let in before tries again.
    """


@dataclass(frozen=True, slots=True)
class Door:
    """Where the socket is, and which namespace lies behind it."""

    url: str = field(repr=False)  # with a ticket in it
    headers: dict[str, str] = field(repr=False)
    namespace: str
    judge: str = ""  # whom to ask after a refused handshake; for a link the next ticket tells


async def find_door(target: Target) -> Door:
    """Get what it takes to connect once.

    Raises
    ------
    NotPermitted
        If the link is not, or no longer, good.
    OSError
        If the server cannot be reached, or answers what it should not.
    """
    if not target.secret:
        judge = target.api(f"namespaces/{quote(target.kernel_id, safe='')}")
        return Door(target.socket(), target.headers, f"/kernels/{target.kernel_id}", judge)
    answer = await asyncio.to_thread(post, target.api("tickets"), {"link": target.secret}, {})
    try:
        url, kernel_id = target.socket(answer["ticket"]), answer["kernel_id"]
    except (KeyError, TypeError) as exc:
        raise Unreachable(f"{target.base} answered without a ticket") from exc
    return Door(url, {}, f"/kernels/{kernel_id}")


def post(url: str, body: object, headers: dict[str, str]) -> Any:
    """Send JSON and read JSON, in the calling thread. Raises as ``find_door`` does."""
    return _ask(url, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})


def get(url: str, headers: dict[str, str]) -> Any:
    """Read JSON, in the calling thread. Raises as ``find_door`` does."""
    return _ask(url, None, headers)


def delete(url: str, headers: dict[str, str]) -> None:
    """Take away what is at ``url``, in the calling thread. Raises as ``find_door`` does."""
    _ask(url, None, headers, method="DELETE")


def _ask(
    url: str, data: bytes | None, headers: dict[str, str], *, method: str | None = None
) -> Any:
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(request, timeout=limits.Viewing.door_seconds) as response:
            return None if response.status == 204 else json.load(response)
    except urllib.error.HTTPError as exc:
        with exc:
            raise refusal(url, exc.code, exc.read(limits.Doors.rest_bytes)) from exc
    except urllib.error.URLError as exc:
        raise Unreachable(f"{url} cannot be reached: {exc.reason}") from exc
    except (ValueError, http.client.HTTPException) as exc:
        raise Unreachable(f"{url} did not answer in JSON") from exc


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect leads to a login page, or takes our credential elsewhere: an error."""

    def redirect_request(self, *args: Any, **keywords: Any) -> None:
        return None


def refusal(url: str, status: int, body: bytes | bytearray | None) -> Exception:
    """Say what an HTTP status means to a viewer."""
    said = _said(body)
    where = url.partition("?")[0]
    if status not in _HINTS:
        return Unreachable(f"{where} answered HTTP {status} {said or ''}".rstrip())
    if said is None:
        refused: NotPermitted = NotOurs(f"{where} answered HTTP {status}: {_HINTS[status]}")
    else:
        refused = NotPermitted(f"{where} answered HTTP {status}: {said}")
    refused.status = status
    return refused


def _said(body: bytes | bytearray | None) -> str | None:
    """Read the message of an error of ours, which has a reason beside it; None of any other."""
    try:
        answer = json.loads(body or b"")
        found = answer["message"], answer["reason"]
    except (ValueError, KeyError, TypeError):
        return None
    return found[0] if all(isinstance(text, str) for text in found) else None


class _Connect(connect):
    def process_redirect(self, exc: Exception) -> Exception | str:
        """Follow no redirect, for ``_NoRedirect``'s reasons."""
        return exc


async def open_socket(door: Door) -> ClientConnection:
    """Open the WebSocket. Raises as ``find_door`` does, and websockets' own exceptions."""
    try:
        return await _Connect(
            door.url,
            additional_headers=door.headers,
            compression=None,
            open_timeout=limits.Viewing.door_seconds,
            close_timeout=0.2,  # nothing is lost by leaving without the other's goodbye
            ping_interval=None,  # Engine.IO has its own
            max_size=limits.Viewing.frame_bytes,
        )
    except InvalidStatus as exc:
        status = exc.response.status_code
        if status in _HINTS and door.judge:
            await asyncio.to_thread(get, door.judge, door.headers)
        where = door.url.partition("?")[0]
        raise Unreachable(f"{where} answered HTTP {status}") from exc
