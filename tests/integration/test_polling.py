"""Long-polling, where the operator switched it on: what the wire promises holds there as well.

Source: Engine.IO protocol v4; protocol.md §2, §5, §7, §8.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.simple_httpclient import HTTPStreamClosedError
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, websocket_connect

from jupyter_sio.protocol import socketio
from tests.integration.conftest import Stage, new_epoch
from tests.integration.stage import NOTHING, rows_of
from tests.poller import Poller
from tests.wire import fetch

KIB = 1024


@pytest.fixture(params=[{}])
def jp_server_config(jp_server_config: dict[str, Any], request: Any) -> dict[str, Any]:
    return {**jp_server_config, "JupyterSio": {"polling": True, **request.param}}


def limits(**traits: Any) -> Any:
    return pytest.mark.parametrize("jp_server_config", [traits], indirect=True, ids=[*traits][:1])


class Crowd:
    """Pollers of one server; all are closed after the test."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._all: list[Poller | WebSocketClientConnection] = []

    async def open(self) -> Poller:
        server = self._stage.server
        poller = await Poller.open(server.socket_url, server.headers)
        self._all.append(poller)
        return poller

    async def viewer(self) -> Poller:
        poller = await self.open()
        await poller.join(self._stage.ns)
        return poller

    async def watching(self, **wanted: Any) -> Poller:
        poller = await self.viewer()
        await poller.tell(self._stage.ns, "$subscribe", {"stream": "loss", **wanted}, ack_id=1)
        return poller

    async def websocket(self, poller: Poller) -> WebSocketClientConnection:
        """Open the one that a poller would change to."""
        url = f"{poller.url}?EIO=4&transport=websocket&sid={poller.sid}"
        request = HTTPRequest(url.replace("http", "ws", 1), headers=poller.headers)
        self._all.append(await websocket_connect(request))
        return self._all[-1]

    def close(self) -> None:
        for poller in self._all:
            poller.close()


@pytest.fixture
def crowd(stage: Stage) -> Iterator[Crowd]:
    crowd = Crowd(stage)
    yield crowd
    crowd.close()


def rows(poller: Poller) -> int:
    return sum(count for _, count, _ in rows_of(poller))  # type: ignore[arg-type]


def told(poller: Poller) -> list[int]:
    return [bye[0]["code"] for bye in poller.of("$bye")]


async def heard(carrier: WebSocketClientConnection) -> AsyncIterator[Any]:
    """Read until it is closed."""
    while (frame := await carrier.read_message()) is not None:
        yield frame


async def gone(stage: Stage) -> None:
    """Wait until nothing is left but the publisher."""
    polls = stage.server.sio.polls
    for _ in range(2_000):
        if len(stage.sessions()) == 1 and not len(polls):
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"{len(stage.sessions())} sessions, {len(polls)} polls")


# --- rows and events -----------------------------------------------------------------------------


async def test_the_greeting_offers_the_websocket(stage: Stage, crowd: Crowd):
    poller = await crowd.open()
    assert poller.greeting["upgrades"] == ["websocket"]
    assert poller.greeting["maxPayload"] == 2**20
    assert (poller.greeting["pingInterval"], poller.greeting["pingTimeout"]) == (25_000, 20_000)


async def test_a_viewer_is_welcomed_in_order(stage: Stage, crowd: Crowd):
    poller = await crowd.viewer()
    await poller.until(lambda: poller.of("$streams"))
    kinds = [type(o).__name__ for o in poller.others]
    assert kinds == ["Joined", "Event", "Event"]
    assert [name for _, name, _ in poller.heard] == ["$status", "$streams"]


async def test_rows_arrive_in_order_and_once(stage: Stage, crowd: Crowd):
    opened = await stage.open()
    offset = await stage.publish_all(opened["id"], [(1, bytes(9 * KIB))] * 60)
    poller = await crowd.watching()
    for _ in range(60):
        await stage.publish(opened["id"], offset, 1, b"live")
        offset += 1
    await poller.until(lambda: rows(poller) == offset)
    assert [first for first, _, _ in rows_of(poller)] == list(range(offset))  # type: ignore[arg-type]
    assert not poller.of("$gap") and not told(poller)


async def test_a_poll_is_answered_with_no_more_packets_than_every_client_takes(
    stage: Stage, crowd: Crowd
):
    router = stage.server.sio.router
    router.on("connect", lambda *_: None, namespace="/plain")
    poller = await crowd.open()
    await poller.join("/plain")
    for number in range(50):
        await router.emit("n", number, namespace="/plain")
    assert [len(await poller.get()) for _ in range(4)] == [16, 16, 16, 2]


async def test_a_poll_that_waits_is_answered_when_a_row_comes(stage: Stage, crowd: Crowd):
    opened = await stage.open()
    poller = await crowd.watching()
    await poller.until(lambda: any(isinstance(o, socketio.Answered) for o in poller.others))
    waiting = asyncio.ensure_future(poller.get())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await stage.publish(opened["id"], 0, 1, b"\x00\xff")
    packets = await waiting
    assert packets[0].startswith("451-") and packets[1] == "bAP8="


async def test_events_and_answers_go_both_ways(stage: Stage, crowd: Crowd):
    poller = await crowd.viewer()
    await poller.tell(stage.ns, "go", 1, b"\x00\xff", {"b": b"x"}, ack_id=7)
    (_, *args) = await stage.publisher.first("$event")
    assert args == [1, b"\x00\xff", {"b": b"x"}]
    (event,) = [o for o in stage.publisher.others if getattr(o, "name", "") == "$event"]
    await stage.publisher.answer(event, {"ok": True, "value": b"done"})
    await poller.until(lambda: isinstance(poller.others[-1], socketio.Answered))
    assert poller.others[-1].args == [{"ok": True, "value": b"done"}]


async def test_an_attachment_may_be_as_large_as_over_a_websocket(stage: Stage, crowd: Crowd):
    poller = await crowd.viewer()
    await poller.tell(stage.ns, "go", bytes(1024 * KIB))
    (_, payload) = await stage.publisher.first("$event")
    assert payload == bytes(1024 * KIB)
    assert await poller.post(*socketio.event(stage.ns, "go", [bytes(1024 * KIB), b"x"])) == 400
    await poller.until(lambda: told(poller) == [3501])


async def test_a_session_says_by_what_it_is_carried(stage: Stage, crowd: Crowd):
    router = stage.server.sio.router
    seen: list[str] = []
    router.on("connect", lambda sid, *_: seen.append(sid), namespace="/plain")
    poller = await crowd.open()
    await poller.join("/plain")
    assert router.transport(seen[0], namespace="/plain") == "polling"
    assert router.get_environ(seen[0], namespace="/plain")["REMOTE_ADDR"] in ("127.0.0.1", "::1")


# --- how much waits for a poll -------------------------------------------------------------------


async def test_who_does_not_poll_costs_a_cursor(stage: Stage, crowd: Crowd):
    opened = await stage.open()
    poller = await crowd.watching()
    session = stage.sessions()[-1]
    await stage.publish_all(opened["id"], [(1, bytes(100 * KIB))] * 70)
    await stage.publisher.ask(stage.ns, "$viewers")
    assert 256 * KIB <= session.outstanding < 1300 * KIB and not session.writable
    await poller.until(lambda: rows(poller) == 70)
    assert session.outstanding == 0


async def test_user_events_are_dropped_while_too_much_waits(stage: Stage, crowd: Crowd):
    poller = await crowd.viewer()
    for number in range(30):
        await stage.publisher.tell(stage.ns, "$emit", {"event": "tick"}, number, bytes(100 * KIB))
    await stage.publisher.ask(stage.ns, "$viewers")
    dropped = stage.server.sio.publishers.events_dropped
    assert 15 < dropped < 25
    await poller.until(lambda: len(poller.of("tick")) == 30 - dropped)


async def test_what_is_never_dropped_is_bounded_too(stage: Stage, crowd: Crowd):
    poller = await crowd.viewer()
    session = stage.sessions()[-1]
    session.transport._most_bytes = 64 * KIB
    (client,) = session.clients.values()
    for _ in range(70):
        client.send("$note", "x" * KIB)
    await stage.publisher.ask(stage.ns, "$viewers")
    assert session.closing and stage.server.sio.router.statistics().overfull == 1
    await poller.until(lambda: told(poller))
    assert told(poller) == [3008] and len(poller.of("$note")) == 70
    assert (await poller.fetch()).code == 400


@limits(stall_seconds=0.4)
async def test_who_does_not_fetch_what_is_due_is_too_slow(stage: Stage, crowd: Crowd):
    opened = await stage.open()
    poller = await crowd.watching()
    session = stage.sessions()[-1]
    await stage.publish(opened["id"], 0, 1, bytes(300 * KIB))
    while not session.closing:
        await asyncio.sleep(0.02)
    await poller.until(lambda: told(poller))
    assert told(poller) == [3008] and rows(poller) == 1
    assert stage.server.sio.router.statistics().stalled == 1
    await gone(stage)


@limits(stall_seconds=0.4)
async def test_who_takes_an_answer_slowly_is_not_too_slow(stage: Stage, crowd: Crowd):
    opened = await stage.open()
    poller = await crowd.watching()
    await poller.until(lambda: any(isinstance(o, socketio.Answered) for o in poller.others))
    reader, writer = await poller.slow_poll()
    await stage.publish(opened["id"], 0, 1, bytes(7 * 1024 * KIB))
    session, taken = stage.sessions()[-1], 0
    for _ in range(60):
        taken += len(await reader.readexactly(40 * KIB))
        await asyncio.sleep(0.02)
    assert session.outstanding and not session.closing
    while taken < 9 * 1024 * KIB:
        taken += len(await reader.read(1024 * KIB))
    writer.close()


@limits(stall_seconds=0.4)
async def test_who_takes_nothing_of_an_answer_is_cut_off(stage: Stage, crowd: Crowd):
    opened = await stage.open()
    poller = await crowd.watching()
    await poller.until(lambda: any(isinstance(o, socketio.Answered) for o in poller.others))
    reader, writer = await poller.slow_poll()
    await stage.publish(opened["id"], 0, 1, bytes(7 * 1024 * KIB))
    await asyncio.wait_for(gone(stage), 20)
    assert stage.server.sio.router.statistics().stalled == 1
    with pytest.raises(ConnectionError):
        while await reader.read(1024 * KIB):
            pass
    writer.close()


@limits(stall_seconds=0.4)
async def test_who_is_owed_nothing_may_take_its_time(stage: Stage, crowd: Crowd):
    poller = await crowd.viewer()
    await poller.until(lambda: poller.of("$streams"))
    await asyncio.sleep(1.0)
    await poller.tell(stage.ns, "$unsubscribe", {"id": NOTHING}, ack_id=3)
    await poller.poll()
    assert not told(poller)


# --- how it ends ---------------------------------------------------------------------------------


async def test_a_packet_that_is_malformed_says_3501_to_the_poll_that_waits(
    stage: Stage, crowd: Crowd
):
    poller = await crowd.viewer()
    await poller.until(lambda: poller.of("$streams"))
    waiting = asyncio.ensure_future(poller.poll())
    await asyncio.sleep(0.05)
    assert await poller.post("42nonsense") == 400
    await waiting
    assert told(poller) == [3501] and isinstance(poller.others[-1], socketio.Closed)
    assert (await poller.fetch()).code == 400
    await gone(stage)


async def test_who_does_not_come_for_the_last_word_is_forgotten(stage: Stage, crowd: Crowd):
    poller = await crowd.viewer()
    assert await poller.post("") == 400
    assert len(stage.server.sio.polls) == 1 and len(stage.sessions()) == 1
    (poll,) = stage.server.sio.polls._polls.values()
    poll.session._abort_timer.when()  # it is set
    poll.transport.reset()
    await gone(stage)
    assert (await poller.fetch()).code == 400


async def test_nothing_behind_a_malformed_packet_is_read(stage: Stage, crowd: Crowd):
    poller = await crowd.viewer()
    frames = socketio.event(stage.ns, "go", [])
    assert await poller.post("4", *frames) == 400
    await stage.settled()
    assert not stage.publisher.of("$event")


async def test_two_posts_at_a_time_close_the_session(stage: Stage, crowd: Crowd):
    router, release = stage.server.sio.router, asyncio.Event()
    router.on("connect", lambda *_: None, namespace="/slow")
    router.on("wait", lambda *_: release.wait(), namespace="/slow")
    poller = await crowd.open()
    await poller.join("/slow")
    many = ['42/slow,["wait"]'] * 66  # as many as may wait, and then it is not read
    first = asyncio.ensure_future(poller.post(*many))
    while not router.statistics().held:
        await asyncio.sleep(0.01)
    assert await poller.post("3") == 400
    assert await first == 400
    release.set()
    await poller.until(lambda: told(poller) == [3501])
    await gone(stage)


async def test_what_is_sent_faster_than_handled_holds_the_answer_back(stage: Stage, crowd: Crowd):
    router, release, handled = stage.server.sio.router, asyncio.Event(), []

    async def handle(namespace: Any, sid: str, number: int) -> None:
        await release.wait()
        handled.append(number)

    router.on("connect", lambda *_: None, namespace="/slow/*")
    router.on("n", handle, namespace="/slow/*")
    poller = await crowd.open()
    await poller.join("/slow/1")
    sending = asyncio.ensure_future(poller.post(*(f'42/slow/1,["n",{n}]' for n in range(200))))
    while not router.statistics().held:
        await asyncio.sleep(0.01)
    assert not sending.done() and stage.sessions()[-1].full_queues
    release.set()
    assert await sending == 200
    while len(handled) < 200:
        await asyncio.sleep(0.01)
    assert handled == list(range(200))


async def test_a_payload_that_is_too_large_is_413_and_ends_the_session(stage: Stage, crowd: Crowd):
    poller = await crowd.viewer()
    most = stage.server.sio.limits().inbound.post_bytes
    assert (await poller.fetch("x" * (most + 1))).code == 413
    await poller.until(lambda: told(poller) == [3501])
    assert stage.server.sio.router.statistics().oversized == 1
    await gone(stage)


async def test_after_an_upgrade_a_message_is_bounded_as_on_any_websocket(
    stage: Stage, crowd: Crowd
):
    poller = await crowd.viewer()
    carrier = await crowd.websocket(poller)
    for frame in ("2probe", "5", "x" * (1024 * KIB + 1)):
        await carrier.write_message(frame)
    while await carrier.read_message() is not None:
        pass
    assert carrier.close_code == 3501
    await gone(stage)


async def test_a_payload_that_hides_its_size_is_taken_in_no_further(stage: Stage, crowd: Crowd):
    poller = await crowd.viewer()
    most, sent = stage.server.sio.limits().inbound.post_bytes, 0

    async def produce(write: Any) -> None:
        nonlocal sent
        for _ in range(64):
            await write(b"x" * (256 * KIB))
            sent += 256 * KIB

    with pytest.raises(Exception):  # noqa: B017 - cut off while sending: whatever it calls that
        await poller.stream(produce)
    assert sent < most + 8 * 1024 * KIB
    await gone(stage)


async def test_a_second_payload_is_refused_while_the_first_is_on_its_way(
    stage: Stage, crowd: Crowd
):
    poller = await crowd.viewer()
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def produce(write: Any) -> None:
        await write(b"3")
        begun.set()
        await go_on.wait()

    slow = asyncio.ensure_future(poller.stream(produce))
    await begun.wait()
    await asyncio.sleep(0.05)
    assert await poller.post("3") == 400
    await poller.until(lambda: told(poller) == [3501])
    go_on.set()
    with pytest.raises(HTTPClientError, match="400"):
        await slow
    await gone(stage)


async def test_a_payload_that_does_not_come_ends_the_session(stage: Stage, crowd: Crowd):
    inbound = stage.server.sio.polls._limits.inbound
    object.__setattr__(inbound, "post_seconds", 0.1)  # frozen, as everybody else finds it
    poller = await crowd.viewer()
    over = asyncio.Event()
    waiting = asyncio.ensure_future(poller.stream(lambda write: over.wait()))
    await gone(stage)
    over.set()
    with pytest.raises(HTTPStreamClosedError):
        await waiting


async def test_a_polls_own_body_is_dropped(stage: Stage, crowd: Crowd):
    poller = await crowd.viewer()
    waiting = asyncio.ensure_future(poller.fetch("42nonsense" * 100_000, method="GET"))
    await asyncio.sleep(0.05)
    await stage.publisher.ask(stage.ns, "$emit", {"event": "tick"})
    assert (await waiting).body.decode() == f'42{stage.ns},["tick"]'
    assert not stage.sessions()[-1].handler._body


async def test_a_kernel_that_ends_says_3510(stage: Stage, crowd: Crowd):
    poller = await crowd.viewer()
    await stage.server.serverapp.kernel_manager.shutdown_kernel(stage.kernel_id, now=True)
    await poller.until(lambda: told(poller))
    assert told(poller) == [3510]
    assert any(isinstance(o, socketio.Left) for o in poller.others)


async def test_an_operator_shows_the_door(stage: Stage, crowd: Crowd):
    poller = await crowd.viewer()
    (notice,) = await stage.publisher.first("$viewer")
    url = f"{stage.server.url}jupyter-sio/api/namespaces/{stage.kernel_id}/viewers/{notice['id']}"
    assert (await fetch(url, method="DELETE", headers=stage.server.headers))[0] == 204
    await poller.until(lambda: told(poller) == [3503])
    assert (await poller.fetch()).code == 400


async def test_a_server_that_stops_says_3001(stage: Stage, crowd: Crowd):
    waiting, away = await crowd.viewer(), await crowd.viewer()
    await waiting.until(lambda: waiting.of("$streams"))
    polling = asyncio.ensure_future(waiting.poll())
    await asyncio.sleep(0.05)
    await stage.server.sio.stop_extension()
    await polling
    await away.until(lambda: told(away))
    assert told(waiting) == told(away) == [3001]
    assert waiting.of("$bye")[0][0]["retry_ms"] > 0


@limits(connect_seconds=0.3)
async def test_without_a_connect_in_time_the_session_is_over(stage: Stage, crowd: Crowd):
    poller = await crowd.open()
    assert await poller.get() == ["1"]
    await gone(stage)


async def test_many_that_come_and_go_leave_nothing(stage: Stage, crowd: Crowd):
    tasks = len(asyncio.all_tasks())
    opened = await stage.open()
    for number in range(12):
        poller = await crowd.watching()
        await stage.publish(opened["id"], number)
        if number % 3 == 0:
            await poller.post("1")
        elif number % 3 == 1:
            await poller.until(lambda: rows(poller))  # noqa: B023
            await poller.cancelled_poll()
        else:
            stage.sessions()[-1].abort()
        poller.close()
    await gone(stage)
    await stage.settled()
    assert len(asyncio.all_tasks()) <= tasks


# --- upgrades ------------------------------------------------------------------------------------


async def test_rows_arrive_in_order_and_once_across_an_upgrade(stage: Stage, crowd: Crowd):
    opened = await stage.open()
    poller = await crowd.watching()
    decoder, offset, over = socketio.Decoder(), 0, asyncio.Event()

    async def publish() -> None:
        nonlocal offset
        while not over.is_set():
            await stage.publish(opened["id"], offset, 1, str(offset).encode())
            offset += 1
            await asyncio.sleep(0.002)

    publishing = asyncio.ensure_future(publish())
    await poller.until(lambda: rows(poller) > 5)
    carrier = await crowd.websocket(poller)
    await carrier.write_message("2probe")
    assert await carrier.read_message() == "3probe"
    await poller.poll()  # the last: the client pauses
    await carrier.write_message("5")
    by_polls = rows(poller)
    while rows(poller) < by_polls + 30:
        found = decoder.receive(await carrier.read_message())
        if isinstance(found, socketio.Event):
            poller.heard.append((found.namespace, found.name, list(found.args)))
    over.set()
    await publishing
    found = [(first, payload) for first, _, payload in rows_of(poller)]  # type: ignore[arg-type]
    assert found == [(n, str(n).encode()) for n in range(len(found))]
    assert stage.sessions()[-1].upgraded and not len(stage.server.sio.polls)
    carrier.close()
    await gone(stage)


async def test_what_waited_for_a_poll_comes_by_the_websocket(stage: Stage, crowd: Crowd):
    opened = await stage.open()
    poller = await crowd.watching()
    await poller.until(lambda: any(isinstance(o, socketio.Answered) for o in poller.others))
    carrier = await crowd.websocket(poller)
    await carrier.write_message("2probe")
    assert await carrier.read_message() == "3probe"
    await stage.publish(opened["id"], 0, 1, bytes(100_000))
    await stage.publisher.ask(stage.ns, "$emit", {"event": "é"})
    await carrier.write_message("5")
    frames = [await carrier.read_message() for _ in range(3)]
    assert frames[0].startswith("451-") and frames[1] == bytes(100_000)
    assert frames[2] == f'42{stage.ns},["\\u00e9"]'


async def test_a_poll_that_waits_is_released_by_the_probe(stage: Stage, crowd: Crowd):
    poller = await crowd.open()
    waiting = asyncio.ensure_future(poller.get())
    carrier = await crowd.websocket(poller)
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await carrier.write_message("2probe")
    assert await waiting == ["6"]


@pytest.mark.parametrize(
    "frames", [["5"], ["2probe", "2probe"], ["2probe", "40"], ["x" * 2**21], [b"5"]]
)
async def test_what_is_no_upgrade_closes_that_websocket_alone(
    stage: Stage, crowd: Crowd, frames: list[str]
):
    poller = await crowd.viewer()
    carrier = await crowd.websocket(poller)
    for frame in frames:
        await carrier.write_message(frame, binary=isinstance(frame, bytes))
    assert [answer async for answer in heard(carrier)] in ([], ["3probe"])
    assert carrier.close_code == 3501
    await poller.tell(stage.ns, "$unsubscribe", {"id": NOTHING}, ack_id=3)
    await poller.until(lambda: isinstance(poller.others[-1], socketio.Answered))
    second = await crowd.websocket(poller)
    await second.write_message("2probe")
    assert await second.read_message() == "3probe"


async def test_a_websocket_beside_a_probe_or_of_a_session_that_is_over_is_refused(
    stage: Stage, crowd: Crowd
):
    poller = await crowd.viewer()
    carrier = await crowd.websocket(poller)
    over = await crowd.viewer()
    assert await over.post("4") == 400
    for refused in (poller, over):
        with pytest.raises(Exception, match="400"):
            await crowd.websocket(refused)
    await carrier.write_message("2probe")
    assert await carrier.read_message() == "3probe"


async def test_of_websockets_that_come_at_once_one_is_taken(stage: Stage, crowd: Crowd):
    poller = await crowd.viewer()
    carriers = await asyncio.gather(
        *(crowd.websocket(poller) for _ in range(5)), return_exceptions=True
    )
    opened = [one for one in carriers if isinstance(one, WebSocketClientConnection)]
    for carrier in opened:
        with suppress(WebSocketClosedError):
            await carrier.write_message("2probe")
    answers = [await carrier.read_message() for carrier in opened]
    assert sorted(map(str, answers)) == ["3probe"] + ["None"] * (len(opened) - 1)
    assert {one.close_code for one in opened} == {None, 3501}


async def begun_post(stage: Stage, poller: Poller) -> asyncio.StreamWriter:
    """Begin a POST whose body does not come."""
    where = urlsplit(poller.url)
    _, writer = await asyncio.open_connection(where.hostname, where.port)
    lines = [f"POST {where.path}?EIO=4&transport=polling&sid={poller.sid} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in poller.headers.items()]
    lines += [f"Host: {where.netloc}", "Content-Length: 9", "", ""]
    writer.write("\r\n".join(lines).encode())
    (poll,) = stage.server.sio.polls._polls.values()
    while not poll.posting:
        await asyncio.sleep(0.005)
    return writer


async def test_a_post_that_breaks_off_ends_the_session_and_leaves_no_task(
    stage: Stage, crowd: Crowd
):
    poller, tasks = await crowd.viewer(), len(asyncio.all_tasks())
    writer = await begun_post(stage, poller)
    writer.close()
    await writer.wait_closed()
    await gone(stage)
    for _ in range(500):
        if len(asyncio.all_tasks()) <= tasks:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"still there: {asyncio.all_tasks()}")


async def test_a_post_that_breaks_off_after_the_upgrade_ends_nothing(stage: Stage, crowd: Crowd):
    poller = await crowd.viewer()
    writer = await begun_post(stage, poller)
    (poll,) = stage.server.sio.polls._polls.values()
    carrier = await crowd.websocket(poller)
    for word in ("2probe", "5", f'42{stage.ns},1["$unsubscribe",{{"id":{NOTHING}}}]'):
        await carrier.write_message(word)
    await carrier.read_message()
    writer.close()
    await writer.wait_closed()
    await asyncio.sleep(0.05)
    assert poll.session in stage.sessions() and not poll.session.closing


async def test_a_probe_ends_with_its_session_and_in_time(stage: Stage, crowd: Crowd):
    poller, other = await crowd.viewer(), await crowd.viewer()
    carrier, late = await crowd.websocket(poller), await crowd.websocket(other)
    assert await poller.post("1") == 200
    assert await asyncio.wait_for(carrier.read_message(), 20) is None
    (poll,) = stage.server.sio.polls._polls.values()
    poll.upgrade._timer._run()
    assert await late.read_message() is None
    assert poll.upgrade is None and not poll.session.closing


@pytest.mark.parametrize("late", ["given up", "the session is over"])
async def test_an_upgrade_that_comes_too_late_is_none(stage: Stage, crowd: Crowd, late: str):
    poller = await crowd.viewer()
    carrier = await crowd.websocket(poller)
    await carrier.write_message("2probe")
    assert await carrier.read_message() == "3probe"
    (poll,) = stage.server.sio.polls._polls.values()
    if late == "given up":
        upgrade = poll.upgrade
        upgrade.give_up()
        upgrade.receive("5")
    else:
        assert await poller.post("4") == 400
        await carrier.write_message("5")
    assert [answer async for answer in heard(carrier)] == []
    assert carrier.close_code == 3501 and poll.session.transport is poll.transport


async def test_an_epoch_is_resumed_by_the_next_session(stage: Stage, crowd: Crowd):
    epoch = new_epoch()
    opened = await stage.open(epoch=epoch)
    await stage.publish_all(opened["id"], [(1, b"a"), (1, b"b")])
    first = await crowd.watching()
    await first.until(lambda: rows(first) == 2)
    await first.cancelled_poll()
    await stage.publish(opened["id"], 2, 1, b"c")
    second = await crowd.watching(since=[epoch, 2])
    await second.until(lambda: rows(second))
    assert rows_of(second) == [(2, 1, b"c")]  # type: ignore[arg-type]
