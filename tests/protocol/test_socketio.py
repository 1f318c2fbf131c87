"""Frames and messages of Socket.IO as a client speaks it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_sio.errors import BadRequest
from jupyter_sio.protocol import socketio
from jupyter_sio.protocol.socketio import Decoder, Event

ROOM = "/kernels/5"


def read(*frames: str | bytes) -> list[socketio.Received | None]:
    decoder = Decoder()
    return [decoder.receive(frame) for frame in frames]


def test_connecting_carries_the_auth() -> None:
    assert socketio.connect(ROOM, {"protocol": 1}) == '40/kernels/5,{"protocol":1}'
    assert socketio.connect("/") == "40"


def test_leaving_names_the_namespace() -> None:
    assert socketio.disconnect(ROOM) == "41/kernels/5,"


def test_an_event_without_bytes_is_one_frame() -> None:
    assert socketio.event(ROOM, "stop", ["now", {"ü": 1}]) == [
        '42/kernels/5,["stop","now",{"ü":1}]'
    ]


def test_bytes_of_any_kind_and_depth_become_attachments_without_a_copy() -> None:
    view = memoryview(b"cd")
    frames = socketio.event(ROOM, "$publish", [[1, {"x": b"ab"}], view], ack_id=7)
    assert frames[0] == (
        '452-/kernels/5,7["$publish",[1,{"x":{"_placeholder":true,"num":0}}],'
        '{"_placeholder":true,"num":1}]'
    )
    assert frames[1] == b"ab"
    assert frames[2] is view


def test_an_answer_names_what_it_answers() -> None:
    assert socketio.answer(ROOM, 12, [{"ok": True}]) == ['43/kernels/5,12[{"ok":true}]']
    assert socketio.answer("/", 1, [b"x"]) == ['461-1[{"_placeholder":true,"num":0}]', b"x"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, object(), {("a",): 1}])
def test_what_cannot_travel_is_refused_when_it_is_sent(value: object) -> None:
    with pytest.raises(BadRequest, match="cannot travel"):
        socketio.event(ROOM, "x", [value])


def test_an_eleventh_attachment_is_refused_when_it_is_sent() -> None:
    assert len(socketio.event(ROOM, "x", [b""] * 10)) == 11
    with pytest.raises(BadRequest, match="10 binary values; got 11"):
        socketio.event(ROOM, "x", [b""] * 11)


def test_a_list_that_holds_itself_is_refused_when_it_is_sent() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(BadRequest, match="deep"):
        socketio.event(ROOM, "x", [endless])


def test_the_greeting_tells_both_times_in_seconds() -> None:
    greeting = '0{"sid":"a","upgrades":[],"pingInterval":300,"pingTimeout":20000,"maxPayload":1}'
    assert read(greeting) == [socketio.Opened("a", 0.3, 20.0)]


def test_ping_close_and_noop() -> None:
    assert read("2", "6", "1") == [socketio.Pinged(), None, socketio.Closed()]


def test_joining_leaving_and_being_refused() -> None:
    assert read('40/kernels/5,{"sid":"b"}', "41/kernels/5,") == [
        socketio.Joined(ROOM, "b"),
        socketio.Left(ROOM),
    ]
    refusal = '44/kernels/5,{"message":"no such namespace","data":{"code":3507}}'
    assert read(refusal) == [socketio.JoinRefused(ROOM, "no such namespace", {"code": 3507})]
    assert read('44/x,"Unable to connect"') == [socketio.JoinRefused("/x", "Unable to connect", {})]


def test_a_binary_event_is_told_with_its_last_attachment_even_with_a_ping_between() -> None:
    head = (
        '452-/kernels/5,["$batch",[1,0,9,1,1],'
        '{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]'
    )
    assert read(head, b"a", "2", b"b") == [
        None,
        None,
        socketio.Pinged(),
        Event(ROOM, "$batch", [[1, 0, 9, 1, 1], b"b", b"a"]),
    ]


def test_an_event_may_ask_for_an_answer_and_an_answer_is_told_with_its_number() -> None:
    assert read('42/kernels/5,3["ask",1]') == [Event(ROOM, "ask", [1], 3)]
    assert read("43/kernels/5,12[true]") == [socketio.Answered(ROOM, 12, [True])]
    assert read('42["hello"]') == [Event("/", "hello", [])]


MALFORMED: list[list[str | bytes]] = [
    [""],
    ["x"],
    ["4"],
    ["47"],
    ["42"],
    ["42{}"],
    ["42[]"],
    ["42[1]"],
    ["43[]"],
    ['42["a",NaN]'],
    ["42" + "[" * 200_000],
    [b"unannounced"],
    ['450-["a"]'],
    ['4511-["a"]'],
    ['45x-["a"]'],
    ['4599999999999-["a"]'],
    ['451-["a"]', '42["b"]'],
    ['451-["a",{"_placeholder":true,"num":1}]', b""],
    ['451-["a",{"_placeholder":true,"num":-1}]', b""],
    ['451-["a",{"_placeholder":true,"num":"0"}]', b""],
    ["0[]"],
    ['0{"sid":1}'],
]


@pytest.mark.parametrize("frames", MALFORMED, ids=lambda frames: str(frames)[:24])
def test_malformed_frames_are_refused(frames: list[str | bytes]) -> None:
    with pytest.raises(BadRequest):
        read(*frames)


plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.binary()
arguments = st.lists(
    st.recursive(plain, lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=8),
    max_size=3,
)


@given(arguments, st.none() | st.integers(0, 10**9))
def test_whatever_is_sent_is_read_as_the_same(args: list[Any], ack_id: int | None) -> None:
    try:
        frames = socketio.event(ROOM, "x", args, ack_id=ack_id)
    except BadRequest as refused:
        assert "binary values" in str(refused)
        return
    *before, last = read(*frames)  # type: ignore[arg-type]
    assert before == [None] * (len(frames) - 1)
    assert last == Event(ROOM, "x", args, ack_id)


@given(st.lists(st.text(max_size=30) | st.binary(max_size=3), max_size=5))
def test_no_frame_raises_anything_but_a_bad_request(frames: list[str | bytes]) -> None:
    decoder = Decoder()
    for frame in frames:
        try:
            decoder.receive(frame)
        except BadRequest:
            return
