"""Who may poll: the identity that opened the session, and nobody else.

Source: protocol.md §3. Threats S-1, S-2, S-4, S-16.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_server.auth import Authorizer, User
from jupyter_server.auth.identity import PasswordIdentityProvider
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.simple_httpclient import HTTPStreamClosedError
from tornado.websocket import websocket_connect

from tests.integration.conftest import Server, Stage
from tests.integration.test_proofs import cookies_of
from tests.poller import Poller
from tests.wire import fetch

EVIL = "http://evil.example"


class Team(PasswordIdentityProvider):
    """Knows who has which token: several people on one server, some alike in name."""

    people = ("ada", "ben")

    async def get_user_token(self, handler: Any) -> User | None:
        token = self.get_token(handler)
        if token in self.people:
            return User(username=token, display_name="A. Colleague")
        return await super().get_user_token(handler)


class Rights(Authorizer):
    """Allows these actions on ours."""

    actions: tuple[str, ...] = ()

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return resource != "jupyter_sio" or action in self.actions


@pytest.fixture(params=["with a token"])
def jp_server_config(
    jp_server_config: dict[str, Any], request: Any, monkeypatch: Any
) -> dict[str, Any]:
    monkeypatch.setattr(Rights, "actions", ("read", "write", "execute"))
    serverapp = {
        **jp_server_config["ServerApp"],
        "identity_provider_class": Team,
        "authorizer_class": Rights,
    }
    if request.param == "open":
        serverapp |= {"token": "", "allow_unauthenticated_access": True}
    traits = {"polling": True}
    if isinstance(request.param, dict):
        traits |= request.param
    return {**jp_server_config, "ServerApp": serverapp, "JupyterSio": traits}


class Opener:
    """Opens sessions of a server, and closes them all after the test."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._pollers: list[Poller] = []

    def poller(self, headers: dict[str, str], sid: str = "") -> Poller:
        self._pollers.append(Poller(self._server.socket_url, headers))
        self._pollers[-1].sid = sid
        return self._pollers[-1]

    async def open(self, headers: dict[str, str] | None = None) -> Poller:
        headers = self._server.headers if headers is None else headers
        self._pollers.append(await Poller.open(self._server.socket_url, headers))
        return self._pollers[-1]

    def close(self) -> None:
        for poller in self._pollers:
            poller.close()


@pytest.fixture
def opener(server: Server) -> Iterator[Opener]:
    opener = Opener(server)
    yield opener
    opener.close()


def by(name: str) -> dict[str, str]:
    return {"Authorization": f"token {name}"}


def sessions(server: Server) -> int:
    return len(server.sio.router.eio.sockets)


async def upgrade(server: Server, sid: str, headers: dict[str, str], **query: str) -> int:
    """Get what a WebSocket for a session is answered with; 101 if it opened."""
    more = "".join(f"&{key}={value}" for key, value in query.items())
    url = f"{server.socket_url}?EIO=4&transport=websocket&sid={sid}{more}"
    try:
        opened = await websocket_connect(HTTPRequest(url.replace("http", "ws", 1), headers=headers))
    except HTTPClientError as exc:
        return exc.code
    opened.close()
    return 101


# --- whose a session is --------------------------------------------------------------------------


async def test_another_identity_is_answered_as_if_there_were_no_session(
    server: Server, opener: Opener
):
    victim = await opener.open(by("ada"))
    thief, nobody = opener.poller(by("ben"), victim.sid), opener.poller(by("ben"), "x" * 20)
    for body in (None, "3"):
        stolen, unknown = await thief.fetch(body), await nobody.fetch(body)
        assert stolen.code == unknown.code == 400
        assert stolen.body.replace(victim.sid.encode(), b"x" * 20) == unknown.body
    for sid in (victim.sid, "x" * 20):
        assert await upgrade(server, sid, by("ben")) == 400
    await victim.join("/kernels")
    assert not any(bye for bye in victim.of("$bye"))


async def test_a_name_that_is_shown_is_no_identity(server: Server, opener: Opener):
    """Ada and Ben are both shown as "A. Colleague"."""
    victim = await opener.open(by("ada"))
    (session,) = server.sio.router.eio.sockets.values()
    assert session.access.user == "A. Colleague"
    assert (await opener.poller(by("ben"), victim.sid).fetch("41")).code == 400
    assert not session.closing


@pytest.mark.parametrize("headers", [{}, by("wrong"), {"Authorization": "bearer x"}])
async def test_a_stranger_with_the_id_gets_nothing(
    server: Server, opener: Opener, headers: dict[str, str]
):
    victim = await opener.open()
    thief = opener.poller(headers, victim.sid)
    assert (await thief.fetch()).code == (await thief.fetch("1")).code == 403
    assert await upgrade(server, victim.sid, headers) == 403
    assert (await opener.poller(headers).fetch()).code == 403
    assert sessions(server) == 1


async def test_one_token_is_one_identity_whatever_name_jupyter_draws(
    server: Server, opener: Opener
):
    poller = await opener.open()
    await poller.join("/kernels")
    assert await upgrade(server, poller.sid, server.headers) == 101


async def test_a_cookie_is_an_identity_with_or_without_its_token(server: Server, opener: Opener):
    cookies = await cookies_of(server)
    poller = await opener.open({**cookies, **server.headers})
    await poller.join("/kernels")
    assert await upgrade(server, poller.sid, cookies) == 101
    other = await cookies_of(server)
    assert await upgrade(server, poller.sid, other) == 400


@pytest.mark.parametrize("jp_server_config", ["open"], indirect=True)
async def test_where_jupyter_asks_nobody_there_is_nobody_to_tell_apart(
    server: Server, opener: Opener
):
    poller = await opener.open({})
    waiting = asyncio.ensure_future(opener.poller({}, poller.sid).fetch())
    await asyncio.sleep(0.05)
    assert (await poller.fetch("1")).code == 403  # no XSRF token
    assert (await poller.fetch(headers={"Origin": EVIL})).code == 403
    server.sio.router.eio.sockets[poller.sid].abort()
    with pytest.raises((OSError, HTTPStreamClosedError)):
        await waiting


async def test_an_id_is_drawn_anew_and_long(server: Server, opener: Opener):
    sids = [(await opener.open()).sid for _ in range(20)]
    # engineio's: 12 random bytes, and a number behind them
    assert len({sid[:16] for sid in sids}) == 20 and {len(sid) for sid in sids} == {20}


async def test_a_websockets_session_is_not_polled(stage: Stage, opener: Opener):
    await stage.viewer()
    for session in stage.sessions():
        thief = opener.poller(stage.server.headers, session.sid)
        assert (await thief.fetch()).code == (await thief.fetch("1")).code == 400
        assert await upgrade(stage.server, session.sid, stage.server.headers) == 400
    assert len(stage.sessions()) == 2


async def test_rights_that_change_end_the_session(stage: Stage, opener: Opener):
    poller = await opener.open()
    await poller.join(stage.ns)
    Rights.actions = ("read",)
    await asyncio.wait_for(poller.until(lambda: poller.of("$bye")), 20)
    assert poller.of("$bye")[0][0]["code"] == 3014
    Rights.actions = ()
    assert (await opener.poller(stage.server.headers, poller.sid).fetch()).code == 403


@pytest.mark.parametrize("jp_server_config", [{"identity_seconds": 0.3}], indirect=True)
async def test_a_login_that_ends_ends_the_session_while_its_poll_waits(
    stage: Stage, opener: Opener
):
    poller = await opener.open(await cookies_of(stage.server))
    session = stage.sessions()[-1]
    session.receive(f"40{stage.ns},")
    await poller.until(lambda: poller.of("$streams"))
    waiting = asyncio.ensure_future(poller.poll())
    looked_at = stage.server.sio.identities.checks
    while stage.server.sio.identities.checks < looked_at + 3:
        await asyncio.sleep(0.01)
    assert not waiting.done() and not session.closing
    stage.server.serverapp.web_app.settings["cookie_secret"] = b"another secret"
    await asyncio.wait_for(waiting, 20)
    assert poller.of("$bye")[0][0]["code"] == 3005
    assert (await poller.fetch()).code == 403


# --- tickets -------------------------------------------------------------------------------------


async def test_a_ticket_opens_no_session_that_is_polled(stage: Stage, opener: Opener):
    """It is used up all the same."""
    ticket = await stage.ticket()
    for headers in ({}, stage.server.headers):
        answer = await opener.poller(headers).fetch(ticket=ticket)
        assert answer.code in (400, 403) and b'"sid"' not in answer.body
    assert len(stage.sessions()) == 1


async def test_a_ticket_joins_no_session(stage: Stage, opener: Opener):
    poller = await opener.open()
    for headers in ({}, stage.server.headers):
        ticket = await stage.ticket()
        assert await upgrade(stage.server, poller.sid, headers, ticket=ticket) == 400
    for body in (None, "1"):
        answer = await poller.fetch(body, ticket=await stage.ticket())
        assert answer.code == 400
    await poller.join(stage.ns)


# --- other sites ---------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", [EVIL, "null", "https://localhost", "http://localhost.evil.x"])
async def test_a_page_of_another_site_gets_nothing(server: Server, opener: Opener, origin: str):
    cookies = await cookies_of(server)
    victim = await opener.open(cookies)
    page = opener.poller({**cookies, "Origin": origin})
    assert (await page.fetch()).code == 403
    page.sid = victim.sid
    assert (await page.fetch()).code == 403
    assert (await page.fetch("1")).code in (403, 404)
    assert await upgrade(server, victim.sid, page.headers) == 403
    assert sessions(server) == 1


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_what_a_page_of_another_site_embeds_gets_nothing(
    server: Server, opener: Opener, site: str
):
    """``<script src=…>`` names no origin; Jupyter's own answer to it is JSONP's only guard."""
    cookies = await cookies_of(server)
    embedded = opener.poller({**cookies, "Sec-Fetch-Site": site})
    assert (await embedded.fetch()).code == 403
    assert sessions(server) == 0
    for own in ("same-origin", "none"):
        assert await opener.open({**cookies, "Sec-Fetch-Site": own})


async def test_a_request_names_one_session(server: Server, opener: Opener):
    poller = await opener.open()
    url = f"{server.socket_url}?EIO=4&transport=polling&sid={poller.sid}&sid={poller.sid}"
    assert (await fetch(url, headers=server.headers))[0] == 400
    await poller.join("/kernels")


@pytest.mark.parametrize("number", ["0", "1", "x"])
async def test_jsonp_is_not_spoken(server: Server, opener: Opener, number: str):
    assert (await opener.poller(server.headers).fetch(j=number)).code == 400
    poller = await opener.open()
    assert (await poller.fetch(j=number)).code == (await poller.fetch("1", j=number)).code == 400
    await poller.join("/kernels")


async def test_a_cookie_alone_sends_nothing_without_jupyters_token_against_forgery(
    server: Server, opener: Opener
):
    cookies = await cookies_of(server)
    page = await AsyncHTTPClient().fetch(f"{server.url}login")
    (xsrf,) = [c for c in page.headers.get_list("Set-Cookie") if c.startswith("_xsrf=")]
    cookies["Cookie"] += f"; {xsrf.split(';')[0]}"
    poller = await opener.open(cookies)
    for wrong in ("", "2|1|2|3"):
        assert (await poller.fetch("40/kernels,", headers={"X-XSRFToken": wrong})).code == 403
    poller.headers = {**cookies, "X-XSRFToken": xsrf.partition("=")[2].partition(";")[0]}
    await poller.join("/kernels")


async def test_the_host_is_checked(server: Server, opener: Opener):
    assert (await opener.poller({**server.headers, "Host": "evil.example"}).fetch()).code == 403


# --- answers -------------------------------------------------------------------------------------


async def test_an_answer_is_for_its_client_alone_and_is_plain_text(stage: Stage, opener: Opener):
    poller = await opener.open()
    await poller.join(stage.ns)
    await poller.until(lambda: poller.of("$streams"))
    await stage.publisher.ask(stage.ns, "$emit", {"event": "large"}, bytes(10_000))
    answer = await poller.fetch(headers={"Accept-Encoding": "gzip"})
    assert len(answer.body) > 10_000
    assert answer.headers["Content-Type"] == "text/plain; charset=UTF-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Etag" not in answer.headers


@pytest.mark.parametrize("jp_server_config", [{"max_connections": 2}], indirect=True)
async def test_sessions_that_are_polled_count_among_the_connections(server: Server, opener: Opener):
    poller = await opener.open()
    await poller.join("/kernels")
    assert await poller.post("4") == 400  # over; its last word waits
    assert (sessions(server), len(server.sio.polls), server.sio.polls.leaving) == (0, 1, 1)
    await opener.open()
    assert (await opener.poller(server.headers).fetch()).code == 429
    await poller.poll()
    assert server.sio.polls.leaving == 0
    await opener.open()
