"""Live connections are looked at again as long as they stay. Source: protocol.md §8.

Threat S-13: a login that was revoked while a socket was open.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from jupyter_server.auth import Authorizer
from jupyter_server.auth.identity import PasswordIdentityProvider
from tornado import web
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from jupyter_sio.protocol.messages import Grant
from jupyter_sio.server.identities import Asked, rights_now
from tests.integration.conftest import Server, Stage
from tests.wire import Wire, fetch


class Rights(Authorizer):
    """Allows these actions on ours."""

    actions: tuple[str, ...] = ("read", "write", "execute")

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return resource != "jupyter_sio" or action in self.actions


class Fickle(PasswordIdentityProvider):
    """Knows everybody, unless it is down, forbids, or takes its time."""

    trouble: Callable[[], Any] | None = None

    async def get_user(self, handler: Any) -> Any:
        if self.trouble is not None:
            await self.trouble()
        return await super().get_user(handler)


@pytest.fixture
def jp_server_config(
    jp_server_config: dict[str, Any], monkeypatch: Any, request: Any
) -> dict[str, Any]:
    monkeypatch.setattr(Rights, "actions", ("read", "write", "execute"))
    serverapp = {
        **jp_server_config["ServerApp"],
        "authorizer_class": Rights,
        "identity_provider_class": Fickle,
    }
    traits = {"identity_seconds": 0.2, **getattr(request, "param", {})}
    return {**jp_server_config, "ServerApp": serverapp, "JupyterSio": traits}


def configured(**traits: Any) -> Any:
    return pytest.mark.parametrize("jp_server_config", [traits], indirect=True)


async def cookie_of(server: Server) -> str:
    """Log in as a browser does, by the token; returns what it sends from then on."""
    url = f"{server.url}api/status?token={server.token}"
    answer = await AsyncHTTPClient().fetch(url)
    return "; ".join(line.split(";")[0] for line in answer.headers.get_list("Set-Cookie"))


async def by_cookie(stage: Stage) -> Wire:
    headers = {"Cookie": await cookie_of(stage.server)}
    wire = stage.keep(await Wire.open(stage.server.socket_url, headers=headers))
    await wire.join(stage.ns, {"protocol": 1})
    return wire


async def looked_at(server: Server, times: int = 2) -> None:
    """Wait until everybody was looked at again so often."""
    looks = server.sio.identities
    wanted = looks.checks + times * len(server.sio.router.eio.sockets)
    for _ in range(1_000):
        if looks.checks >= wanted:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody was looked at")


async def test_who_may_stay_is_left_alone(stage: Stage):
    by_token, cookie = await stage.viewer(), await by_cookie(stage)
    await looked_at(stage.server, 3)
    await stage.settled(by_token, cookie)
    assert by_token.of("$bye") == cookie.of("$bye") == []
    assert stage.server.sio.identities.ended == 0


async def test_a_publisher_is_not_asked_for_a_login(stage: Stage):
    await stage.viewer()
    await looked_at(stage.server)
    assert (await stage.publisher.ask(stage.ns, "$viewers"))[0]["id"]


async def test_a_cookie_ends_with_the_secret_that_signed_it(stage: Stage):
    wire = await by_cookie(stage)
    stage.server.serverapp.web_app.settings["cookie_secret"] = secrets.token_bytes(32)
    (bye,) = await wire.first("$bye")
    assert (bye["code"], bye["reason"]) == (3005, "your login is not valid any more")
    await wire.until_closed()
    assert wire.close_code == 3005


async def test_an_old_cookie_opens_nothing_after_the_secret_was_changed(stage: Stage):
    headers = {"Cookie": await cookie_of(stage.server)}
    stage.server.serverapp.web_app.settings["cookie_secret"] = secrets.token_bytes(32)
    with pytest.raises(HTTPClientError) as refused:
        await Wire.open(stage.server.socket_url, headers=headers)
    assert refused.value.code == 403


async def test_a_token_that_was_revoked_ends_its_connections(stage: Stage):
    wire = await stage.viewer()
    stage.server.serverapp.identity_provider.token = "another"
    assert (await wire.first("$bye"))[0]["code"] == 3005


@pytest.mark.parametrize("actions", [("read",), ("read", "write"), ()])
async def test_rights_that_were_taken_away_ask_for_a_new_login(
    stage: Stage, monkeypatch: Any, actions: tuple[str, ...]
):
    wire = await stage.viewer()
    monkeypatch.setattr(Rights, "actions", actions)
    (bye,) = await wire.first("$bye")
    assert (bye["code"], bye["reason"]) == (3014, "your rights have changed")
    await wire.until_closed()


async def test_every_namespace_is_told(stage: Stage):
    wire = await stage.viewer()
    await wire.join("/kernels")
    stage.server.serverapp.identity_provider.token = "another"
    await wire.until_closed()
    told = [ns for ns, event, _ in wire.heard if event == "$bye"]
    assert sorted(told) == sorted(["/kernels", stage.ns])


async def refuse() -> None:
    raise web.HTTPError(403)


async def fail() -> None:
    raise web.HTTPError(503)


async def sleep() -> None:
    await asyncio.sleep(60)


async def test_a_provider_that_forbids_ends_the_connection(stage: Stage):
    wire = await stage.viewer()
    stage.server.serverapp.identity_provider.trouble = refuse
    assert (await wire.first("$bye"))[0]["code"] == 3005


@configured(identity_check_seconds=0.1)
@pytest.mark.parametrize("trouble", [fail, sleep])
async def test_a_provider_that_is_down_costs_nobody_the_connection(stage: Stage, trouble: Any):
    wire, provider = await stage.viewer(), stage.server.serverapp.identity_provider
    looks = stage.server.sio.identities
    provider.trouble = trouble
    await looked_at(stage.server, 3)
    provider.trouble = None
    await looked_at(stage.server)
    await stage.settled(wire)
    assert looks.unanswered >= 1 and wire.of("$bye") == []


@configured(identity_grace_seconds=0.5)
async def test_a_provider_that_stays_down_ends_it_at_last(stage: Stage):
    wire = await stage.viewer()
    stage.server.serverapp.identity_provider.trouble = fail
    (bye,) = await wire.first("$bye")
    assert (bye["code"], bye["reason"]) == (3014, "your login could not be checked")


async def test_few_are_looked_at_at_the_same_time_and_nobody_twice(stage: Stage):
    looks, provider = stage.server.sio.identities, stage.server.serverapp.identity_provider
    object.__setattr__(looks._bounds, "identity_checks", 2)  # frozen, as everybody else finds it
    here, most = 0, []

    async def slow() -> None:
        nonlocal here
        here += 1
        most.append(here)
        await asyncio.sleep(0.1)
        here -= 1

    for count, wanted in ((1, 1), (4, 2)):
        while len(stage.sessions()) <= count:
            await stage.viewer()
        most.clear()
        provider.trouble = slow
        await looked_at(stage.server)
        provider.trouble = None
        assert max(most) == wanted


@configured(identity_seconds=600)
async def test_a_look_is_due_before_the_time_is_over_and_not_long_before(stage: Stage):
    await stage.viewer()
    looks, session = stage.server.sio.identities, stage.sessions()[-1]
    for seconds, due in ((300, False), (599, True)):
        session.looked_at = asyncio.get_running_loop().time() - seconds
        looks._timer.cancel()
        looks._look()
        assert (session in looks._checking) is due


# --- by link -------------------------------------------------------------------------------------


async def by_link(stage: Stage, **asked: Any) -> tuple[Wire, str]:
    server = stage.server
    url = f"{server.url}jupyter-sio/api/"
    body = {"kernel_id": stage.kernel_id, **asked}
    _, link = await fetch(f"{url}links", method="POST", body=body, headers=server.headers)
    _, answer = await fetch(f"{url}tickets", method="POST", body={"link": link["secret"]})
    wire = stage.keep(await Wire.open(server.socket_url, ticket=answer["ticket"]))
    await wire.join(stage.ns, {"protocol": 1})
    return wire, link["secret"]


@pytest.mark.parametrize("actions", [("read", "write"), ("write", "execute")])
async def test_a_link_never_exceeds_what_its_maker_may_do_now(
    stage: Stage, monkeypatch: Any, actions: tuple[str, ...]
):
    wire, secret = await by_link(stage)
    monkeypatch.setattr(Rights, "actions", actions)
    assert (await wire.first("$bye"))[0]["code"] == 3512
    url = f"{stage.server.url}jupyter-sio/api/tickets"
    status, answer = await fetch(url, method="POST", body={"link": secret})
    assert status == 403 and answer["message"] == "who made this link may not share any more"


async def test_a_link_sends_no_more_than_its_maker_may(stage: Stage, monkeypatch: Any):
    wire, secret = await by_link(stage, send=["stop"])
    monkeypatch.setattr(Rights, "actions", ("read", "execute"))
    assert (await wire.first("$bye"))[0]["code"] == 3014
    url = f"{stage.server.url}jupyter-sio/api/tickets"
    _, answer = await fetch(url, method="POST", body={"link": secret})
    assert (answer["grants"], answer["events"]) == (["watch"], [])


async def test_a_link_outlives_the_login_of_its_maker(stage: Stage):
    wire, _ = await by_link(stage)
    stage.server.serverapp.identity_provider.token = "another"
    await looked_at(stage.server, 3)
    await stage.settled()
    assert wire.of("$bye") == []


async def test_of_a_login_that_is_gone_a_link_has_nothing_left(stage: Stage):
    """As of a guest who came by a Hub: the maker is asked for anew."""
    await stage.viewer()
    asked = Asked(stage.sessions()[-1].handler)
    assert await rights_now(asked, asked) == frozenset(Grant) - {Grant.PUBLISH}
    stage.server.serverapp.identity_provider.token = "another"
    assert await rights_now(asked, asked) == frozenset()
