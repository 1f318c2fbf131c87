"""Payloads of long-polling, and the transport that gathers them."""

from __future__ import annotations

import asyncio

import pytest

from jupyter_sio.errors import BadRequest
from jupyter_sio.server import frames
from jupyter_sio.server.polling import PollingTransport, packets, payload

SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 65_537, 200_000]


def test_a_large_payload_is_not_copied():
    data = bytes(100_000)
    *_, (_, found) = frames.unframed(frames.event("/a", "x", [data]))
    assert found is data


@pytest.mark.parametrize("size", SIZES)
def test_frames_are_taken_apart_as_they_were_put_together(size):
    data = bytes(range(256)) * (size // 256 + 1)
    framed = [*frames.event("/a", "x", [data[:size], b"", data[:100]]), *frames.engine("2")]
    (binary, head), *rest = frames.unframed(framed)
    assert not binary and head.startswith(b'453-/a,["x",{"_placeholder":true,"num":0},')
    assert rest == [(True, data[:size]), (True, b""), (True, data[:100]), (False, b"2")]


def test_a_payload_separates_packets_and_writes_binary_ones_in_base64():
    framed = [*frames.event("/", "é", [b"\x01\x02\x03\x04"]), *frames.engine("2")]
    text = '451-["\\u00e9",{"_placeholder":true,"num":0}]'
    assert payload(frames.unframed(framed)) == f"{text}\x1ebAQIDBA==\x1e2".encode()


def test_what_is_in_a_text_is_no_separator():
    assert b"\x1e" not in payload(frames.unframed(frames.event("/", "a\x1eb", ["\x1e"])))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("3", ["3"]),
        ("40\x1e3", ["40", "3"]),
        ("bAQIDBA==\x1e4é", [b"\1\2\3\4", "4é"]),
        ("b", [b""]),
        ("", [""]),
        ("3\x1e", ["3", ""]),
        ("\x1e3", ["", "3"]),
    ],
)
def test_a_payload_is_read(body, found):
    assert list(packets(body.encode())) == found


@pytest.mark.parametrize("body", [b"\xff", b"b$", b"bA", b"bAQ ID", b"3\x1ebAQIDBA", b"4\xc3"])
def test_a_payload_that_cannot_be_read_is_malformed(body):
    with pytest.raises(BadRequest):
        list(packets(body))


async def test_whoever_waits_for_room_is_told_when_some_was_handed_over():
    transport = PollingTransport(1_000)
    transport.write(frames.attachment(b"x" * 100))
    assert transport.mark(101) is None
    mark = transport.mark(100)
    assert mark is transport.mark(50) and not mark.done()
    assert list(transport.hand_over()) == [(True, b"x" * 100)]
    assert mark.done() and transport.outstanding == 0


async def test_too_much_is_told_of_once_and_what_follows_is_kept():
    transport, told = PollingTransport(10), []
    transport.on_overfull = lambda: told.append(transport.outstanding)
    for _ in range(3):
        transport.write(frames.attachment(b"x" * 10))
    await asyncio.sleep(0)
    assert told == [30]


async def test_nothing_is_gathered_once_it_is_over():
    transport, ended = PollingTransport(10), []
    transport.on_ended = lambda: ended.append(True)
    transport.write(frames.engine("2"))
    transport.ended()
    transport.write(frames.engine("2"))
    assert transport.closed and ended and not transport.outstanding
