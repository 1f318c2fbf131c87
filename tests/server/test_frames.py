"""Packets as WebSocket frames: what python-socketio reads, and what is shared, not copied."""

from __future__ import annotations

import struct

import pytest
import socketio
from hypothesis import given
from hypothesis import strategies as st

from jupyter_sio.errors import BadRequest
from jupyter_sio.server import frames
from tests.server.test_packets import VALUES


def unframed(framed: frames.Frames) -> list[str | bytes]:
    """The messages of unmasked frames, read by RFC 6455 §5.2."""
    data, messages = b"".join(framed), []
    while data:
        head, size = data[0], data[1]
        start = 2
        if size == 126:
            (size,), start = struct.unpack("!H", data[2:4]), 4
        elif size == 127:
            (size,), start = struct.unpack("!Q", data[2:10]), 10
        payload, data = data[start : start + size], data[start + size :]
        assert head in (0x81, 0x82)
        messages.append(payload.decode() if head == 0x81 else payload)
    return messages


@pytest.mark.parametrize(
    ("framed", "message"),
    [
        (frames.engine("2"), "2"),
        (frames.connect("/a", "s"), '40/a,{"sid":"s"}'),
        (frames.connect("/", "s"), '40{"sid":"s"}'),
        (frames.disconnect("/a"), "41/a,"),
        (frames.connect_error("/a", "no", {"code": 1}), '44/a,{"message":"no","data":{"code":1}}'),
        (frames.event("/a", "x", [1, None]), '42/a,["x",1,null]'),
        (frames.event("/", "x", [], ack_id=7), '427["x"]'),
        (frames.ack("/a", 7, ({"ok": True},)), '43/a,7[{"ok":true}]'),
        (frames.event("/курс", "ж", ["\ud800"]), '42/курс,["\\u0436","\\ud800"]'),
    ],
)
def test_a_packet_is_written_as_the_protocol_says(framed, message):
    assert unframed(framed) == [message]
    assert len(framed) == 1


@pytest.mark.parametrize("size", [0, 1, 125, 126, 4096, 4097, 65535, 65536, 100_000])
def test_frames_of_every_length_are_read_back(size):
    assert unframed(frames.attachment(b"x" * size)) == [b"x" * size]
    assert unframed(frames.engine("4" + "x" * size)) == ["4" + "x" * size]


def test_binary_values_become_attachments_wherever_they_are():
    framed = frames.event("/a", "x", [b"0", {"y": (bytearray(b"1"), memoryview(b"2"))}], ack_id=3)
    head, *attached = unframed(framed)
    assert attached == [b"0", b"1", b"2"]
    assert head.startswith('453-/a,3["x",{"_placeholder":true,"num":0},{"y":[')


def test_small_parts_are_joined_and_large_payloads_are_not_copied():
    small, large, huge = b"s" * 20_000, b"l" * 65_537, b"h" * 100_000
    framed = frames.event("/a", "x", [small, large, huge, small])
    assert [len(part) > 65_536 for part in framed] == [False, True, False, True, False]
    assert framed[1] is large and framed[3] is huge


def test_a_mutable_buffer_is_the_callers_again_afterwards():
    buffer = bytearray(b"before" * 20_000)
    framed = frames.event("/a", "x", [buffer])
    buffer[:] = b"after!" * 20_000
    assert unframed(framed)[1] == b"before" * 20_000


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (float("nan"), "nan|NaN|Out of range"),
        ({"a": [float("inf")]}, "inf|Out of range"),
        (object(), "builtins.object is not JSON"),
        ({1, 2}, "builtins.set"),
        ({b"k": 1}, "keys must be"),
        ([b"x"] * 11, "may carry 10 binary values; got 11"),
    ],
)
def test_what_cannot_travel_is_named(value, complaint):
    for encode in (
        lambda: frames.event("/a", "x", [value]),
        lambda: frames.ack("/a", 1, [value]),
    ):
        with pytest.raises(BadRequest, match=complaint):
            encode()


def test_a_circle_cannot_travel():
    circle: list[object] = []
    circle.append(circle)
    with pytest.raises(BadRequest, match="Circular"):
        frames.event("/a", "x", circle)


def test_a_refusal_carries_no_binary_values():
    with pytest.raises(BadRequest, match="binary"):
        frames.connect_error("/a", "no", {"x": b"1"})


@given(st.lists(VALUES, max_size=3))
def test_python_socketio_reads_what_is_written(args):
    try:
        head, *attached = unframed(frames.event("/a", "x", args))
    except BadRequest:
        assert repr(args).count("b'") + repr(args).count('b"') > 10
        return
    packet = socketio.packet.Packet(encoded_packet=head[1:])
    for attachment in attached:
        packet.add_attachment(attachment)
    assert packet.data == ["x", *args] or "_placeholder" in repr(args)
