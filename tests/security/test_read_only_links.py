"""Who came by a link watches what it shows, and that is all; asked of a real kernel.

Threats S-10 (a link's holder sends to the kernel) and S-11 (… looks elsewhere). What each single
message is answered stands in ``access.csv``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from jupyter_sio.protocol import socketio
from jupyter_sio.protocol.messages import RULES
from tests.integration.conftest import Server
from tests.integration.test_kernel import run
from tests.wire import Wire, fetch

HEARD = ("stop", "go", "set", "message", "stop ", "Stop")
SCENE = f"""
import jupyter_sio as sio
heard = []
def listen(name):
    sio.on(name)(lambda *args, viewer: heard.append(name))
for name in {HEARD}:
    listen(name)
shown, hidden = sio.stream("loss"), sio.stream("hidden")
shown.push(step=1); hidden.push(step=1)
assert shown.flush() and hidden.flush()
"""


@asynccontextmanager
async def by_link(server: Server, kernel_id: str, **asked: Any) -> AsyncIterator[Wire]:
    """Make a link that shows one stream, and come in by it."""
    api, body = (
        f"{server.url}jupyter-sio/api",
        {"kernel_id": kernel_id, "streams": ["loss"], **asked},
    )
    _, link = await fetch(f"{api}/links", method="POST", body=body, headers=server.headers)
    _, answer = await fetch(f"{api}/tickets", method="POST", body={"link": link["secret"]})
    wire = await Wire.open(server.socket_url, ticket=answer["ticket"])
    try:
        await wire.join(f"/kernels/{kernel_id}", {"protocol": 1, "name": "manage"})
        yield wire
    finally:
        await wire.close()


async def test_nothing_that_a_link_sends_reaches_the_kernel(server: Server, kernel_id: str):
    await run(server, kernel_id, SCENE)
    ns = f"/kernels/{kernel_id}"
    async with by_link(server, kernel_id) as wire:
        for name in HEARD:
            for args in ((), ("x",), (b"bytes", {"deep": [b"more"]}), ({"viewer": {"id": "me"}},)):
                assert (await wire.ask(ns, name, *args))["code"] == 3507
                await wire.tell(ns, name, *args)
        assert (await wire.ask(ns, "$unsubscribe", {"id": 1}))["ok"]
    assert (await run(server, kernel_id, "print(heard)")).strip() == "[]"
    assert server.sio.owner._viewers.events_passed_on == 0


async def test_a_link_with_events_sends_these_and_no_others(server: Server, kernel_id: str):
    await run(server, kernel_id, SCENE)
    ns = f"/kernels/{kernel_id}"
    async with by_link(server, kernel_id, send=["stop"]) as wire:
        codes = {name: (await wire.ask(ns, name)).get("code") for name in HEARD}
    assert codes == {**dict.fromkeys(HEARD, 3507), "stop": None}
    assert (await run(server, kernel_id, "print(heard)")).strip() == "['stop']"


async def test_a_link_cannot_answer_for_somebody_else(server: Server, kernel_id: str):
    await run(server, kernel_id, SCENE)
    ns = f"/kernels/{kernel_id}"
    asked = await server.viewer(kernel_id, name="ada")
    calling = (
        "(ada,) = [v for v in sio.viewers() if v.name == 'ada']\nprint(sio.call('who', to=ada))"
    )
    async with by_link(server, kernel_id) as wire:
        answer = asyncio.ensure_future(run(server, kernel_id, calling))
        await asked.first("who")
        for number in range(1001):
            for frame in socketio.answer(ns, number, ["forged"]):
                await wire.send(frame)
        assert (await wire.ask(ns, "$unsubscribe", {"id": 1}))["ok"]
        (question,) = [e for e in asked.others if getattr(e, "name", "") == "who"]
        await asked.answer(question, "ada")
        assert (await answer).strip() == "ada"
    await asked.close()


@pytest.mark.parametrize("name", sorted(RULES))
async def test_a_reserved_name_in_another_spelling_is_no_way_in(
    server: Server, quiet_kernel: str, name: str
):
    ns = f"/kernels/{quiet_kernel}"
    for forged in (name + " ", name + "\0", "$" + name, name.upper(), "＄" + name[1:]):
        async with by_link(server, quiet_kernel, send=[name[1:]]) as wire:
            try:
                answer = await wire.ask(ns, forged, {"stream": "hidden"})
            except AssertionError:
                assert wire.close_code == 3501
            else:
                assert answer["code"] == 3507


async def test_every_namespace_but_its_own_is_the_same_nothing(server: Server, kernel_id: str):
    other = await server.start_kernel()
    names = [f"/kernels/{other}", "/kernels", "/", "/courses/1", "/*", "/**", "/kernels/*"]
    names += ["/kernels/", f"/kernels/{kernel_id.upper()}", f"/kernels/{kernel_id}/"]
    names += [
        f"//kernels/{kernel_id}",
        f"/kernels//{kernel_id}",
        f"/kernels/{kernel_id}/../{other}",
    ]
    async with by_link(server, kernel_id) as wire:
        told = [await wire.join(name, {"protocol": 1}) for name in names]
        assert all(isinstance(answer, socketio.JoinRefused) for answer in told)
        assert {answer.data["code"] for answer in told} == {3507}
        known, unknown = await wire.join(names[0]), await wire.join("/kernels/" + "0" * 32)
        assert (known.message, known.data) == (unknown.message, unknown.data)


async def test_a_restart_shows_a_link_nothing_more(server: Server, kernel_id: str):
    await run(server, kernel_id, SCENE)
    ns = f"/kernels/{kernel_id}"
    async with by_link(server, kernel_id) as wire:
        await wire.ask(ns, "$subscribe", {"stream": "loss"})
        await wire.first("$batch")
        url = f"{server.url}api/kernels/{kernel_id}/restart"
        assert (await fetch(url, method="POST", body={}, headers=server.headers))[0] == 200
        await run(server, kernel_id, SCENE)
        await wire.first("$reset")
        await wire.first("$batch", 2)
        for hidden in ("hidden", "hidden*", "*", "loss*"):
            refused = await wire.ask(ns, "$subscribe", {"stream": hidden})
            assert refused["code"] == 3507, hidden
        assert (await wire.ask(ns, "stop"))["code"] == 3507
        assert {entry["stream"] for (told,) in wire.of("$streams") for entry in told} == {"loss"}
        assert not any('"hidden"' in text for text in wire.texts)
    assert (await run(server, kernel_id, "print(heard)")).strip() == "[]"
