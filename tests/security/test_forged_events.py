"""No client calls what is the server's to call. Threat S-14.

The same against a bare router, with a spy on every handler: ``tests/server/test_router.py``.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.conftest import Stage

FORGED: dict[str, list[Any]] = {
    "connect": ["connect", {"jupyter_sio.user": "root", "jupyter_sio.access": None}, {}],
    "disconnect": ["disconnect", "client disconnect"],
    "connect_error": ["connect_error", {"message": "no"}],
    "catch-all": ["*", "VICTIM", 1],
    "of the server": ["$bye", {"code": 3510, "reason": "", "retry_ms": None}],
    "of a kernel": ["$publish", [1, 0, 0, 1]],
    "none": [],
    "number": [5],
    "list": [["connect"]],
    "object": [{"connect": 1}],
    "null": [None],
    "empty": [""],
    "long": ["x" * 65],
}


@pytest.mark.parametrize("joined", [False, True], ids=["before CONNECT", "after CONNECT"])
@pytest.mark.parametrize("binary", [False, True], ids=["EVENT", "BINARY_EVENT"])
async def test_it_closes_whoever_sends_it_and_reaches_nobody(
    stage: Stage, joined: bool, binary: bool
):
    heard: list[Any] = []
    router = stage.server.sio.router
    for event in ("connect", "disconnect", "*", "$bye"):
        router.on(event, lambda *args, event=event: heard.append(event), namespace="/courses/*")
    neighbour, wrong = await stage.viewer(), []
    before = stage.server.sio.registry.counts()
    for namespace in (stage.ns, "/kernels", "/courses/1"):
        for what, forged in FORGED.items():
            wire = await stage.socket()
            if joined:
                await wire.join(namespace)
            heard.clear()
            event = [*forged, {"_placeholder": True, "num": 0}] if binary else forged
            await wire.send(f"4{'51-' if binary else '2'}{namespace},{json.dumps(event)}")
            if binary:
                await wire.send(b"x")
            await wire.until_closed()
            told = ["disconnect"] * (joined and namespace == "/courses/1")
            if (wire.close_code, heard) != (3501, told):
                wrong.append((namespace, what, wire.close_code, [*heard]))
    assert not wrong
    await stage.settled(neighbour)
    assert stage.server.sio.registry.counts() == before
    assert not neighbour.closed and not neighbour.of("$bye") and not stage.publisher.of("$event")
