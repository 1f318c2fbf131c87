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

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from jupyter_sio import limits
from jupyter_sio.errors import NotPermitted
from jupyter_sio.protocol.target import Target

FINAL_STATUSES = (401, 403, 404)


class Unreachable(OSError):
    """The server did not let us in, for now."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where the socket is, and which namespace lies behind it."""

    url: str = field(repr=False)  # with a ticket in it
    headers: dict[str, str] = field(repr=False)
    namespace: str


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
        return Door(target.socket(), target.headers, f"/kernels/{target.kernel_id}")
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


def _ask(url: str, data: bytes | None, headers: dict[str, str]) -> Any:
    request = urllib.request.Request(url, data=data, headers=headers)
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(request, timeout=limits.Viewing.door_seconds) as response:
            return json.load(response)
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
    try:
        said = str(json.loads(body or b"")["message"])
    except (ValueError, KeyError, TypeError):
        said = ""
    where = url.partition("?")[0]
    if status not in FINAL_STATUSES:
        return Unreachable(f"{where} answered HTTP {status} {said}".rstrip())
    hint = {
        401: "the server wants to know who asks: give a token",
        403: "the token or link is wrong, has expired or was revoked",
        404: "nothing of jupyter_sio is there: is the address right, and the extension enabled?",
    }[status]
    refused = NotPermitted(f"{where} answered HTTP {status}: {said or hint}")
    refused.status = status
    return refused


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
        raise refusal(door.url, exc.response.status_code, exc.response.body) from exc
