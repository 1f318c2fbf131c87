"""Nobody gets a WebSocket without an identity or a ticket, however Jupyter is configured.

Source: protocol.md §3.
"""

from __future__ import annotations

from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from tests.integration.conftest import Server, Stage
from tests.wire import Wire, fetch

EVIL = "http://evil.example"


@pytest.fixture(params=["default", "no token"])
def jp_server_config(jp_server_config: dict[str, Any], request: Any) -> dict[str, Any]:
    """Configure as Jupyter is by default (which lets strangers through to handlers), or openly."""
    serverapp = {**jp_server_config["ServerApp"], "allow_unauthenticated_access": True}
    if request.param == "no token":
        serverapp["token"] = ""
    return {**jp_server_config, "ServerApp": serverapp}


default = pytest.mark.parametrize("jp_server_config", ["default"], indirect=True)
openly = pytest.mark.parametrize("jp_server_config", ["no token"], indirect=True)


async def status(server: Server, headers: dict[str, str], **query: str) -> int:
    """Get what a handshake is answered with; 101 if it opened."""
    try:
        wire = await Wire.open(server.socket_url, headers=headers, **query)
    except HTTPClientError as exc:
        return exc.code
    await wire.close()
    return 101


@default
async def test_strangers_get_nothing_though_jupyter_lets_them_through(
    server: Server, quiet_kernel: str
):
    for headers in ({}, {"Authorization": "token wrong"}, {"Cookie": "username-x=y"}):
        assert await status(server, headers) == 403
        for path in ("", f"/{quiet_kernel}"):
            url = f"{server.url}jupyter-sio/api/namespaces{path}"
            assert (await fetch(url, headers=headers))[0] == 403
        url = f"{server.url}jupyter-sio/api/namespaces/{quiet_kernel}/viewers/x"
        assert (await fetch(url, method="DELETE", headers=headers))[0] == 403
    assert await status(server, server.headers) == 101


@default
async def test_a_claim_needs_no_identity(stage: Stage):
    opened = await stage.open()
    assert opened["ok"]


@openly
async def test_where_jupyter_asks_for_no_token_the_origin_still_counts(server: Server):
    assert await status(server, {}) == 101
    assert await status(server, {"Origin": EVIL}) == 403
    assert await status(server, {"Origin": EVIL, "Authorization": "token anything"}) == 403


@default
async def test_the_host_is_checked_of_a_tickets_holder_too(stage: Stage):
    assert await status(stage.server, {"Host": "evil.example"}, ticket=await stage.ticket()) == 403
    assert await status(stage.server, {"Origin": EVIL}, ticket=await stage.ticket()) == 101


@default
async def test_a_wrong_ticket_is_not_mended_by_an_identity(stage: Stage):
    ticket = await stage.ticket()
    assert await status(stage.server, stage.server.headers, ticket="wrong") == 403
    assert await status(stage.server, stage.server.headers, ticket=ticket + "x") == 403
    assert await status(stage.server, {}, ticket=ticket) == 101
