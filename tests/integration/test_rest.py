"""REST: bodies are bounded while they are read, and every error has the one shape.

Source: protocol.md §3.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse

from jupyter_sio.server import app
from tests.integration.conftest import EPOCH, Server
from tests.wire import claim_of

KIB64 = 64 * 1024


class Raw:
    """One TCP connection that speaks HTTP as slowly, and as wrongly, as a test wants."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str):
        self._reader = reader
        self._writer = writer
        self._path = path

    async def head(self, method: str, *headers: str) -> None:
        lines = [f"{method} {self._path} HTTP/1.1", "Host: localhost", *headers, "", ""]
        await self.send("\r\n".join(lines).encode())

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        """Read one answer: status, headers, body."""
        head = (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 10)).decode()
        status, *lines = head.strip().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        body = await self._reader.readexactly(int(headers["Content-Length"]))
        return int(status.split()[1]), headers, json.loads(body)

    async def ended(self) -> bool:
        """Wait until the server has closed; False if it said something more."""
        try:
            return await asyncio.wait_for(self._reader.read(1), 10) == b""
        except ConnectionResetError:
            return True


@asynccontextmanager
async def raw(server: Server, path: str) -> AsyncIterator[Raw]:
    where = urlsplit(f"{server.url}jupyter-sio/api/{path}")
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        yield Raw(reader, writer, where.path)
    finally:
        writer.close()


async def ask(server: Server, path: str, method: str = "GET", **options: Any) -> HTTPResponse:
    url = f"{server.url}jupyter-sio/api/{path}"
    return await AsyncHTTPClient().fetch(
        url, method=method, raise_error=False, allow_nonstandard_methods=True, **options
    )


def told(answer: HTTPResponse) -> Any:
    """Read an error, which has the one shape."""
    assert answer.headers["Content-Type"] == "application/json"
    body = json.loads(answer.body)
    assert set(body) == {"message", "reason"} and all(isinstance(v, str) for v in body.values())
    return body


# --- bodies ----------------------------------------------------------------------------------

ROUTES = [
    ("tickets", "POST"),
    ("namespaces", "GET"),
    ("namespaces/x/viewers/y", "DELETE"),
    ("nothing/here", "PATCH"),
]


@pytest.mark.parametrize(("path", "method"), ROUTES)
async def test_a_body_announced_too_large_is_refused_before_it_is_sent(server, path, method):
    async with raw(server, path) as client:
        await client.head(method, f"Content-Length: {KIB64 + 1}")
        status, headers, body = await client.answer()
        assert status == 413 and set(body) == {"message", "reason"}
        assert headers["Connection"] == "close" and await client.ended()


@pytest.mark.parametrize(("path", "method"), ROUTES)
async def test_a_body_of_unknown_length_is_refused_where_it_becomes_too_large(server, path, method):
    async with raw(server, path) as client:
        await client.head(method, "Transfer-Encoding: chunked")
        await client.send(b"10001\r\n" + b"x" * (KIB64 + 1))  # and the chunk's end never comes
        status, _, body = await client.answer()
        assert status == 413 and set(body) == {"message", "reason"}
        assert await client.ended()


async def test_a_body_of_64_kib_is_read(server: Server, quiet_kernel: str):
    claim = claim_of(quiet_kernel, server.key(quiet_kernel), pid=1, epoch=EPOCH)
    body = json.dumps({"claim": claim, "more": ""})
    body = json.dumps({"claim": claim, "more": "x" * (KIB64 - len(body))})
    assert len(body) == KIB64
    assert (await ask(server, "tickets", "POST", body=body)).code == 200


async def test_what_was_refused_for_its_size_is_counted(server: Server):
    for _ in range(3):
        async with raw(server, "tickets") as client:
            await client.head("POST", f"Content-Length: {10**12}")
            assert (await client.answer())[0] == 413
    assert server.sio.doorkeeper.refused_bodies == 3


async def test_a_form_of_many_parts_is_never_parsed(server: Server):
    async with raw(server, "tickets") as client:
        await client.head(
            "POST", "Content-Type: Multipart/Form-Data; boundary=x", "Content-Length: 4"
        )
        await client.send(b"--x\r")
        assert (await client.answer())[0] == 415


async def test_json_is_json_whatever_it_is_called(server: Server, quiet_kernel: str):
    for label in ("application/x-www-form-urlencoded", "text/plain", "application/json"):
        claim = claim_of(quiet_kernel, server.key(quiet_kernel), pid=1, epoch=EPOCH)
        body, headers = json.dumps({"claim": claim}), {"Content-Type": label}
        assert (await ask(server, "tickets", "POST", body=body, headers=headers)).code == 200


@pytest.mark.parametrize("body", ['{"link": NaN}', '{"link": Infinity}', "[" * 60_000, b"\xff"])
async def test_what_is_no_json_is_400(server: Server, body: str | bytes):
    answer = await ask(server, "tickets", "POST", body=body)
    assert answer.code == 400 and told(answer)["message"] == "the body must be a JSON object"


async def test_who_is_refused_may_finish_sending_and_go_on(server: Server):
    async with raw(server, "namespaces") as client:
        for _ in range(2):
            await client.head("GET", "Content-Length: 5")
            await asyncio.sleep(0.05)  # by now the server knows that it will refuse
            await client.send(b"hello")
            assert (await client.answer())[0] == 403


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    doors = replace(app._DEFAULTS.doors, rest_seconds=0.2)
    monkeypatch.setattr(app, "_DEFAULTS", replace(app._DEFAULTS, doors=doors))


async def test_a_body_that_does_not_come_is_not_waited_for(soon, server: Server):
    async with raw(server, "tickets") as client:
        await client.head("POST", "Content-Length: 100")
        assert await client.ended()


async def test_no_route_of_ours_keeps_a_body_before_looking_at_it(server: Server):
    # what tornado's decorator sets
    for pattern, handler, *_ in server.sio.handlers:
        assert getattr(handler, "_stream_request_body", False), (
            pattern
        )  # set by tornado's decorator


async def test_the_page_is_shown_whatever_is_sent_with_the_request(server: Server):
    url = f"{server.url}jupyter-sio/live/"
    sent = {"body": "x" * 2_000_000, "allow_nonstandard_methods": True, "raise_error": False}
    answer = await AsyncHTTPClient().fetch(url, method="GET", **sent)
    assert answer.code == 200 and b"<!doctype html>" in answer.body


# --- errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["", "nothing", "namespaces/", "tickets/x", "api/../tickets"])
async def test_an_unknown_path_is_404_to_everybody(server: Server, method: str, path: str):
    for headers in ({}, server.headers):
        answer = await ask(server, path, method, headers=headers, body=None)
        assert answer.code == 404
        assert method == "HEAD" or told(answer)


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("tickets", "GET", "POST, OPTIONS"),
        ("namespaces", "DELETE", "GET, OPTIONS"),
        ("namespaces/x", "PUT", "GET, OPTIONS"),
        ("namespaces/x/viewers/y", "GET", "DELETE, OPTIONS"),
        ("openapi.yaml", "POST", "GET, OPTIONS"),
        ("tickets", "TRACE", "POST, OPTIONS"),
    ],
)
async def test_a_wrong_method_is_405_and_told_the_right_ones(server, path, method, allowed):
    for headers in ({}, server.headers):
        answer = await ask(server, path, method, headers=headers)
        assert answer.code == 405 and told(answer)
        assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize(
    ("path", "method", "done"),
    [
        ("links", "POST", 400),
        ("links/none", "DELETE", 404),
        ("namespaces/x/viewers/nobody", "DELETE", 404),
    ],
)
async def test_a_cookie_without_its_xsrf_token_changes_nothing(
    server: Server, path: str, method: str, done: int
):
    """Threat S-20."""
    login = await ask(server, f"namespaces?token={server.token}")
    cookie = "; ".join(c.partition(";")[0] for c in login.headers.get_list("Set-Cookie"))
    refused = await ask(server, path, method, headers={"Cookie": cookie})
    assert refused.code == 403 and "_xsrf" in told(refused)["message"]
    for forged in ({"X-XSRFToken": ""}, {"X-XSRFToken": "mine"}, {"Sec-Fetch-Mode": "same-origin"}):
        assert (await ask(server, path, method, headers={"Cookie": cookie, **forged})).code == 403
    both = {"Cookie": f"{cookie}; _xsrf=mine", "X-XSRFToken": "mine"}
    assert (await ask(server, path, method, headers=both)).code == done
    foreign = {**both, "Origin": "http://evil.example"}
    assert (await ask(server, path, method, headers=foreign)).code == 404
    assert (await ask(server, "namespaces", headers={"Cookie": cookie})).code == 200


async def test_a_path_that_is_not_utf8_is_400(server: Server):
    answer = await ask(server, "namespaces/%ff", headers=server.headers)
    assert answer.code == 400 and told(answer)


async def test_what_goes_wrong_inside_is_500_without_a_word_of_it(server: Server, monkeypatch):
    monkeypatch.setattr(server.sio.directory, "entries", lambda: 1 / 0)
    answer = await ask(server, "namespaces", headers=server.headers)
    assert answer.code == 500
    assert told(answer) == {"message": "Internal Server Error", "reason": "Internal Server Error"}


@pytest.mark.parametrize(
    "asked",
    [
        {"expires": 10**400},
        {"expires": "9" * 5_000 + "d"},
        {"expires": 1e308},
        {"expires": True},
        {"streams": None},
        {"streams": {}},
        {"send": ["\ud800" * 129]},
        {"label": "\ud800" * 65},
        {"kernel_id": "\ud800"},
        {"kernel_id": None},
    ],
)
async def test_a_link_that_cannot_be_is_refused_and_breaks_nothing(
    server: Server, quiet_kernel: str, asked: dict[str, Any]
):
    body = json.dumps({"kernel_id": quiet_kernel, **asked})
    answer = await ask(server, "links", "POST", body=body, headers=server.headers)
    assert answer.code in (400, 404) and told(answer)
