"""What is malformed closes the connection with 3501. Source: protocol.md §5 (the last list), §9."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from tornado.websocket import WebSocketClosedError

from jupyter_sio.protocol import socketio
from tests.integration.conftest import Stage
from tests.wire import Wire, fetch

KIB, MIB = 1024, 1024 * 1024
DEEP = "[" * 100 + "]" * 100
VERY_DEEP = "[" * 200_000

# Frames as they stand on the wire; NS stands for the namespace that was joined.
MALFORMED: dict[str, list[str | bytes]] = {
    "an empty frame": [""],
    "an empty binary frame": [b""],
    "OPEN is the server's": ["0{}"],
    "PING is the server's": ["2"],
    "a probe, without polling": ["2probe"],
    "an upgrade, without polling": ["5"],
    "NOOP is the server's": ["6"],
    "a letter": ["hello"],
    "a blank before": [" 42NS,[\"go\"]"],
    "a bare 4": ["4"],
    "no such packet": ["47NS,"],
    "CONNECT_ERROR is the server's": ['44NS,{"message":"no"}'],
    "no JSON": ["42NS,[go]"],
    "half a JSON": ['42NS,["go"'],
    "an event that is no list": ['42NS,{"go":1}'],
    "an event of nothing": ["42NS,[]"],
    "an event without a body": ["42NS,"],
    "NaN": ['42NS,["go",NaN]'],
    "Infinity": ['42NS,["go",Infinity]'],
    "-Infinity": ['42NS,["go",{"a":-Infinity}]'],
    "a number beyond float64": ['42NS,["go",1e999]'],
    "an integer of 10,000 digits": ['42NS,["go",' + "9" * 10_000 + "]"],
    "deep nesting": [f'42NS,["go",{DEEP}]'],
    "very deep nesting": [f'42NS,["go",{VERY_DEEP}]'],
    "deep nesting in auth": ['40/kernels/x,{"a":' + DEEP + "}"],
    "a placeholder that is negative": ['451-NS,["go",{"_placeholder":true,"num":-1}]', b"x"],
    "a placeholder out of range": ['451-NS,["go",{"_placeholder":true,"num":1}]', b"x"],
    "a placeholder that is text": ['451-NS,["go",{"_placeholder":true,"num":"0"}]', b"x"],
    "a placeholder that is a fraction": ['451-NS,["go",{"_placeholder":true,"num":0.5}]', b"x"],
    "a placeholder that is true": ['451-NS,["go",{"_placeholder":true,"num":true}]', b"x"],
    "a placeholder without a number": ['451-NS,["go",{"_placeholder":true}]', b"x"],
    "text where an attachment is due": [
        '451-NS,["go",{"_placeholder":true,"num":0}]', '42NS,["go"]',
    ],
    "a binary frame that nobody announced": [b"x"],
    "a binary event of 0 attachments": ['450-NS,["go"]'],
    "a binary event of 11 attachments": ['4511-NS,["go"]'],
    "a binary event of a billion attachments": ['451000000000-NS,["go"]'],
    "a binary event without a count": ['45NS,["go"]'],
    "a binary event of -1 attachments": ['45-1-NS,["go"]'],
    "DISCONNECT with a body": ['41NS,["really"]'],
    "CONNECT twice": ["40NS,"],
    "CONNECT with a list": ["40/kernels/x,[]"],
    "CONNECT with an id": ["40/kernels/x,7{}"],
    "an event in a namespace never joined": ['42/courses/1,["go"]'],
    "an event in the main namespace never joined": ['42["go"]'],
    "an answer in a namespace never joined": ["43/courses/1,0[]"],
    "an answer without an id": ['43NS,["x"]'],
    "an answer that is no list": ["43NS,0{}"],
    "an id beyond numbers": ['42NS,99999999999999999["go"]'],
    "an empty event name": ['42NS,[""]'],
    "an event name that is a number": ["42NS,[7]"],
    "an event name that is null": ["42NS,[null]"],
    "an event name that is an object": ['42NS,[{"go":1}]'],
    "an event name that is binary": ['451-NS,[{"_placeholder":true,"num":0}]', b"x"],
    "an over-long event name": [f'42NS,["{"x" * 65}"]'],
    "an over-long event name in bytes": [f'42NS,["{"ü" * 33}"]'],
    "an event name that is no Unicode": ['42NS,["\\ud800"]'],
    "connect as an event": ['42NS,["connect",{"jupyter_sio.user":"root"},{}]'],
    "disconnect as an event": ['42NS,["disconnect"]'],
    "connect_error as an event": ['42NS,["connect_error"]'],
    "* as an event": ['42NS,["*","somebody",1]'],
    "connect as a binary event": ['451-NS,["connect",{"_placeholder":true,"num":0}]', b"x"],
}  # fmt: skip

NOT_A_VIEWERS = [
    *("$open", "$publish", "$compact", "$close", "$emit", "$room", "$viewers", "$share"),
    *("$revoke", "$batch", "$gap", "$reset", "$streams", "$status", "$bye", "$published"),
    *("$event", "$viewer", "$namespaces", "$namespace", "$", "$x"),
]
NOT_A_PUBLISHERS = [
    *("$subscribe", "$unsubscribe", "$ack", "$batch", "$gap", "$reset", "$streams"),
    *("$status", "$bye", "$published", "$event", "$viewer", "$", "$x", "hello"),
]


def told(wire: Wire, namespace: str) -> list[Any]:
    return [args[0] for args in wire.of("$bye", namespace)]


async def closed_with_3501(wire: Wire, *namespaces: str) -> bool:
    """Wait for the end, and look whether it was told as protocol.md says."""
    with contextlib.suppress(asyncio.TimeoutError):
        await wire.until_closed()
    byes = [(bye["code"], bye["retry_ms"]) for ns in namespaces for bye in told(wire, ns)]
    engine_closed = isinstance(wire.others[-1], socketio.Closed)
    return byes == [(3501, None)] * len(namespaces) and engine_closed and wire.close_code == 3501


async def test_each_of_the_table_closes_with_3501_and_harms_nobody_else(stage: Stage):
    neighbour, statistics = await stage.viewer(), stage.server.sio.router.statistics
    wrong = []
    for number, (what, frames) in enumerate(MALFORMED.items()):
        wire = await stage.viewer()
        for frame in frames:
            await wire.send(frame.replace("NS", stage.ns) if isinstance(frame, str) else frame)
        if not (await closed_with_3501(wire, stage.ns) and statistics().malformed == number + 1):
            wrong.append(what)
    await stage.settled(neighbour)
    assert not wrong and not neighbour.closed
    assert not stage.publisher.of("$event") and not neighbour.of("$bye")


async def test_a_reserved_name_that_is_not_a_viewers_to_send(stage: Stage):
    opened = await stage.open()
    neighbour, _ = await stage.watching()
    wrong = []
    for event in NOT_A_VIEWERS:
        wire = await stage.viewer()
        await wire.tell(stage.ns, event, [opened["id"], 0, 1, 1], b"forged")
        if not await closed_with_3501(wire, stage.ns):
            wrong.append(event)
    await stage.settled(neighbour)
    assert not wrong
    assert {name for _, name, _ in neighbour.heard} == {"$status", "$streams"}
    assert {name for _, name, _ in stage.publisher.heard} == {"$viewer"}


async def test_a_name_that_is_not_a_publishers_to_send(stage: Stage):
    wrong = []
    for event in NOT_A_PUBLISHERS:
        publisher = await stage.claim()
        await publisher.tell(stage.ns, event, {"stream": "loss"})
        if not await closed_with_3501(publisher, stage.ns):
            wrong.append(event)
    assert not wrong


async def test_a_reserved_name_in_another_extensions_namespace(stage: Stage):
    heard: list[Any] = []
    router = stage.server.sio.router
    router.on("connect", lambda *_: None, namespace="/courses/*")
    router.on("*", lambda *args: heard.append(args), namespace="/courses/*")
    for event in ("$subscribe", "$publish", "$anything"):
        wire = await stage.socket()
        await wire.join("/courses/1")
        await wire.tell("/courses/1", event, {})
        assert await closed_with_3501(wire, "/courses/1")
    assert not heard


async def test_bye_comes_in_each_namespace_also_those_of_other_extensions(stage: Stage):
    stage.server.sio.router.on("connect", lambda *_: None, namespace="/courses/*")
    wire = await stage.viewer()
    for namespace in ("/kernels", "/courses/1", "/courses/2"):
        await wire.join(namespace)
    await wire.send("4")
    assert await closed_with_3501(wire, stage.ns, "/kernels", "/courses/1", "/courses/2")


async def test_before_any_namespace_was_joined_there_is_nobody_to_say_bye_to(stage: Stage):
    wire = await stage.socket()
    await wire.send("4")
    assert await closed_with_3501(wire) and not wire.heard


async def test_an_event_in_a_namespace_just_left_is_ignored(stage: Stage):
    wire = await stage.viewer()
    await wire.send(socketio.disconnect(stage.ns))
    await wire.tell(stage.ns, "go", b"binary too")
    await wire.tell(stage.ns, "$subscribe", {"stream": "loss"})
    await wire.send(socketio.disconnect(stage.ns))
    await wire.join(stage.ns)
    await stage.settled(wire)
    assert not wire.closed and not stage.publisher.of("$event")


async def test_an_event_in_a_namespace_that_the_server_just_took_is_ignored(stage: Stage):
    wire = await stage.viewer()
    await wire.join("/kernels")
    (notice,) = await stage.publisher.first("$viewer")
    url = f"{stage.server.url}jupyter-sio/api/namespaces/{stage.kernel_id}/viewers/{notice['id']}"
    assert (await fetch(url, method="DELETE", headers=stage.server.headers))[0] == 204
    await wire.tell(stage.ns, "go")
    await wire.join(stage.ns)
    await stage.settled(wire)
    assert told(wire, stage.ns)[0]["code"] == 3503
    assert not wire.closed and not stage.publisher.of("$event")


async def test_what_is_no_offence(stage: Stage):
    """Empty objects, large numbers, nested arguments, an answer to nothing, ten attachments."""
    wire = await stage.viewer()
    args = [{}, [], 2**53, -1.5e300, json.loads("[" * 40 + "]" * 40), "\u0000", "😀"]
    await wire.tell(stage.ns, "go", *args)
    await wire.tell(stage.ns, "x" * 64, *[b"x"] * 10)
    await wire.tell(stage.ns, "ü" * 32)
    await wire.send(f"43{stage.ns},99[]")
    await wire.send("3")
    await stage.publisher.first("$event", 3)
    assert stage.publisher.of("$event")[0][1:] == args
    assert not wire.closed


# --- how large -----------------------------------------------------------------------------------


def sized(stage: Stage, size: int) -> str:
    """Write an event as one frame of so many bytes."""
    head, tail = f'42{stage.ns},["go","', '"]'
    return head + "x" * (size - len(head) - len(tail)) + tail


async def test_a_viewers_frame_may_have_1_mib(stage: Stage):
    wire = await stage.viewer()
    await wire.send(sized(stage, MIB))
    await stage.publisher.first("$event")
    with contextlib.suppress(WebSocketClosedError):  # it stops writing when it is told
        await wire.send(sized(stage, MIB + 1))
    assert await closed_with_3501(wire, stage.ns)
    assert len(stage.publisher.of("$event")) == 1
    assert stage.server.sio.router.statistics().oversized == 1


async def test_a_viewers_attachments_may_have_1_mib_together(stage: Stage):
    wire = await stage.viewer()
    await wire.tell(stage.ns, "go", *[bytes(MIB // 4)] * 4)
    await stage.publisher.first("$event")
    await wire.tell(stage.ns, "go", *[bytes(MIB // 4)] * 4, b"x")
    assert await closed_with_3501(wire, stage.ns)
    assert stage.server.sio.router.statistics().oversized == 1


async def test_a_kernels_frame_may_have_8_mib(stage: Stage):
    opened = await stage.open()
    await stage.publish(opened["id"], 0, 1, bytes(8 * MIB))
    await stage.publisher.first("$published")
    with contextlib.suppress(WebSocketClosedError):  # it stops writing when it is told
        await stage.publisher.send(bytes(8 * MIB + 1))
    assert await closed_with_3501(stage.publisher, stage.ns)


async def test_a_kernels_attachments_may_have_8_mib_together(stage: Stage):
    parts = [bytes(2 * MIB)] * 4
    await stage.publisher.ask(stage.ns, "$emit", {"event": "big"}, *parts)
    await stage.publisher.tell(stage.ns, "$emit", {"event": "big"}, *parts, b"x")
    assert await closed_with_3501(stage.publisher, stage.ns)
