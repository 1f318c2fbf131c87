"""Everybody tries everything: what came of it is what ``access.csv`` says.

A row is a route or a message, a column is who tries. Threats S-10, S-11 and S-20.
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tornado import web

from jupyter_sio.protocol import messages
from jupyter_sio.protocol.messages import RULES
from tests.integration.conftest import Server, Stage
from tests.security.attempts import ATTEMPTS
from tests.security.roles import ACTIONS, ROLES, Only, Scene
from tests.wire import fetch

TABLE = Path(__file__).with_name("access.csv")
ROWS = list(csv.DictReader(TABLE.read_text().splitlines()))


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any], monkeypatch: Any) -> dict[str, Any]:
    monkeypatch.setattr(Only, "actions", ACTIONS["all"])
    serverapp = {**jp_server_config["ServerApp"], "authorizer_class": Only}
    return {**jp_server_config, "ServerApp": serverapp}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['what']} {row['with']}".strip())
async def test_everybody_gets_what_the_table_says(
    stage: Stage, quiet_spec: str, row: dict[str, str]
):
    scene = await Scene.build(stage, await stage.server.start_kernel(quiet_spec))
    got = {}
    for role in ROLES:
        Only.actions = ACTIONS.get(role, ACTIONS["all"])
        got[role] = await ATTEMPTS[row["by"]](scene, role, row["what"], row["with"])
    assert got == {role: row[role] for role in ROLES}


def methods(handler: Any) -> set[str]:
    """List the HTTP methods that a handler has."""
    return {
        method
        for method in handler.SUPPORTED_METHODS
        if getattr(handler, method.lower()) is not getattr(web.RequestHandler, method.lower())
    }


async def test_every_route_has_a_row(server: Server):
    tried = {tuple(row["what"].split(" ", 1)) for row in ROWS if row["by"] == "http"}
    for pattern, handler, *_ in server.sio.handlers:
        for method in methods(handler):
            found = [
                p for m, p in tried if m == method and re.fullmatch(pattern, f"/jupyter-sio/{p}")
            ]
            assert found, f"{TABLE.name} has no row for {method} {pattern}"


def test_every_message_has_a_row():
    tried = {row["what"] for row in ROWS if row["by"] == "message"}
    named = {getattr(kind, "name", None) for kind in vars(messages).values()}
    known = {name for name in named if isinstance(name, str) and name.startswith("$")}
    assert known >= set(RULES)
    assert {*known, "$namespaces", "$namespace"} <= tried
    assert any(not name.startswith("$") for name in tried)


def test_the_table_answers_for_everybody():
    for row in ROWS:
        assert set(row) == {"by", "what", "with", *ROLES} and all(row[role] for role in ROLES)
    assert len({(row["by"], row["what"], row["with"]) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("role", ACTIONS)
async def test_a_page_can_ask_jupyter_what_to_show(server: Server, role: str):
    Only.actions = ACTIONS[role]
    wanted = quote(json.dumps({"jupyter_sio": ["read", "write", "execute"]}))
    status, me = await fetch(f"{server.url}api/me?permissions={wanted}", headers=server.headers)
    assert status == 200
    assert me["permissions"]["jupyter_sio"] == list(ACTIONS[role])
