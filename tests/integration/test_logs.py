"""No line of the log holds a token or a ticket, whatever became of the request that had it.

Threats S-12 and S-18.
"""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient

from tests.integration.conftest import Server, Stage

SOCKET = "socket.io/?EIO=4&transport=websocket"


@pytest.fixture
def logged(server: Server, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Catch every line of the server's, also those that nobody would see by default."""
    caplog.set_level(logging.DEBUG)
    server.serverapp.log.propagate = True
    return caplog


async def ask(server: Server, path: str, **options: Any) -> int:
    url = f"{server.url}jupyter-sio/{path}"
    response = await AsyncHTTPClient().fetch(url, raise_error=False, **options)
    return response.code


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("api/namespaces?", 200),
        ("api/namespaces/unknown?", 404),
        ("api/nothing?", 404),
        ("api/tickets?", 405),
        ("live/static/nothing?", 404),
        ("socket.io/?", 400),
        (f"{SOCKET}&sid=1&", 400),
    ],
)
async def test_no_line_holds_the_token_of_an_address(
    server: Server, logged: Any, path: str, status: int
):
    assert await ask(server, f"{path}token={server.token}") == status
    assert path.partition("?")[0] in logged.text and server.token not in logged.text


async def test_nor_where_something_went_wrong_inside(server: Server, logged: Any, monkeypatch: Any):
    monkeypatch.setattr(server.sio.directory, "entries", lambda: 1 / 0)
    assert await ask(server, f"api/namespaces?token={server.token}") == 500
    assert "ZeroDivisionError" in logged.text and server.token not in logged.text


async def test_no_line_holds_a_ticket_that_was_refused(stage: Stage, logged: Any):
    for ticket in (await stage.ticket(), "wrong" * 10):
        for _ in range(2):
            assert await ask(stage.server, f"{SOCKET}&ticket={ticket}") in (400, 403)
        assert "socket.io" in logged.text and ticket not in logged.text
    assert "Traceback" not in logged.text


async def test_a_line_is_one_line_and_not_a_long_one(
    server: Server, quiet_kernel: str, logged: Any
):
    await ask(server, "api/" + "x" * 5_000)
    body = json.dumps({"kernel_id": quiet_kernel, "expires": "\x1b[2J\n" * 1_000})
    await ask(server, "api/links", method="POST", body=body, headers=server.headers)
    lines = [r.getMessage() for r in logged.records if r.module == "discreet"]
    assert len(lines) == 2 and all(len(line) < 600 and line.isprintable() for line in lines)
