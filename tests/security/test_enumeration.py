"""Nobody learns which kernels there are by guessing. Threat S-15.

The socket's holder of a ticket; REST is in ``test_access.py``.
"""

from __future__ import annotations

import asyncio
import uuid

import pytest

from jupyter_sio.protocol import socketio
from tests.integration.conftest import Stage
from tests.wire import Wire, fetch


@pytest.mark.parametrize("by", ["link", "claim"])
async def test_what_is_there_and_what_is_not_are_refused_alike(
    stage: Stage, quiet_spec: str, by: str
):
    server, forbidden = stage.server, await stage.server.start_kernel(quiet_spec)
    assert f"/kernels/{forbidden}" in server.sio.router.live()
    wire = stage.keep(await Wire.open(server.socket_url, ticket=await ticket(stage, by)))
    await wire.join(stage.ns)
    ids = [*(str(uuid.uuid4()) for _ in range(2_000)), forbidden, forbidden.upper(), "", "*", ".."]
    for kernel_id in ids:
        await wire.send(socketio.connect(f"/kernels/{kernel_id}", {"protocol": 1}))
    await wire.until(lambda: len(refused(wire)) == len(ids))
    answers = {(one.message, str(one.data)) for one in refused(wire)}
    assert answers == {("no such namespace", "{'code': 3507}")} and not wire.closed
    assert [one.namespace for one in refused(wire)] == [f"/kernels/{name}" for name in ids]


async def test_nor_does_asking_make_anything(stage: Stage):
    """Neither a namespace, nor a word to anybody, nor more work for a name that exists."""
    counts = stage.server.sio.registry.counts()
    wire = await stage.viewer()
    for _ in range(500):
        await wire.send(socketio.connect(f"/kernels/{uuid.uuid4()}"))
    await stage.settled(wire)
    await wire.close()
    while stage.server.sio.registry.counts() != counts:
        await asyncio.sleep(0.01)


def refused(wire: Wire) -> list[socketio.JoinRefused]:
    return [other for other in wire.others if isinstance(other, socketio.JoinRefused)]


async def ticket(stage: Stage, by: str) -> str:
    if by == "claim":
        return await stage.ticket()
    url, headers = f"{stage.server.url}jupyter-sio/api/", stage.server.headers
    body = {"kernel_id": stage.kernel_id}
    _, link = await fetch(f"{url}links", method="POST", body=body, headers=headers)
    _, answer = await fetch(f"{url}tickets", method="POST", body={"link": link["secret"]})
    found: str = answer["ticket"]
    return found
