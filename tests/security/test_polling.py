"""Where polling is on, the doors are as narrow as before; and what is sent there is fuzzed.

Threats S-1 to S-4, S-16; fault F-16.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
from typing import Any

import pytest

from tests.integration.conftest import Stage
from tests.poller import SEPARATOR, Poller
from tests.security import doors
from tests.security.fuzz import Message, Mutants
from tests.security.raw import UPGRADE
from tests.security.test_handshakes import House, Table, house
from tests.security.witnesses import logged

__all__ = ["house"]

POLL: doors.Query = [("EIO", "4"), ("transport", "polling")]
SESSIONS = 150


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any]) -> dict[str, Any]:
    return {**jp_server_config, "JupyterSio": {"polling": True, "max_connections": 2 * SESSIONS}}


def polled(found: int, who: str) -> tuple[int, ...]:
    """Say what a poll may be answered with where a WebSocket is answered ``found``."""
    if found == 101:
        return (400,) if "ticket" in who else (200,)
    return (400, 403) if "ticket" in who else (found,)


async def test_whom_a_websocket_is_refused_a_poll_is_too(house: House):
    """But for tickets, which open WebSockets only."""
    table, wrong, tried = Table("handshakes.csv", 2), [], 0
    for (where, host), who in itertools.product(doors.hosts(house.port).items(), house.credentials):
        for origin, header in doors.origins(host).items():
            query, headers = house.credentials.make(who)
            found = await house.poll(host, POLL + query, [*header, *headers])
            wanted = polled(table.expected(where, who, origin), who)
            wrong += [] if found in wanted else [(where, who, origin, found, wanted)]
            tried += 1
    assert not wrong, "\n".join(map(str, wrong))
    assert tried == 6 * 28 * 15


async def test_the_websocket_is_opened_to_whom_it_was(house: House):
    table, host = Table("handshakes.csv", 2), doors.hosts(house.port)["ip"]
    for who, (origin, header) in itertools.product(house.credentials, doors.origins(host).items()):
        query, headers = house.credentials.make(who)
        asked = ("GET", doors.WS + query, [*header, *headers, *UPGRADE])
        assert await house.knock(host, *asked) == table.expected("ip", who, origin), (who, origin)


def payload_of(messages: list[Message]) -> str:
    texts = [
        message if isinstance(message, str) else "b" + base64.b64encode(message).decode()
        for message in messages
    ]
    return SEPARATOR.join(text.encode("utf-8", "replace").decode() for text in texts)


async def test_whatever_is_sent_a_session_answers_or_is_closed(stage: Stage):
    neighbour, mutants = await stage.viewer(), Mutants(16)
    url, headers = stage.server.socket_url, stage.server.headers
    open_at_the_end = 0
    with logged() as log:
        for _ in range(SESSIONS):
            poller = await Poller.open(url, headers)
            await poller.join(stage.ns)
            status = (await poller.fetch(payload_of(mutants.sequence(stage.ns)))).code
            assert status in (200, 400)
            if status == 200 and await poller.post("40/last,") == 200:
                said: list[str] = []
                while not any(packet.startswith("44/last,") for packet in said):
                    said += await asyncio.wait_for(poller.get(), 10)
                assert await poller.post("1") == 200
                open_at_the_end += 1
            else:
                assert "1" in await asyncio.wait_for(poller.get(), 10)
            poller.close()
        log.check(most=4 * SESSIONS)
    await stage.settled(neighbour)
    assert 0 < open_at_the_end < SESSIONS and not neighbour.closed
    assert len(stage.sessions()) == 2 and not len(stage.server.sio.polls)
    assert stage.server.sio.router.statistics().failed_handlers == 0
