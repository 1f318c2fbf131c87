"""Every handshake of the tables is answered as they say, before 101. Source: protocol.md §3.

``handshakes.csv``: a WebSocket is asked for, with each Host, credential and Origin.
``transports.csv``: any other way to ask. The first row that names a case counts; ``*`` is whatever
no row above names; the words are ``doors.py``'s.

Threats S-1, S-2, S-3, S-4, S-12 (tickets), S-13 (the cookie's secret rotated), S-16 (sid).
"""

from __future__ import annotations

import asyncio
import csv
import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from tests.integration.conftest import Server, Stage
from tests.integration.test_proofs import cookies_of
from tests.security import doors
from tests.security.raw import UPGRADE, Raw

HERE = Path(__file__).parent


class Table:
    """A table of answers: some words for the row, one for the column."""

    def __init__(self, name: str, keys: int) -> None:
        with (HERE / name).open() as file:
            lines = [line for line in file if not line.startswith("#")]
        (_, *head), *rows = [[cell.strip() for cell in row] for row in csv.reader(lines)]
        self.columns = head[keys - 1 :]
        self._rows = [
            (
                [cell.split(" | ") for cell in row[:keys]],
                dict(zip(self.columns, row[keys:], strict=True)),
            )
            for row in rows
        ]

    def expected(self, *words: str) -> int:
        """Look up what the first row says that has these words; the last is the column."""
        *keys, column = words
        for cells, row in self._rows:
            if all(cell == ["*"] or key in cell for key, cell in zip(keys, cells, strict=True)):
                return int(row[column])
        raise AssertionError(f"no row for {keys}")

    def words(self, place: int) -> set[str]:
        """List what the rows name at one place."""
        return {word for cells, _ in self._rows for word in cells[place]} - {"*"}


class House:
    """The server, a kernel in it, and somebody who tries every door."""

    def __init__(self, server: Server, kernel_id: str, credentials: doors.Credentials) -> None:
        self._server = server
        self._kernel_id = kernel_id
        self.credentials = credentials
        self.path = urlsplit(server.socket_url).path
        self.port = urlsplit(server.socket_url).port or 0

    async def knock(self, host: str, method: str, query: doors.Query, headers: doors.Header) -> int:
        """Try; a refusal leaves no session and tells nothing, an upgrade is greeted."""
        sockets = self._server.sio.router.eio.sockets
        client = await Raw.connect(self.port)
        target = f"{self.path}?{urlencode(query, quote_via=quote)}"
        answer = await client.request(method, target, [("Host", host), *headers])
        if answer.status == 101:
            assert (await client.read())[1].startswith(b'0{"sid"')
        else:
            assert not sockets and self._kernel_id not in answer.body + answer.head
        client.close()
        while sockets:
            await asyncio.sleep(0)
        return answer.status

    async def poll(self, host: str, query: doors.Query, headers: doors.Header) -> int:
        """Try to open a session that is polled; it is closed again."""
        client = await Raw.connect(self.port)
        target = f"{self.path}?{urlencode(query, quote_via=quote)}"
        answer = await client.request("GET", target, [("Host", host), *headers])
        sessions = list(self._server.sio.router.eio.sockets.values())
        assert len(sessions) == (answer.status == 200), answer.status
        for session in sessions:
            session.abort()
        client.close()
        return answer.status


@pytest.fixture
def house(server: Server, quiet_kernel: str, jp_asyncio_loop: Any) -> House:
    run = jp_asyncio_loop.run_until_complete

    def log_in() -> str:
        # The name of the cookie has the host in it: once for each that the tables know.
        at = [server.url.replace(here, name) for name in ("127.0.0.1", "localhost")]
        found = [run(cookies_of(replace(server, url=url)))["Cookie"] for url in at]
        return "; ".join(c for one in found for c in one.split("; ") if c.startswith("username-"))

    here = urlsplit(server.url).hostname or ""
    settings = server.serverapp.web_app.settings
    rotated, settings["cookie_secret"] = log_in(), b"another secret"
    credentials = doors.Credentials(server, quiet_kernel, cookie=log_in(), rotated=rotated)
    return House(server, quiet_kernel, credentials)


async def test_every_credential_host_and_origin(house: House):
    table, wrong, tried = Table("handshakes.csv", 2), [], 0
    for (where, host), who in itertools.product(doors.hosts(house.port).items(), house.credentials):
        for origin, header in doors.origins(host).items():
            query, headers = house.credentials.make(who)
            asked = ("GET", doors.WS + query, [*header, *headers, *UPGRADE])
            found, wanted = await house.knock(host, *asked), table.expected(where, who, origin)
            wrong += [(where, who, origin, found, wanted)] if found != wanted else []
            tried += 1
    assert not wrong, "\n".join(map(str, wrong))
    assert tried == 6 * 28 * 15
    assert table.words(1) < set(house.credentials) and table.words(0) < set(doors.hosts(1))


async def test_every_credential_and_transport(house: House):
    table, wrong, tried = Table("transports.csv", 3), [], 0
    places = itertools.product(("ip", "rebound"), ("same", "evil"), house.credentials)
    for where, origin, who in places:
        host = doors.hosts(house.port)[where]
        for transport, (method, asked, upgrade) in doors.transports().items():
            query, headers = house.credentials.make(who)
            headers = [*doors.origins(host)[origin], *headers, *upgrade]
            found = await house.knock(host, method, asked + query, headers)
            wanted = table.expected(where, origin, who, transport)
            wrong += [(where, origin, who, transport, found, wanted)] if found != wanted else []
            tried += 1
    assert not wrong, "\n".join(map(str, wrong))
    assert tried == 2 * 2 * 28 * 25
    assert table.words(2) < set(house.credentials)


async def test_of_two_tickets_none_opens_anything_and_both_are_used_up(house: House):
    tickets = [house.credentials.ticket(), house.credentials.ticket()]
    asked = [doors.WS + [("ticket", ticket) for ticket in tickets]]
    asked += [[*doors.WS, ("ticket", ticket)] for ticket in tickets]
    host = doors.hosts(house.port)["ip"]
    assert [await house.knock(host, "GET", query, list(UPGRADE)) for query in asked] == [403] * 3


async def test_a_ticket_is_used_up_whatever_the_answer(house: House):
    """Also by a method that is refused before anybody looks, and by what is no text beside it."""
    host, opened = doors.hosts(house.port)["ip"], {}
    unreadable = ("GET", [*doors.WS, ("ticket", b"\xff")], list(UPGRADE))
    for name, (method, asked, headers) in {**doors.transports(), "\xff": unreadable}.items():
        ticket = ("ticket", house.credentials.ticket())
        if await house.knock(host, method, [*asked, ticket], headers) != 101:
            opened[name] = await house.knock(host, "GET", [*doors.WS, ticket], list(UPGRADE))
    assert len(opened) > 20 and set(opened.values()) == {403}


async def test_a_sid_opens_nothing_though_somebody_has_it(stage: Stage, house: House):
    """S-16: neither as another user, nor with a ticket, nor as the very same user."""
    await stage.viewer()
    victim = stage.sessions()[-1]
    host, path = doors.hosts(house.port)["ip"], house.path
    for transport, who in itertools.product(("websocket", "polling"), house.credentials):
        query, headers = house.credentials.make(who)
        query = [("EIO", "4"), ("transport", transport), ("sid", victim.sid), *query]
        client = await Raw.connect(house.port)
        target = f"{path}?{urlencode(query)}"
        answer = await client.request("GET", target, [("Host", host), *headers, *UPGRADE])
        client.close()
        assert answer.status in (400, 403), (transport, who)
    assert victim in stage.sessions() and len(stage.sessions()) == 2
