"""Log lines of what clients send are short, printable, few, and without secrets. Threat S-18.

Requests and their addresses: ``tests/integration/test_logs.py``.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest

from tests.integration.conftest import Stage
from tests.integration.test_proofs import cookies_of
from tests.security.raw import UPGRADE, Raw
from tests.security.witnesses import logged
from tests.wire import Wire

NASTY = "\r\n[I 2026-01-01 ServerApp] all is well\x1b[31m\x9b2J\u202e\u2028"
HUGE = "x" * 900_000
REJECTED = {
    "frame": lambda ns, bad: bad,
    "packet": lambda ns, bad: f"4{bad}",
    "namespace": lambda ns, bad: f"42/{bad},[1]",
    "event": lambda ns, bad: f"42{ns},{json.dumps([bad])}",
    "reserved event": lambda ns, bad: f"42{ns},{json.dumps(['$' + bad])}",
    "body": lambda ns, bad: f"42{ns},{bad}",
    "id": lambda ns, bad: f"42{ns},1{bad}[1]",
    "name": lambda ns, bad: f"40/kernels/x,{json.dumps({'name': bad})}",
    "protocol": lambda ns, bad: f"40/kernels/x,{json.dumps({'protocol': bad})}",
    "acknowledgement": lambda ns, bad: f"42{ns},{json.dumps(['$ack', bad])}",
    "placeholder": lambda ns, bad: (
        f"451-{ns},{json.dumps(['go', {'_placeholder': True, 'num': bad}])}"
    ),
}


@pytest.mark.parametrize("bad", [NASTY, HUGE], ids=["nasty", "huge"])
async def test_whatever_is_rejected(stage: Stage, bad: str):
    with logged() as log:
        for write in REJECTED.values():
            wire = await stage.viewer()
            await wire.send(write(stage.ns, bad))
            await wire.send("4")  # in case that was none of it
            await wire.until_closed()
    log.check(most=2 * len(REJECTED))
    assert not any("all is well\x1b" in line for line in log.lines)
    assert log.lines and max(map(len, log.lines)) < 300


HEADERS = ("Host", "Origin", "Referer", "User-Agent", "Authorization", "Cookie")


@pytest.mark.parametrize("bad", ["\x9b2J\x85" * 3, "x" * 30_000], ids=["nasty", "huge"])
@pytest.mark.parametrize("name", HEADERS)
async def test_whatever_stands_in_a_header(stage: Stage, name: str, bad: str):
    where = urlsplit(stage.server.socket_url)
    client = await Raw.connect(where.port or 0)
    cookies = (await cookies_of(stage.server))["Cookie"]  # who is known is looked at further
    headers = {"Host": where.netloc, "Cookie": cookies, name: bad}
    with logged() as log:
        target = f"{where.path}?EIO=4&transport=websocket"
        answer = await client.request("GET", target, [*headers.items(), *UPGRADE])
        client.close()
        assert 400 <= answer.status < 500 or name in ("Referer", "User-Agent", "Authorization")
        await stage.settled()
    log.check(most=5)


async def test_a_connection_that_goes_wrong_again_and_again_writes_few_lines(stage: Stage):
    """Refusals are answered, and counted, and not logged."""
    wire = await stage.viewer()
    with logged() as log:
        for n in range(200):
            await wire.join(f"/kernels/none{n}")
            await wire.ask(stage.ns, "$subscribe", {"stream": NASTY * 20, "tail": -1})
            await wire.tell(stage.ns, NASTY[:20])
    log.check(most=10)


async def test_no_line_holds_what_opened_a_door(stage: Stage):
    server, ticket = stage.server, await stage.ticket()
    with logged() as log:
        wire = stage.keep(await Wire.open(server.socket_url, ticket=ticket))
        await wire.join(stage.ns)
        await wire.send(f"42{stage.ns},{json.dumps([ticket])}")
        other = await stage.viewer()
        await other.send(server.token)
        for one in (wire, other):
            await one.until_closed()
    secrets = (ticket, server.token, server.key(stage.kernel_id).decode())
    assert not [line for line in log.lines if any(secret in line for secret in secrets)]
