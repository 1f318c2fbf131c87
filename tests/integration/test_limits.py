"""Every limit is a trait, and what happens at it is what is said. Source: protocol.md §8, §9."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_sio.protocol import socketio
from tests.integration.conftest import EPOCH, Server, Stage
from tests.integration.stage import new_epoch, rows_of
from tests.wire import Wire, claim_of, fetch


@pytest.fixture(params=[{}])
def jp_server_config(jp_server_config: dict[str, Any], request: Any) -> dict[str, Any]:
    return {**jp_server_config, "JupyterSio": request.param}


def limits(**traits: Any) -> Any:
    return pytest.mark.parametrize("jp_server_config", [traits], indirect=True, ids=[*traits][:1])


async def closes(wire: Wire) -> int | None:
    await wire.until_closed()
    return wire.close_code


# --- messages and names ------------------------------------------------------------------------


@limits(viewer_message_bytes=1_000)
async def test_how_large_a_viewers_message_may_be(stage: Stage):
    wire = await stage.viewer()
    await wire.tell(stage.ns, "go", "x" * 900)
    await wire.tell(stage.ns, "go", bytes(500), bytes(500))
    await stage.publisher.first("$event", 2)
    await wire.tell(stage.ns, "go", bytes(500), bytes(501))
    assert await closes(wire) == 3501


@limits(kernel_message_bytes=1_000)
async def test_how_large_a_kernels_message_may_be(stage: Stage):
    opened = await stage.open()
    await stage.publish(opened["id"], 0, 1, bytes(1_000))
    await stage.publisher.first("$published")
    await stage.publisher.tell(stage.ns, "$emit", {"event": "go"}, bytes(500), bytes(501))
    assert await closes(stage.publisher) == 3501


@limits(event_name_bytes=8)
async def test_how_long_an_event_name_may_be(stage: Stage):
    wire = await stage.viewer()
    await wire.tell(stage.ns, "12345678")
    await stage.publisher.first("$event")
    await wire.tell(stage.ns, "123456789")
    assert await closes(wire) == 3501


@limits(stream_name_bytes=8)
async def test_how_long_a_stream_name_may_be(stage: Stage):
    wire = await stage.viewer()
    assert (await stage.open("12345678"))["ok"]
    assert (await stage.subscribe(wire, "12345678"))["ok"]
    assert (await stage.open("123456789"))["code"] == 3501
    assert (await stage.subscribe(wire, "123456789"))["code"] == 3501


@limits(events_per_second=20.0, event_burst=3)
async def test_how_many_events_a_viewer_may_send(stage: Stage):
    wire = await stage.viewer()
    for _ in range(4):
        await wire.tell(stage.ns, "go")
    assert (await wire.ask(stage.ns, "go"))["code"] == 3013
    await asyncio.sleep(0.12)
    await wire.tell(stage.ns, "later")
    await stage.publisher.until(lambda: stage.publisher.of("$event")[-1:][0][0]["event"] == "later")
    assert len(stage.publisher.of("$event")) < 8


# --- how many ----------------------------------------------------------------------------------


@limits(max_namespaces=3)
async def test_how_many_namespaces_a_connection_may_join(stage: Stage):
    stage.server.sio.router.on("connect", lambda *_: None, namespace="/courses/*")
    wire = await stage.viewer()
    for name in ("/kernels", "/courses/1"):
        assert isinstance(await wire.join(name), socketio.Joined)
    refused = await wire.join("/courses/2")
    assert isinstance(refused, socketio.JoinRefused) and refused.data == {"code": 3505}
    assert stage.server.sio.router.statistics().refused_namespaces == 1
    await wire.send(socketio.disconnect("/courses/1"))
    assert isinstance(await wire.join("/courses/2"), socketio.Joined)


@limits(max_subscriptions=2)
async def test_how_many_subscriptions_a_connection_may_hold(stage: Stage):
    wire = await stage.viewer()
    assert [(await stage.subscribe(wire, name))["ok"] for name in "aba"] == [True] * 3
    assert (await stage.subscribe(wire, "c"))["code"] == 3505
    assert stage.server.sio.registry.refused_subscriptions == 1


async def test_a_name_whose_subscription_was_refused_is_not_kept(stage: Stage):
    bounds = stage.server.sio.registry.limits.connections
    object.__setattr__(bounds, "waiting_streams", 1)  # frozen, as everybody else finds it
    wire, namespace = await stage.viewer(), stage.server.sio.registry.namespaces[stage.kernel_id]
    codes = [(await stage.subscribe(wire, name)).get("code") for name in "abc"]
    assert codes == [None, 3505, 3505]
    assert [*namespace.streams] == ["a"] and len(namespace.streams_by_id) == 1


@limits(max_streams=2)
async def test_how_many_streams_a_kernel_may_open(stage: Stage):
    assert [(await stage.open(name))["ok"] for name in "aba"] == [True] * 3
    answer = await stage.open("c")
    assert (answer["ok"], answer["code"]) == (False, 3505)
    assert stage.server.sio.registry.refused_streams == 1


@limits(max_streams=2)
async def test_names_that_viewers_wait_for_take_no_room_from_the_kernel(stage: Stage):
    wire = await stage.viewer()
    for name in "abcdefgh":
        assert (await stage.subscribe(wire, name))["waiting"]
    assert [(await stage.open(name))["ok"] for name in "axax"] == [True] * 4
    assert (await stage.open("b"))["code"] == 3505  # nor do they make any


@limits(max_connections=2)
async def test_how_many_connections_a_server_may_have(stage: Stage):
    """The refusal is a 4xx before the upgrade, as every other."""
    wire = await stage.viewer()
    with pytest.raises(HTTPClientError) as refused:
        await stage.socket()
    assert refused.value.code == 429
    assert stage.server.sio.router.statistics().refused_connections == 1
    await wire.close()
    assert await stage.viewer()


@limits(max_connections=4)
async def test_handshakes_at_the_same_moment_do_not_get_past_the_limit(stage: Stage):
    tried = await asyncio.gather(*(stage.socket() for _ in range(12)), return_exceptions=True)
    assert sum(isinstance(one, Wire) for one in tried) == 3  # and the publisher
    assert {one.code for one in tried if isinstance(one, HTTPClientError)} == {429}


async def test_a_handshake_that_fails_gives_its_place_back(stage: Stage):
    url = f"{stage.server.socket_url}?EIO=4&transport=websocket"
    headers = {**stage.server.headers, "Upgrade": "websocket", "Connection": "upgrade"}
    status, _ = await fetch(url, headers=headers)  # without a version
    assert (status, len(stage.server.sio.router.arriving)) == (426, 0)
    await stage.viewer()
    assert (len(stage.sessions()), len(stage.server.sio.router.arriving)) == (2, 0)


async def test_bytes_of_history_are_counted_as_they_come_are_merged_and_go(stage: Stage):
    registry, opened, held = stage.server.sio.registry, await stage.open(), []
    await stage.publish_all(opened["id"], [(1, bytes(100))] * 3)
    for step in ("$compact", "another epoch"):
        if step == "$compact":
            head = [opened["id"], 0, 1, 2]
            await stage.publisher.tell(stage.ns, "$compact", head, bytes(150))
        else:
            await stage.open()
        await stage.settled()
        (stream,) = registry.namespaces[stage.kernel_id].streams.values()
        held.append((stream.history.bytes, registry.counts().history_bytes))
    assert held == [(250, 250), (0, 0)]


@limits(max_tickets=2)
async def test_of_too_many_tickets_the_oldest_leaves(stage: Stage):
    tickets = [await stage.ticket() for _ in range(3)]
    with pytest.raises(HTTPClientError):
        await Wire.open(stage.server.socket_url, ticket=tickets[0])
    for ticket in tickets[1:]:
        stage.keep(await Wire.open(stage.server.socket_url, ticket=ticket))


@limits(max_nonces=2)
async def test_of_too_many_nonces_the_oldest_leaves(server: Server, quiet_kernel: str):
    key = server.key(quiet_kernel)
    claims = [claim_of(quiet_kernel, key, pid=1, epoch=EPOCH) for _ in range(3)]
    assert [(await server.ticket(claim))[0] for claim in claims] == [200] * 3
    assert (await server.ticket(claims[2]))[0] == 403


# --- how long ----------------------------------------------------------------------------------


@limits(ticket_seconds=0.2)
async def test_how_long_a_ticket_lives(stage: Stage):
    ticket = await stage.ticket()
    await asyncio.sleep(0.25)
    with pytest.raises(HTTPClientError) as refused:
        await Wire.open(stage.server.socket_url, ticket=ticket)
    assert refused.value.code == 403


@limits(connect_seconds=0.4)
async def test_without_an_accepted_connect_it_is_3502(stage: Stage):
    began = time.monotonic()
    silent, refused, joined = [await stage.socket() for _ in range(3)]
    await joined.join(stage.ns)
    await refused.join("/kernels/unknown")
    for wire in (silent, refused):
        assert await closes(wire) == 3502 and not wire.of("$bye")
    assert time.monotonic() - began > 0.4
    await stage.settled(joined)
    await joined.send(socketio.disconnect(stage.ns))  # left by itself: time to join another
    left = time.monotonic()
    assert await closes(joined) == 3502
    assert time.monotonic() - left > 0.35
    assert stage.server.sio.router.statistics().unconnected == 3


async def test_a_socket_whose_last_namespace_the_server_took_closes(stage: Stage):
    wire = await stage.viewer()
    await stage.server.serverapp.kernel_manager.shutdown_kernel(stage.kernel_id, now=True)
    assert await closes(wire) == 3510
    names = [getattr(other, "name", type(other).__name__) for other in wire.others]
    assert names[-3:] == ["$bye", "Left", "Closed"]


# --- history -----------------------------------------------------------------------------------


@limits(history_bytes=1_000)
async def test_how_many_bytes_of_a_stream_are_kept(stage: Stage):
    opened = await stage.open()
    await stage.publish_all(opened["id"], [(1, bytes(300))] * 10)
    await stage.settled()
    assert (await stage.watching())[1]["first"] == 7


@limits(kernel_history_bytes=10_000)
async def test_how_many_bytes_of_a_kernel_are_kept_and_who_leaves_first(stage: Stage):
    watched, long_ago, lately = [await stage.open(name) for name in ("w", "l", "r")]
    wire, _ = await stage.watching("w", tail=0)
    for name, opened in (("l", long_ago), ("r", lately)):
        await stage.subscribe(wire, name, tail=0)
        await wire.ask(stage.ns, "$unsubscribe", {"id": opened["id"]})
    for opened in (watched, long_ago, lately):
        await stage.publish_all(opened["id"], [(1, bytes(1_000))] * 3)
    await stage.publish(watched["id"], 3, 1, bytes(1_100))
    await stage.settled()
    assert stage.server.sio.registry.counts().history_bytes <= 10_000
    firsts = {e["stream"]: e["first"] for e in (await (await stage.viewer()).first("$streams"))[0]}
    assert firsts == {"w": 0, "l": 1, "r": 0}
    assert stage.server.sio.registry.evicted_for_memory == 1


@limits(server_history_bytes=20_000)
async def test_streams_of_ended_kernels_leave_first(stage: Stage, quiet_spec: str):
    other = Stage(stage.server, await stage.server.start_kernel(quiet_spec))
    await other.claim()
    both = [(s, (await s.open())["id"]) for s in (stage, other)]
    for one, stream_id in both:
        await one.publish_all(stream_id, [(1, bytes(1_000))] * 9)
        await one.settled()
    await other.server.serverapp.kernel_manager.shutdown_kernel(other.kernel_id, now=True)
    await stage.publish_all(both[0][1], [])
    for offset in range(9, 14):
        await stage.publish(both[0][1], offset, 1, bytes(1_000))
    await stage.settled()
    assert (await stage.watching())[1]["first"] == 0
    late, answer = await other.watching()
    assert answer["first"] > 0 and answer["next"] == 9
    await late.until(lambda: rows_of(late)[-1:] == [(8, 1, bytes(1_000))])
    await other.close()


@limits(history_bytes=100, kernel_history_bytes=5_000)
async def test_a_publisher_may_ask_for_more_within_what_a_kernel_may_hold(stage: Stage):
    opened = await stage.open(history={"bytes": 10**9})
    await stage.publish_all(opened["id"], [(1, bytes(1_000))] * 9)
    await stage.settled()
    assert 4 <= (await stage.watching())[1]["first"] <= 5


@limits(outstanding_bytes=10_000)
async def test_how_much_may_be_outstanding_in_a_transport(stage: Stage):
    opened = await stage.open()
    async with stage.reluctant() as client:
        await client.subscribe(stage.ns, "loss")
        for offset in range(200):
            await stage.publish(opened["id"], offset, 1, bytes(5_000))
        await stage.settled()
        # One batch of at most eight payloads more.
        assert 10_000 <= stage.sessions()[-1].outstanding < 10_000 + 8 * 5_100


# --- the end -----------------------------------------------------------------------------------


async def test_shutting_down_says_3001_and_when_to_come_back(stage: Stage):
    wires = [await stage.viewer() for _ in range(5)]
    await stage.server.sio.router.shutdown()
    waits = set()
    for wire in (*wires, stage.publisher):
        assert await closes(wire) == 3001
        ((bye,),) = wire.of("$bye")
        assert bye["code"] == 3001 and bye["reason"]
        waits.add(bye["retry_ms"])
    assert len(waits) > 1 and all(0 <= wait <= 10_000 for wait in waits)


async def test_epochs_may_be_of_any_length_that_is_allowed(stage: Stage):
    for epoch in ("0" * 8, "F" * 64, new_epoch().upper()):
        assert (await stage.open(epoch=epoch))["ok"]
        wire, answer = await stage.watching(since=[epoch, 0])
        assert (answer["epoch"], answer["recovered"]) == (epoch, True)
        await wire.close()
