"""Share links: made, exchanged for tickets, bounded, ended. Source: protocol.md §3, §5, §8.

Threat S-12: a leaked, expired or revoked link.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from jupyter_sio.protocol import socketio
from jupyter_sio.protocol.messages import Grant
from jupyter_sio.server.registry import now_ms
from tests.integration.conftest import Server, Stage
from tests.wire import Wire, fetch


def configured(**traits: Any) -> Any:
    return pytest.mark.parametrize("jp_server_config", [traits], indirect=True)


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any], request: Any) -> dict[str, Any]:
    return {**jp_server_config, "JupyterSio": getattr(request, "param", {})}


class Share:
    """What is done with links, as a user of REST does it."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.server = stage, stage.server
        self.url = f"{self.server.url}jupyter-sio/api/links"

    async def ask(self, **asked: Any) -> tuple[int, Any]:
        body = {"kernel_id": self.stage.kernel_id, **asked}
        return await fetch(self.url, method="POST", body=body, headers=self.server.headers)

    async def make(self, **asked: Any) -> dict[str, Any]:
        status, link = await self.ask(**asked)
        assert status == 201, link
        return link

    async def listed(self) -> list[dict[str, Any]]:
        return (await fetch(self.url, headers=self.server.headers))[1]

    async def revoke(self, link_id: str) -> int:
        url = f"{self.url}/{link_id}"
        return (await fetch(url, method="DELETE", headers=self.server.headers))[0]

    async def redeem(self, secret: str) -> tuple[int, Any]:
        url = f"{self.server.url}jupyter-sio/api/tickets"
        return await fetch(url, method="POST", body={"link": secret})

    async def socket(self, link: dict[str, Any]) -> Wire:
        status, answer = await self.redeem(link["secret"])
        assert status == 200, answer
        return self.stage.keep(await Wire.open(self.server.socket_url, ticket=answer["ticket"]))

    async def viewer(self, link: dict[str, Any]) -> Wire:
        wire = await self.socket(link)
        assert isinstance(await wire.join(self.stage.ns, {"protocol": 1}), socketio.Joined)
        return wire


@pytest.fixture
def share(stage: Stage) -> Share:
    return Share(stage)


# --- making --------------------------------------------------------------------------------------


async def test_a_new_link_says_what_it_shows_and_tells_its_secret(share: Share):
    link = await share.make(streams=["loss*"], send=["stop"], expires="90m", label="for Bob")
    secret, stage = link.pop("secret"), share.stage
    assert len(secret) == 43
    assert link.pop("path") == f"/a%40b/jupyter-sio/live/#{secret}"
    assert link.pop("url") == f"{stage.server.url}jupyter-sio/live/#{secret}"
    assert link.pop("expires") - link.pop("created") == 90 * 60 * 1000
    assert link.pop("id") and link.pop("maker")
    assert link == {
        "kernel_id": stage.kernel_id,
        "streams": ["loss*"],
        "send": ["stop"],
        "label": "for Bob",
    }


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"expires": "soon"}, 400, "expires is seconds above 0"),
        ({"expires": "31d"}, 400, "link_max_lifetime"),
        ({"streams": "loss"}, 400, "streams must be a list of text"),
        ({"kernel_id": 7}, 400, "kernel_id must be the id of a kernel"),
        ({"kernel_id": "unknown"}, 404, "no such namespace"),
    ],
)
async def test_what_cannot_be_shared_is_refused_with_the_reason(
    share: Share, asked: dict[str, Any], status: int, said: str
):
    refused, answer = await share.ask(**asked)
    assert refused == status and said in answer["message"]
    assert await share.listed() == []


@configured(max_links=1)
async def test_there_are_as_many_links_as_the_server_allows(share: Share):
    link = await share.make()
    status, answer = await share.ask()
    assert status == 429 and "revoke one first" in answer["message"]
    assert await share.revoke(link["id"]) == 204
    await share.make()


@configured(public_url="https://live.example")
async def test_links_begin_with_the_public_address(share: Share):
    link = await share.make()
    assert link["url"] == "https://live.example" + link["path"]


@configured(public_url="https://live.example/ada/")
async def test_a_public_address_with_a_path_stands_for_the_base_url(share: Share):
    link = await share.make()
    assert link["url"] == f"https://live.example/ada/jupyter-sio/live/#{link['secret']}"


async def test_a_kernels_link_begins_with_the_address_its_owner_came_by(share: Share):
    stage = share.stage
    origin = stage.server.url.partition("/a%40b")[0].replace("127.0.0.1", "localhost")
    url = stage.server.socket_url.replace("127.0.0.1", "localhost")
    stage.keep(await Wire.open(url, headers={**stage.server.headers, "Origin": origin}))
    link = await stage.publisher.ask(stage.ns, "$share", {})
    assert link["url"] == origin + link["path"]


# --- what it opens -------------------------------------------------------------------------------


async def test_who_comes_by_a_link_is_told_as_a_link_whatever_it_says(share: Share):
    wire = await share.socket(await share.make())
    await wire.join(share.stage.ns, {"protocol": 1, "kind": "panel"})
    (entry,) = await share.stage.publisher.ask(share.stage.ns, "$viewers")
    assert entry["kind"] == "link"


async def test_a_links_ticket_says_what_it_opens(share: Share):
    link = await share.make(streams=["loss"], send=["stop"])
    status, answer = await share.redeem(link["secret"])
    assert status == 200 and answer.pop("ticket")
    assert answer == {
        "expires_in": 30.0,
        "kernel_id": share.stage.kernel_id,
        "grants": ["send", "watch"],
        "streams": ["loss"],
        "events": ["stop"],
    }
    plain = await share.make()
    assert (await share.redeem(plain["secret"]))[1]["grants"] == ["watch"]


async def test_a_viewer_by_link_gets_its_rows(share: Share):
    stage = share.stage
    opened = await stage.open()
    wire = await share.viewer(await share.make(streams=["lo*"], label="Bob's phone"))
    assert (await stage.subscribe(wire))["ok"]
    await stage.publish(opened["id"], 0)
    await wire.first("$batch")
    assert (await stage.publisher.first("$viewer"))[0]["name"] == "Bob's phone"


async def test_a_link_sees_its_globs_alone_whatever_exists(share: Share):
    stage = share.stage
    await stage.open("secret/loss")
    await stage.open("loss")
    wire = await share.viewer(await share.make(streams=["lo*"]))
    assert [entry["stream"] for entry in (await wire.first("$streams"))[0]] == ["loss"]
    answers = [await stage.subscribe(wire, name) for name in ("secret/loss", "nowhere")]
    assert answers[0] == answers[1] and answers[0]["code"] == 3507


async def test_a_link_leads_to_its_kernel_and_nowhere_else(share: Share, server: Server):
    other = await server.start_kernel("quiet")
    wire = await share.socket(await share.make())
    for name in (f"/kernels/{other}", "/kernels/unknown", "/kernels", "/", "/courses/1"):
        refused = await wire.join(name, {"protocol": 1})
        assert isinstance(refused, socketio.JoinRefused), name
        assert (refused.message, refused.data) == ("no such namespace", {"code": 3507})


async def test_a_link_sends_the_events_it_names_and_no_other(share: Share):
    stage = share.stage
    wire = await share.viewer(await share.make(send=["stop"]))
    await wire.tell(stage.ns, "stop", 1)
    assert (await wire.ask(stage.ns, "go"))["code"] == 3507
    await stage.settled(wire)
    assert [head["event"] for head, *_ in stage.publisher.of("$event")] == ["stop"]


async def test_a_link_without_events_sends_none(share: Share):
    stage = share.stage
    wire = await share.viewer(await share.make())
    assert (await wire.ask(stage.ns, "stop"))["code"] == 3507
    await stage.settled(wire)
    assert stage.publisher.of("$event") == []


@pytest.mark.parametrize("event", ["$publish", "$open", "$share", "$revoke", "$viewers", "$emit"])
async def test_a_link_cannot_speak_for_the_kernel(share: Share, event: str):
    wire = await share.viewer(await share.make(send=["stop"]))
    await wire.tell(share.stage.ns, event, {"stream": "loss"})
    await wire.until_closed()
    assert wire.close_code == 3501


async def test_a_link_is_no_login(share: Share):
    link = await share.make()
    for headers in ({"Authorization": f"token {link['secret']}"}, {}):
        url = f"{share.server.url}jupyter-sio/api/namespaces?token={link['secret']}"
        assert (await fetch(url, headers=headers))[0] in (302, 403)


async def test_each_ticket_of_a_link_opens_one_socket(share: Share):
    _, answer = await share.redeem((await share.make())["secret"])
    share.stage.keep(await Wire.open(share.server.socket_url, ticket=answer["ticket"]))
    with pytest.raises(HTTPClientError) as refused:
        await Wire.open(share.server.socket_url, ticket=answer["ticket"])
    assert refused.value.code == 403


# --- the end -------------------------------------------------------------------------------------


async def test_revoking_shows_everybody_out_who_came_by_it(share: Share):
    link, other = await share.make(), await share.make()
    wire, stays = await share.viewer(link), await share.viewer(other)
    assert await share.revoke(link["id"]) == 204
    (bye,) = await wire.first("$bye")
    assert bye == {"code": 3512, "reason": "the link was revoked", "retry_ms": None}
    await wire.until_closed()
    await share.stage.settled(stays)
    assert stays.of("$bye") == []


async def test_a_revoked_link_opens_nothing_any_more(share: Share):
    link = await share.make()
    _, answer = await share.redeem(link["secret"])
    waiting = await share.socket(link)
    assert await share.revoke(link["id"]) == 204
    assert await share.redeem(link["secret"]) == (
        403,
        {"message": "the link was revoked", "reason": "Forbidden"},
    )
    with pytest.raises(HTTPClientError) as refused:
        await Wire.open(share.server.socket_url, ticket=answer["ticket"])
    assert refused.value.code == 403
    joined = await waiting.join(share.stage.ns, {"protocol": 1})
    assert isinstance(joined, socketio.JoinRefused) and joined.data == {"code": 3512}
    assert await share.revoke(link["id"]) == 404


async def test_who_is_let_in_while_the_link_ends_is_shown_out(share: Share, monkeypatch: Any):
    link, sio = await share.make(), share.server.sio
    waiting, admit = await share.socket(link), sio.owner.admit

    async def admit_and_revoke(client: Any, auth: object) -> None:
        await admit(client, auth)
        sio.links.revoke(link["id"])

    monkeypatch.setattr(sio.owner, "admit", admit_and_revoke)
    await waiting.join(share.stage.ns, {"protocol": 1})
    assert (await waiting.first("$bye"))[0]["code"] == 3512
    assert sio.registry.counts().viewers == 0


async def test_a_link_that_expires_shows_its_viewers_out(share: Share):
    link = await share.make(expires=0.5)
    wire = await share.viewer(link)
    (bye,) = await wire.first("$bye")
    assert (bye["code"], bye["reason"]) == (3512, "the link has expired")
    assert (await share.redeem(link["secret"]))[0] == 403
    assert await share.listed() == []


async def test_the_wall_clock_is_looked_at_again_and_again(share: Share, monkeypatch: Any):
    """It may be set while there are links, and then all timers are wrong."""
    bounds = share.server.sio.links._bounds
    object.__setattr__(bounds, "look_seconds", 0.02)  # frozen, as everybody else finds it
    wire = await share.viewer(await share.make(expires="1h"))
    await asyncio.sleep(0.1)
    later = now_ms() + 3_600_000
    monkeypatch.setattr("jupyter_sio.server.links.now_ms", lambda: later)
    assert (await wire.first("$bye"))[0]["code"] == 3512


async def test_a_link_that_ends_while_its_maker_is_asked_opens_nothing(share: Share):
    link, links = await share.make(), share.server.sio.links

    async def asked(handler: Any) -> frozenset[Grant]:
        links.revoke(link["id"])
        return frozenset(Grant)

    links._rights = dict.fromkeys(links._rights, asked)
    status, answer = await share.redeem(link["secret"])
    assert (status, answer["message"]) == (403, "the link was revoked")


async def test_a_link_survives_its_kernels_restart(share: Share):
    link = await share.make()
    wire = await share.viewer(link)
    await share.server.serverapp.kernel_manager.restart_kernel(share.stage.kernel_id)
    await share.viewer(link)
    assert wire.of("$bye") == []


async def test_what_is_left_of_an_ended_kernel_is_shared_no_more(share: Share):
    stage = share.stage
    await stage.server.serverapp.kernel_manager.shutdown_kernel(stage.kernel_id, now=True)
    await stage.viewer()  # who may watch still does
    status, answer = await share.ask()
    assert (status, answer["message"]) == (403, "there is no such kernel here")


@configured(ended_seconds=0.3)
async def test_a_link_ends_with_its_kernel(share: Share):
    link = await share.make()
    wire = await share.viewer(link)
    await share.server.serverapp.kernel_manager.shutdown_kernel(share.stage.kernel_id, now=True)
    assert (await wire.first("$bye"))[0]["code"] == 3510
    for _ in range(500):
        if not await share.listed():
            break
        await asyncio.sleep(0.01)
    status, answer = await share.redeem(link["secret"])
    assert (status, answer["message"]) == (403, "the link's kernel has ended")


async def test_attempts_with_what_is_no_link_are_limited(share: Share):
    link = await share.make()
    statuses = [(await share.redeem(f"wrong-{n}"))[0] for n in range(21)]
    assert statuses == [403] * 20 + [429]
    url = f"{share.server.url}jupyter-sio/api/tickets"
    body = f'{{"link": "{link["secret"]}"}}'
    answer = await AsyncHTTPClient().fetch(url, method="POST", body=body, raise_error=False)
    assert answer.code == 429 and int(answer.headers["Retry-After"]) > 0
    assert share.server.sio.links.limited == 2


# --- off -----------------------------------------------------------------------------------------


@configured(allow_links=False)
async def test_where_links_are_off_none_is_made_or_used(share: Share):
    status, answer = await share.ask()
    assert status == 403 and "allow_links" in answer["message"]
    stage = share.stage
    for event, args in (("$share", {}), ("$revoke", {"id": "x"})):
        assert (await stage.publisher.ask(stage.ns, event, args))["code"] == 3507
    status, answer = await share.redeem("x")
    assert status == 403 and "allow_links" in answer["message"]


def test_under_jupyterhub_links_are_off_until_the_admin_says_so(monkeypatch: Any):
    from jupyter_sio.server.app import JupyterSio

    assert JupyterSio().allow_links is True
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
    assert JupyterSio().allow_links is False


# --- by the kernel -------------------------------------------------------------------------------


async def test_a_kernel_shares_and_revokes_its_own(share: Share, server: Server):
    stage = share.stage
    link = await stage.publisher.ask(stage.ns, "$share", {"streams": ["loss"], "expires": 60})
    assert link["ok"] and link["maker"] == "kernel" and link["streams"] == ["loss"]
    wire = await share.viewer(link)
    assert (await stage.publisher.ask(stage.ns, "$revoke", {"id": link["id"]})) == {"ok": True}
    assert (await wire.first("$bye"))[0]["code"] == 3512
    assert (await stage.publisher.ask(stage.ns, "$revoke", {"id": link["id"]})) == {"ok": True}


async def test_a_kernel_cannot_revoke_another_kernels_link(share: Share, server: Server):
    other = await server.start_kernel("quiet")
    link = await share.make(kernel_id=other)
    stage = share.stage
    answer = await stage.publisher.ask(stage.ns, "$revoke", {"id": link["id"]})
    assert answer["code"] == 3507 and len(await share.listed()) == 1


@pytest.mark.parametrize("asked", [{"expires": "soon"}, {"streams": 7}, {"send": ["$emit"]}])
async def test_a_kernel_is_told_what_it_cannot_share(stage: Stage, asked: dict[str, Any]):
    answer = await stage.publisher.ask(stage.ns, "$share", asked)
    assert answer["ok"] is False and answer["code"] == 3501


# --- what the owner sees -------------------------------------------------------------------------


async def test_the_owner_sees_who_watches_by_which_link(share: Share):
    link = await share.make(label="Bob")
    (before,) = await share.listed()
    assert (before["uses"], before["last_used"], before["viewers"]) == (0, None, [])
    wire, _ = await share.viewer(link), await share.stage.viewer(name="ada")
    (entry,) = await share.listed()
    assert entry["uses"] == 1 and entry["last_used"] >= entry["created"]
    assert [viewer["name"] for viewer in entry["viewers"]] == ["Bob"]
    assert link["secret"] not in str(entry) and "secret" not in entry
    await wire.close()
    await share.stage.publisher.first("$viewer", 3)
    assert (await share.listed())[0]["viewers"] == []


async def test_what_happens_to_links_is_on_the_event_bus(share: Share):
    told: list[dict[str, Any]] = []

    async def listen(logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        told.append(data)

    bus = share.server.serverapp.event_logger
    bus.add_listener(schema_id="https://schema.jupyter-sio/links/v1", listener=listen)
    link = await share.make(label="Bob")
    await share.redeem(link["secret"])
    await share.revoke(link["id"])
    await bus.gather_listeners()
    assert [event["action"] for event in told] == ["created", "used", "revoked"]
    assert {event["link_id"] for event in told} == {link["id"]}
    assert link["secret"] not in str(told)


async def test_no_log_line_holds_a_secret_or_a_ticket(share: Share, caplog: Any):
    caplog.set_level(logging.DEBUG)
    share.server.serverapp.log.propagate = True
    link = await share.make()
    _, answer = await share.redeem(link["secret"])
    wire = share.stage.keep(await Wire.open(share.server.socket_url, ticket=answer["ticket"]))
    await wire.join(share.stage.ns, {"protocol": 1})
    await share.revoke(link["id"])
    await share.redeem(link["secret"])
    assert caplog.records
    assert link["secret"] not in caplog.text and answer["ticket"] not in caplog.text
