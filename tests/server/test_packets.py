"""What a client may send, and everything it may not."""

from __future__ import annotations

import contextlib
import gc
import json

import pytest
import socketio
from hypothesis import given
from hypothesis import strategies as st

from jupyter_sio.errors import BadRequest
from jupyter_sio.limits import Inbound
from jupyter_sio.server import packets
from jupyter_sio.server.packets import StrictPacket


def read(text: str) -> StrictPacket:
    return StrictPacket(encoded_packet=text)


@pytest.mark.parametrize(
    ("text", "kind", "namespace", "number", "data"),
    [
        ("0", packets.CONNECT, "/", None, None),
        ("0/a,", packets.CONNECT, "/a", None, None),
        ("0/a", packets.CONNECT, "/a", None, None),
        ('0/a,{"t":1}', packets.CONNECT, "/a", None, {"t": 1}),
        ("1/a,", packets.DISCONNECT, "/a", None, None),
        ("1", packets.DISCONNECT, "/", None, None),
        ('2["x"]', packets.EVENT, "/", None, ["x"]),
        ('2/a,12["x",{"y":[1.5,null]}]', packets.EVENT, "/a", 12, ["x", {"y": [1.5, None]}]),
        ('2/a-5-,["$x"]', packets.EVENT, "/a-5-", None, ["$x"]),
        ('2["x",{"_placeholder":true,"num":9}]', packets.EVENT, "/", None,
         ["x", {"_placeholder": True, "num": 9}]),
        ("3/a,7[]", packets.ACK, "/a", 7, []),
        ("3/a,9007199254740991[1]", packets.ACK, "/a", 2**53 - 1, [1]),
    ],
)  # fmt: skip
def test_a_well_formed_packet_is_read(text, kind, namespace, number, data):
    packet = read(text)
    assert packet.packet_type == kind
    assert (packet.namespace, packet.id, packet.data) == (namespace, number, data)
    assert packet.attachment_count == 0


DEEP = "[" * 64 + "]" * 64
MALFORMED = [
    *("4", "7", "9[]", "x", "[]", "-1", " 2[]", '²["x"]', "2", "3", "5", "6"),
    '4/a,{"message":"x"}',  # CONNECT_ERROR is the server's
    *('0/a,["x"]', '0/a,"x"', "0/a,5", '0/a,5{"t":1}', "0{"),
    *("1/a,{}", "1/a,5", '1/a,["x"]', "1x", "1 "),
    *("2[]", "2{}", "2null", '2"x"', '2/a["x"]', '2[""]', "2[5]", "2[null]", '2[["x"]]'),
    *('2["connect"]', '2["disconnect","x"]', '2["connect_error"]', '2["*"]', '2["con\\u006eect"]'),
    *(f'2["{"x" * 65}"]', f'2["{"ж" * 33}"]', '2["\\ud800"]'),
    *('2["x",]', '2["x"]]', '2["x"] 5', '2["x"', "2['x']", '2["x",NaN]', '2["x",-Infinity]'),
    *('2["x",1e999]', '2["x",+1]', '2["x",01]', f'2["x",{"9" * 101}]', '2["x",\t\x00]'),
    *(f'2["x",{DEEP}]', f'2["x",{"[" * 9_999}', f'2["x",{"[" * 99_999}{"]" * 99_999}]'),
    *(f'2{"9" * 17}["x"]', '29007199254740992["x"]', '2٣["x"]', '21-["x"]', f'2{"1" * 200}["x"]'),
    *("3[]", '3["x"]', "3/a,7{}", "3/a,7", "3/a,7null"),
    *('50-["x"]', '511-["x"]', '5-1-["x"]', '5-["x"]', '5["x"]', '51["x"]', '59999999999-["x"]'),
    *('551-["connect",{"_placeholder":true,"num":0}]', '51-["*",{"_placeholder":true,"num":0}]'),
    *("60-7[]", "61-[]", '61-7{"_placeholder":true,"num":0}', "51-{}"),
    *(
        f'51-["x",{{"_placeholder":true,"num":{number}}}]'
        for number in ("-1", "1", '"0"', "0.0", "null", "true", "[]", "99999999999999999999")
    ),
    '51-["x",{"_placeholder":true}]',
    '52-["x",{"a":[{"_placeholder":true,"num":2}]}]',
]


@pytest.mark.parametrize("text", MALFORMED, ids=lambda text: text[:40])
def test_a_malformed_packet_is_refused(text):
    with pytest.raises(BadRequest) as caught:
        read(text)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("depth", [63, 64])
def test_json_may_nest_64_deep_and_no_deeper(depth):
    text = f'2["x",{"[" * depth}{"]" * depth}]'
    if depth < Inbound.json_depth:
        assert read(text).packet_type == packets.EVENT
    else:
        with pytest.raises(BadRequest, match="nest 64 deep"):
            read(text)


def test_brackets_within_text_nest_nothing():
    with pytest.raises(BadRequest, match="begins with its name"):
        read('2"' + "[" * 100 + '"')


def test_wide_json_is_not_taken_for_deep_json():
    many = json.dumps(["x", [{"a": []}] * 500])
    assert len(read("2" + many).data[1]) == 500


def test_attachments_come_to_their_places():
    packet = read(
        '52-/a,4["x",{"_placeholder":true,"num":1},'
        '{"y":[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]}]'
    )
    assert packet.attachment_count == 2
    assert not packet.add_attachment(b"zero")
    assert packet.add_attachment(b"one")
    assert packet.packet_type == packets.EVENT and packet.id == 4
    assert packet.data == ["x", b"one", {"y": [b"zero", b"one"]}]


def test_a_binary_answer_is_read():
    packet = read('61-/a,7[{"_placeholder":true,"num":0}]')
    assert packet.add_attachment(b"x")
    assert (packet.packet_type, packet.id, packet.data) == (packets.ACK, 7, [b"x"])


def test_an_event_name_may_be_as_long_as_the_limits_say():
    short = StrictPacket.bounded(Inbound(event_name_bytes=3))
    assert short(encoded_packet='2["abc"]').data == ["abc"]
    with pytest.raises(BadRequest, match="3 bytes; got 4"):
        short(encoded_packet='2["abcd"]')
    assert read(f'2["{"x" * 64}"]').packet_type == packets.EVENT


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.binary(max_size=8)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.lists(VALUES, max_size=3), st.none() | st.integers(0, 2**53 - 1))
def test_what_python_socketio_writes_is_read_as_it_was_meant(args, number):
    written = socketio.packet.Packet(data=["x", *args], namespace="/a", id=number).encode()
    text, *attachments = written if isinstance(written, list) else [written]
    if len(attachments) > 10 or "_placeholder" in repr(args):
        return
    packet = read(text)
    for attachment in attachments:
        packet.add_attachment(bytes(attachment))
    assert packet.data == ["x", *args]
    assert packet.id == number


@given(st.text(alphabet='0123456789-/,[]{}":aX \ud7ff', max_size=30))
def test_whatever_comes_is_read_or_refused(text):
    try:
        packet = read(text or "4")
    except BadRequest:
        return
    assert packet.packet_type in (packets.CONNECT, packets.DISCONNECT, packets.EVENT, packets.ACK)


@pytest.mark.parametrize("end", ["0]", "0"])
def test_reading_much_json_leaves_the_garbage_collector_as_it_was(end):
    with contextlib.suppress(BadRequest):
        read('2["x",' + "[1]," * 10_000 + end)
    assert gc.isenabled()
