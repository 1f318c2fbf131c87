"""What is mounted, and for whom: the routing table itself, and what configuration may open.

Threats S-1b, S-2b. What each route answers to whom: ``test_access.py``.
"""

from __future__ import annotations

from typing import Any

import pytest
from jupyter_server.base.handlers import JupyterHandler
from tornado.httpclient import HTTPClientError

from tests.integration.conftest import Server
from tests.integration.test_proofs import cookies_of
from tests.wire import Wire

METHODS = ("get", "head", "post", "put", "patch", "delete")
# What strangers reach, since something else than an identity is asked of them there: a ticket, a
# secret in the body, or nothing, of a page without data.
OPEN = {
    "SocketHandler": {"get", "post"},
    "TicketsHandler": {"post"},
    "PageHandler": {"get"},
    "AssetHandler": {"get"},
}


@pytest.fixture(params=[{}])
def jp_server_config(jp_server_config: dict[str, Any], request: Any) -> dict[str, Any]:
    return {**jp_server_config, "ServerApp": {**jp_server_config["ServerApp"], **request.param}}


def ours(server: Server) -> list[Any]:
    app, found = server.serverapp.web_app, []
    for rule in [r for group in app.default_router.rules for r in group.target.rules]:
        if "jupyter-sio" in rule.matcher.regex.pattern.replace("\\", ""):
            found.append(rule.target)
    return found


async def test_every_handler_under_our_prefix_is_ours_and_closed_unless_it_is_listed(
    server: Server,
):
    found: dict[str, set[str]] = {}
    for handler in ours(server):
        assert handler.__module__.startswith("jupyter_sio.server."), handler
        assert issubclass(handler, JupyterHandler), handler
        for method in METHODS:
            if getattr(getattr(handler, method), "__allow_unauthenticated", False):
                found.setdefault(handler.__name__, set()).add(method)
    assert len(ours(server)) >= 6 and found == OPEN


PATTERN = {"allow_origin_pat": r"https://good\.org"}


@pytest.mark.filterwarnings("ignore:.*allow_origin_pat")  # Jupyter's, that it means the whole
@pytest.mark.parametrize("jp_server_config", [PATTERN], indirect=True)
async def test_a_pattern_of_origins_means_the_whole_origin(server: Server):
    headers = await cookies_of(server)
    origins = {
        "https://good.org": 101,
        "https://good.org.evil.com": 403,
        "https://good.org:444": 403,
        "https://evil.com/https://good.org": 403,
        "https://good.org@evil.com": 403,
        "http://good.org": 403,
    }
    answered = {}
    for origin in origins:
        try:
            await (
                await Wire.open(server.socket_url, headers={**headers, "Origin": origin})
            ).close()
            answered[origin] = 101
        except HTTPClientError as exc:
            answered[origin] = exc.code
    assert answered == origins
