"""User events both ways, rooms, calls. Source: protocol.md §5 (user events, $emit, $room)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from jupyter_sio.protocol import socketio
from tests.integration.conftest import Stage
from tests.integration.stage import NOTHING
from tests.reluctant import Reluctant
from tests.wire import Wire

KIB, MIB = 1024, 1024 * 1024
SECONDS = 0.4  # in place of the 30 for an answer


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any]) -> dict[str, Any]:
    return {**jp_server_config, "JupyterSio": {"answer_seconds": SECONDS}}


def events(wire: Wire, name: str) -> list[socketio.Event]:
    return [o for o in wire.others if isinstance(o, socketio.Event) and o.name == name]


def sid(stage: Stage, wire: Wire) -> str:
    (joined,) = [o for o in wire.others if isinstance(o, socketio.Joined)]
    return joined.sid


async def passed_on(stage: Stage, count: int = 1) -> socketio.Event:
    """Wait for the ``count``-th event of a viewer's at the kernel."""
    await stage.publisher.until(lambda: len(events(stage.publisher, "$event")) >= count)
    return events(stage.publisher, "$event")[count - 1]


async def answered(stage: Stage, wire: Wire, answer: Any, *args: Any) -> Any:
    """Send an event, have the kernel answer it, return what the viewer is told."""
    count = len(events(stage.publisher, "$event"))
    asking = asyncio.ensure_future(wire.ask(stage.ns, "go", *args))
    await stage.publisher.answer(await passed_on(stage, count + 1), answer)
    return await asking


async def emit(stage: Stage, event: str, *args: Any, **how: Any) -> Any:
    return await stage.publisher.ask(stage.ns, "$emit", {"event": event, **how}, *args)


# --- viewer -> kernel --------------------------------------------------------------------------


async def test_an_event_reaches_the_kernel_with_who_sent_it(stage: Stage):
    wire = await stage.viewer(name="ada")
    args = ["text", 1.5, None, {"deep": [b"\x00\x01", {"x": b""}]}, b"last"]
    await wire.tell(stage.ns, "stop", *args)
    event = await passed_on(stage)
    head, *rest = event.args
    assert head == {
        "event": "stop",
        "viewer": {"id": sid(stage, wire), "name": "ada", "grants": ["manage", "send", "watch"]},
    }
    assert rest == args and event.ack_id is None


async def test_an_event_that_cannot_be_passed_on_leaves_nothing_behind(stage: Stage, caplog: Any):
    """What is attached once may stand in the arguments often, and be attached as often then."""
    wire, place = await stage.viewer(), '{"_placeholder":true,"num":0}'
    await wire.send(f'451-{stage.ns},7["go",{",".join([place] * 11)}]')
    await wire.send(b"x")
    await wire.until_closed()
    assert wire.close_code == 3501 and not stage.publisher.of("$event")
    await asyncio.sleep(1.5 * SECONDS)  # until nobody would wait for the answer any more
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize("value", [None, 7, [1, {"a": b"\x01"}], b"bytes", "text", {}])
async def test_what_the_handler_returned_answers_the_viewer(stage: Stage, value: Any):
    wire = await stage.viewer()
    assert await answered(stage, wire, {"ok": True, "value": value}) == {"ok": True, "value": value}


async def test_a_refusal_of_the_kernels_reaches_the_viewer(stage: Stage):
    wire = await stage.viewer()
    refusal = {"ok": False, "code": 3506, "message": "no handler for 'go'"}
    assert await answered(stage, wire, refusal) == refusal


async def test_the_text_of_an_exception_reaches_a_viewer_with_manage(stage: Stage):
    wire = await stage.viewer()
    refusal = {"ok": False, "code": 3004, "message": "ZeroDivisionError: division by zero"}
    assert await answered(stage, wire, refusal) == refusal


@pytest.mark.parametrize("answer", [None, 7, [], {}, {"ok": 1}, {"ok": False, "code": "x"}])
async def test_an_answer_that_is_none_reads_internal_error(stage: Stage, answer: Any):
    told = await answered(stage, await stage.viewer(), answer)
    assert (told["ok"], told["code"]) == (False, 3004)
    assert isinstance(told["message"], str)


async def test_one_viewers_events_arrive_in_the_order_sent(stage: Stage):
    wires = [await stage.viewer(name=name) for name in ("ada", "ben")]
    for number in range(80):
        for wire in wires:
            await wire.tell(stage.ns, "n", number, b"x" * (number % 3))
    await passed_on(stage, 160)
    for name in ("ada", "ben"):
        numbers = [
            args[1] for args in stage.publisher.of("$event") if args[0]["viewer"]["name"] == name
        ]
        assert numbers == list(range(80))


async def test_answers_find_their_events_whatever_their_order(stage: Stage):
    wire = await stage.viewer()
    asking = [asyncio.ensure_future(wire.ask(stage.ns, "n", number)) for number in range(5)]
    await passed_on(stage, 5)
    for event in reversed(events(stage.publisher, "$event")):
        await stage.publisher.answer(event, {"ok": True, "value": event.args[1]})
    assert [told["value"] for told in await asyncio.gather(*asking)] == [0, 1, 2, 3, 4]


async def test_an_event_reaches_no_other_viewer(stage: Stage):
    wire, other = await stage.viewer(), await stage.viewer()
    await wire.tell(stage.ns, "go")
    await passed_on(stage)
    await stage.settled(other)
    assert not other.of("go") and not other.of("$event")


async def test_without_a_publisher_the_answer_is_3003(server: Any, quiet_kernel: str):
    wire = await server.viewer(quiet_kernel)
    answer = await wire.ask(f"/kernels/{quiet_kernel}", "go")
    assert set(answer) == {"ok", "code", "message"}
    assert (answer["ok"], answer["code"]) == (False, 3003)
    await wire.close()


async def test_a_publisher_that_leaves_before_it_answered_is_3003(stage: Stage):
    wire = await stage.viewer()
    asking = asyncio.ensure_future(wire.ask(stage.ns, "go"))
    await passed_on(stage)
    await stage.publisher.close()
    assert (await asking)["code"] == 3003
    assert (await wire.ask(stage.ns, "go"))["code"] == 3003


async def test_a_publisher_that_takes_too_long_to_answer_is_3003_and_late_is_ignored(stage: Stage):
    wire = await stage.viewer()
    began = time.monotonic()
    assert (await wire.ask(stage.ns, "go"))["code"] == 3003
    assert time.monotonic() - began >= SECONDS * 0.9
    await stage.publisher.answer(await passed_on(stage), {"ok": True, "value": 1})
    await stage.settled(wire)
    assert sum(isinstance(o, socketio.Answered) for o in wire.others) == 2  # this, and settled's


async def test_when_the_kernel_has_ended_events_are_answered_3510(stage: Stage):
    await stage.server.serverapp.kernel_manager.shutdown_kernel(stage.kernel_id, now=True)
    wire = await stage.viewer()
    assert (await wire.ask(stage.ns, "go"))["code"] == 3510


async def test_more_than_200_at_once_and_50_a_second_are_answered_3013(stage: Stage):
    wire = await stage.viewer()
    began = time.monotonic()
    asking = [asyncio.ensure_future(wire.ask(stage.ns, "n", n)) for n in range(600)]
    codes = [(await one)["code"] for one in asking]
    most = 200 + 50 * (time.monotonic() - began) + 1
    assert 200 <= len(stage.publisher.of("$event")) <= most
    # What was passed on is never answered here.
    assert codes[:200] == [3003] * 200 and set(codes) == {3003, 3013}
    other = await stage.viewer()  # each viewer has its own
    assert (await answered(stage, other, {"ok": True, "value": 1}))["ok"]


async def test_a_kernel_that_does_not_read_its_events_gets_no_more_than_a_mebibyte(stage: Stage):
    await stage.publisher.close()
    client = await Reluctant.open(stage.server.socket_url, headers={}, ticket=await stage.ticket())
    try:
        await client.join(stage.ns)
        wire = await stage.viewer()
        codes = [(await wire.ask(stage.ns, "big", bytes(900 * KIB)))["code"] for _ in range(5)]
        assert codes[0] == 3003 and codes[-1] == 3013  # it never answers; then there is no room
    finally:
        client.close()


# --- kernel -> viewers -------------------------------------------------------------------------


async def test_an_event_reaches_all_viewers_with_any_arguments(stage: Stage):
    wires = [await stage.viewer() for _ in range(3)]
    args = [1, None, "ü", {"a": [b"\x00", b""]}, b"x" * 10_000]
    assert await emit(stage, "said", *args) == {"ok": True, "sent": 3}
    assert await emit(stage, "nothing") == {"ok": True, "sent": 3}
    for wire in wires:
        assert await wire.first("said") == args
        assert await wire.first("nothing") == []
    assert not stage.publisher.of("said")


async def test_an_event_to_one_viewer_reaches_that_one(stage: Stage):
    ada, ben = await stage.viewer(), await stage.viewer()
    await stage.publisher.tell(stage.ns, "$emit", {"event": "said", "to": sid(stage, ada)}, 1)
    await stage.settled(ada, ben)
    assert ada.of("said") == [[1]] and not ben.of("said")


async def test_skip_leaves_one_viewer_out(stage: Stage):
    ada, ben = await stage.viewer(), await stage.viewer()
    assert (await emit(stage, "said", skip=sid(stage, ada)))["sent"] == 1
    await stage.settled(ada, ben)
    assert not ada.of("said") and ben.of("said") == [[]]


async def test_an_event_to_nobody_is_sent_to_nobody(stage: Stage):
    wire = await stage.viewer()
    assert await emit(stage, "said", to="an empty room") == {"ok": True, "sent": 0}
    await stage.settled(wire)
    assert not wire.of("said")


async def test_rooms_are_entered_and_left(stage: Stage):
    ada, ben, cleo = [await stage.viewer() for _ in range(3)]
    for wire in (ada, ben):
        join = {"viewer": sid(stage, wire), "room": "red", "join": True}
        assert await stage.publisher.ask(stage.ns, "$room", join) == {"ok": True}
        await stage.publisher.ask(stage.ns, "$room", join)  # twice is once
    assert (await emit(stage, "said", 1, to="red"))["sent"] == 2
    assert (await emit(stage, "said", 2, to="red", skip=sid(stage, ben)))["sent"] == 1
    leave = {"viewer": sid(stage, ada), "room": "red", "join": False}
    assert await stage.publisher.ask(stage.ns, "$room", leave) == {"ok": True}
    assert (await emit(stage, "said", 3, to="red"))["sent"] == 1
    await stage.settled(ada, ben, cleo)
    assert (ada.of("said"), ben.of("said"), cleo.of("said")) == ([[1], [2]], [[1], [3]], [])


async def test_who_leaves_the_namespace_leaves_its_rooms(stage: Stage):
    wire = await stage.viewer()
    join = {"viewer": sid(stage, wire), "room": "red", "join": True}
    await stage.publisher.ask(stage.ns, "$room", join)
    await wire.close()
    await stage.publisher.first("$viewer", 2)
    assert (await emit(stage, "said", to="red"))["sent"] == 0
    assert not stage.server.sio.registry.namespaces[stage.kernel_id].rooms


async def test_a_room_for_a_viewer_who_is_not_there_is_refused(stage: Stage):
    for asked in ({"viewer": "nobody", "room": "red", "join": True}, {"viewer": 1}, {}):
        answer = await stage.publisher.ask(stage.ns, "$room", asked)
        assert (answer["ok"], answer["code"]) == (False, 3501)


async def test_an_emit_that_makes_no_sense_is_answered_so(stage: Stage):
    wire = await stage.viewer()
    for how in (
        {},
        {"event": ""},
        {"event": 7},
        {"event": "$batch"},
        {"event": "connect"},
        {"event": "*"},
        {"event": "ü" * 33},
        {"event": "said", "to": 7},
        {"event": "said", "skip": ["x"]},
    ):
        answer = await stage.publisher.ask(stage.ns, "$emit", how)
        assert (answer["ok"], answer["code"]) == (False, 3501), how
    await stage.settled(wire)
    assert {name for _, name, _ in wire.heard} == {"$status", "$streams"}


# --- calls -------------------------------------------------------------------------------------


async def called(stage: Stage, wire: Wire, *answer: Any) -> Any:
    """Call one viewer, have it answer, return what the kernel is told."""
    calling = asyncio.ensure_future(emit(stage, "ask", 1, b"2", to=sid(stage, wire)))
    await wire.first("ask")
    (event,) = events(wire, "ask")
    assert event.args == [1, b"2"] and event.ack_id is not None
    await wire.answer(event, *answer)
    return await calling


@pytest.mark.parametrize("value", [None, 7, {"ok": False}, [1, 2], b"bytes"])
async def test_a_call_is_answered_with_the_viewers_answer(stage: Stage, value: Any):
    wire = await stage.viewer()
    assert await called(stage, wire, value) == {"ok": True, "value": value}


async def test_a_viewer_that_does_not_answer_in_time_is_3003(stage: Stage):
    wire = await stage.viewer()
    began = time.monotonic()
    answer = await emit(stage, "ask", to=sid(stage, wire))
    assert (answer["ok"], answer["code"]) == (False, 3003)
    assert time.monotonic() - began >= SECONDS * 0.9
    (event,) = events(wire, "ask")
    await wire.answer(event, "late")  # is ignored
    assert await called_again(stage, wire) == {"ok": True, "value": "in time"}


async def called_again(stage: Stage, wire: Wire) -> Any:
    calling = asyncio.ensure_future(emit(stage, "ask", to=sid(stage, wire)))
    await wire.first("ask", 2)
    await wire.answer(events(wire, "ask")[1], "in time")
    return await calling


async def test_a_viewer_that_leaves_before_it_answered_is_3003_at_once(stage: Stage):
    wire = await stage.viewer()
    calling = asyncio.ensure_future(emit(stage, "ask", to=sid(stage, wire)))
    await wire.first("ask")
    await wire.close()
    began = time.monotonic()
    assert (await calling)["code"] == 3003
    assert time.monotonic() - began < SECONDS * 0.9


async def test_an_answer_to_nothing_is_ignored(stage: Stage):
    wire = await stage.viewer()
    for frame in socketio.answer(stage.ns, NOTHING, ["x"]):
        await wire.send(frame)
    await stage.settled(wire)
    assert not wire.closed


# --- who is there ------------------------------------------------------------------------------


async def test_viewers_lists_who_watches_and_how_far_behind(stage: Stage):
    opened = await stage.open()
    wire = await stage.viewer(name="ada", kind="widget")
    await stage.subscribe(wire, window=1)
    await stage.publish_all(opened["id"], [(10, b"x")] * 4)
    await stage.settled(wire)
    (entry,) = await stage.publisher.ask(stage.ns, "$viewers")
    assert set(entry) == {"id", "name", "grants", "kind", "since", "lag"}
    assert (entry["id"], entry["name"], entry["kind"]) == (sid(stage, wire), "ada", "widget")
    assert abs(entry["since"] - time.time() * 1000) < 60_000
    assert entry["lag"] == 30  # rows


# --- rows and events ---------------------------------------------------------------------------


async def test_rows_pushed_before_an_event_come_before_it(stage: Stage):
    opened = await stage.open()
    wire, _ = await stage.watching()
    for offset in range(50):
        await stage.publish(opened["id"], offset)
        await stage.publisher.tell(stage.ns, "$emit", {"event": "said"}, offset)
    await wire.first("said", 50)
    rows = 0
    for _, name, args in wire.heard:
        if name == "$batch":
            rows += sum(args[0][3:])
        elif name == "said":
            assert rows > args[0]


async def test_for_who_has_a_mebibyte_outstanding_events_are_dropped_and_counted(stage: Stage):
    async with stage.reluctant() as client:
        outstanding = stage.sessions()[-1]
        sent = [(await emit(stage, "said", n, bytes(64 * KIB)))["sent"] for n in range(60)]
        assert sent[0] == 1 and sent[-1] == 0
        assert MIB < outstanding.outstanding < MIB + 66 * KIB
        dropped = sent.count(0)
        assert stage.server.sio.publishers.events_dropped == dropped
        quick = await stage.viewer()
        await stage.open()  # a reserved message: $streams
        assert (await emit(stage, "said", 60))["sent"] == 1
        await client.until(lambda: len(client.of("$streams")) == 2)
        heard = [args[0] for args in client.of("said")]
        assert heard == list(range(60 - dropped)) and await quick.first("said") == [60]
