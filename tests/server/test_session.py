"""One connection: malformed frames, back-pressure both ways, signs of life, and how it ends.

Where a deadline is tested the clock is turned by hand: ``session.tick(now)``.
"""

from __future__ import annotations

import asyncio
import base64
import socket
from random import Random

import pytest
import socketio

from jupyter_sio.protocol.grants import Access
from jupyter_sio.protocol.messages import Grant
from jupyter_sio.server import frames
from jupyter_sio.server.session import TRANSPORT_CLOSE, _weight
from tests.server.conftest import body, limited, until
from tests.server.test_packets import MALFORMED
from tests.server.test_router import NOTHING, Kernels, spy


class Deaf:
    """A client that stops reading after the handshake; frames it sends carry no mask."""

    @classmethod
    async def connect(cls, server, *packets):
        self = cls()
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", server.port))
        self.reader, self.writer = await asyncio.open_connection(sock=raw, limit=2048)
        key = base64.b64encode(b"x" * 16).decode()
        head = (
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: h\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        self.writer.write(head.encode())
        await self.reader.readuntil(b"\r\n\r\n")
        self.send(*packets)
        return self

    def send(self, *packets):
        for packet in packets:
            self.writer.write(b"".join(frames.engine(packet)))

    async def read_everything(self):
        while await self.reader.read(65536):
            pass

    async def close(self):
        self.writer.transport.abort()
        await asyncio.sleep(0)


@pytest.fixture
def deaf(server, jp_asyncio_loop):
    """A client in /a that does not read; the server's default limits."""
    spy(server.router, "connect", "/a")

    async def connect():
        client = await Deaf.connect(server, "40/a,")
        await until(lambda: server.router.live() == ["/a"])
        return client

    client = jp_asyncio_loop.run_until_complete(connect())
    yield client
    jp_asyncio_loop.run_until_complete(client.close())


def stuff(session, bytes_outstanding):
    """Write until more than so many bytes are outstanding."""
    part = frames.attachment(b"x" * 50_000)
    while session.outstanding <= bytes_outstanding:
        session.write(part)


# --- the greeting and what is malformed ------------------------------------------------------


async def test_the_greeting_tells_fractions_of_seconds(serve):
    server = await serve(limited(transport={"ping_interval": 0.3, "ping_timeout": 0.2006}))
    peer = await server.peer()
    (session,) = server.sessions()
    assert peer.greeting == {
        "sid": session.sid,
        "upgrades": [],
        "pingInterval": 300,
        "pingTimeout": 201,
        "maxPayload": 2**20,
    }


FRAMES = ["", "x", "0", "2", "2probe", "5", "6", "4", "b4AAA", " 40/a,", "³", b"", b"x", b"4"]
BROKEN = [*FRAMES, *(f"4{text}" for text in MALFORMED)]
NEVER_JOINED = ['42/b,["x"]', "43/b,1[]", '42["x"]', "40/a,"]
BINARY = [
    ('451-/a,["x",{"_placeholder":true,"num":0}]', '42/a,["y"]'),
    ('451-/a,["x",{"_placeholder":true,"num":0}]', "40/b,"),
    ('451-/a,["x",{"_placeholder":true,"num":0}]', b"1", b"2"),
    ('451-/a,["x",{"_placeholder":true,"num":0}]', "4"),
    ('451-/b,["x",{"_placeholder":true,"num":0}]', b"1"),
]


@pytest.mark.parametrize(
    "sent",
    [*((frame,) for frame in BROKEN + NEVER_JOINED), *BINARY],
    ids=lambda sent: repr(sent)[:40],
)
async def test_what_is_malformed_closes_within_a_second(server, sent):
    calls = [spy(server.router, name, "/a") for name in ("connect", "x", "y", "*")]
    peer = await server.join("/a")
    peer.send(*sent)
    *words, close = await peer.read_until_closed(1.0)
    assert close == "1" and peer.ws.close_code == 3501
    assert words[-1].startswith('42/a,["$bye",{"code":3501,')
    assert [len(seen) for seen in calls] == [1, 0, 0, 0]
    await until(lambda: server.state() == NOTHING)
    assert server.router.statistics().malformed == 1


WELL_FORMED = [
    "3", "40/b,", '40/c,{"t":1}', "41/b,", "41/a,", '42/a,["x",{"y":[1]}]', '42/a,5["x"]',
    "43/a,1[]", '451-/a,["x",{"_placeholder":true,"num":0}]', b"attachment", "1",
]  # fmt: skip


def mutated(random, frame):
    """One frame with a piece cut out, doubled or replaced, or of the other kind."""
    if random.random() < 0.4:
        return frame
    if isinstance(frame, bytes):
        return random.choice([frame.decode(), b"", frame * 3])
    start = random.randrange(len(frame))
    end = start + random.randrange(1, 4)
    piece = random.choice(
        ["", frame[start:end] * 2, "9", "-", "/", ",", '"', "[", "{", "\x00", "é"]
    )
    changed = frame[:start] + piece + frame[end:]
    return changed.encode() if random.random() < 0.1 else changed


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_sent_a_connection_answers_or_is_closed(server, seed):
    random = Random(seed)
    for name in ("/a", "/b", "/c"):
        spy(server.router, "connect", name)
        spy(server.router, "x", name)
    neighbour = await server.join("/a")
    for _ in range(40):
        peer = await server.join("/a")
        sent = [mutated(random, random.choice(WELL_FORMED)) for _ in range(6)]
        peer.send(*sent, "40/last,", "40/last,")
        while True:  # the last namespace is refused, or the connection is closed
            frame = await peer.read(2.0)
            if frame is None or (isinstance(frame, str) and frame.startswith("44/last")):
                break
            assert isinstance(frame, str)
        server._peers.remove(peer)
        peer.close()
    neighbour.send('42/a,1["x"]')
    assert await neighbour.read() == "43/a,1[]"
    neighbour.close()
    assert server.router.statistics().failed_handlers == 0
    await until(lambda: server.state() == NOTHING)


async def test_a_pong_between_attachments_is_no_text_where_one_is_due(server):
    spy(server.router, "connect", "/a")
    seen = spy(server.router, "x", "/a")
    peer = await server.join("/a")
    peer.send('451-/a,["x",{"_placeholder":true,"num":0}]', "3", b"1")
    await until(lambda: seen)
    assert seen[0][1:] == (b"1",)


async def test_attachments_that_do_not_come_close_the_connection(server):
    spy(server.router, "connect", "/a")
    peer = await server.join("/a")
    (session,) = server.sessions()
    peer.send('452-/a,["x",{"_placeholder":true,"num":1}]', b"1")
    await until(lambda: session._unfinished)
    now = asyncio.get_running_loop().time()
    session.tick(now + 9)
    assert not session.closing
    session.tick(now + 11)
    await peer.read_until_closed()
    assert peer.ws.close_code == 3501 and session._unfinished is None


@pytest.mark.parametrize("sizes", [(1001,), (600, 600), (400, 400, 400)])
async def test_attachments_are_bounded_each_and_together(server, sizes):
    server.router.reserve(Kernels())  # takes 1,000 bytes
    spy(server.router, "connect", "/a")
    peer = await server.join("/a")
    slots = ",".join(f'{{"_placeholder":true,"num":{n}}}' for n in range(3))
    peer.send(f'453-/a,["x",{slots}]', *(b"x" * size for size in sizes))
    await peer.read_until_closed(1.0)
    assert peer.ws.close_code == 3501


@pytest.mark.parametrize("size", [2**20, 2**20 + 1])
async def test_a_text_may_have_as_many_bytes_as_a_viewer_may_send(server, size):
    spy(server.router, "connect", "/a")
    seen = spy(server.router, "x", "/a")
    peer = await server.join("/a")
    peer.send('42/a,["x","' + "y" * (size - 13) + '"]')
    if size > 2**20:
        await peer.read_until_closed()
        assert peer.ws.close_code == 3501 and not seen
    else:
        await until(lambda: seen)


# --- what is outstanding ---------------------------------------------------------------------


async def test_what_is_outstanding_is_counted_and_told_when_it_is_less(server, deaf):
    (session,) = server.sessions()
    stuff(session, 2**20)
    assert not session.writable and session.data_due()
    told = []
    session.on_writable(lambda: told.append("replaced"))
    session.on_writable(lambda: told.append(session.outstanding))
    await asyncio.sleep(0.02)
    assert told == []
    reading = asyncio.ensure_future(deaf.read_everything())
    await until(lambda: told)
    assert told[0] < 256 * 1024 and session.writable
    session.on_writable(lambda: told.append("again"))
    await until(lambda: told[1:] == ["again"])
    await until(lambda: not session.outstanding)
    reading.cancel()


async def test_nobody_is_told_of_a_connection_that_ended(server, deaf):
    (session,) = server.sessions()
    stuff(session, 2**20)
    told = []
    session.on_writable(lambda: told.append(1))
    (mark,) = {session.transport.mark(256 * 1024)}
    session.abort()
    await until(mark.done)
    await asyncio.sleep(0)
    assert told == [] and session._on_writable is None


async def test_engineio_writes_text_and_bytes_through_the_session(server):
    peer = await server.peer()
    (session,) = server.sessions()
    await server.router.eio.send(session.sid, "text")
    await server.router.eio.send(session.sid, b"bytes")
    assert [await peer.read(), await peer.read()] == ["4text", b"bytes"]


async def test_more_written_before_it_is_told_is_waited_for_too(server, deaf):
    (session,) = server.sessions()
    stuff(session, 2**20)
    told = []
    session.on_writable(lambda: told.append(session.outstanding))
    stuff(session, 2**21)
    reading = asyncio.ensure_future(deaf.read_everything())
    await until(lambda: told)
    assert told[0] < 256 * 1024
    reading.cancel()


async def test_a_viewer_that_lags_loses_user_events_and_no_reserved_one(server, deaf):
    (session,) = server.sessions()
    (sid,) = server.router.manager.clients
    while session.outstanding <= 2**20:
        await server.router.emit("row", b"x" * 100_000, namespace="/a")
    before = session.transport.written
    for _ in range(50):
        await server.router.emit("row", b"x" * 100_000, namespace="/a")
        await server.router.emit("row", 1, namespace="/a", callback=print)
    with pytest.raises(socketio.exceptions.TimeoutError):
        await server.router.call("row", to=sid, namespace="/a")
    assert session.transport.written == before and session.calls == 0
    assert server.router.statistics().dropped_events == 101
    await server.router.emit("$note", namespace="/a")
    assert session.transport.written > before


async def test_who_asks_without_reading_the_answers_is_read_no_further(server, deaf):
    (session,) = server.sessions()
    stuff(session, 2**20)
    deaf.send(*(f"40/no/{n}," for n in range(5_000)))
    await until(lambda: server.router.statistics().held)
    await asyncio.sleep(0.05)
    assert server.router.statistics().refused <= 1
    reading = asyncio.ensure_future(deaf.read_everything())
    await until(lambda: server.router.statistics().refused == 5_000)
    reading.cancel()


async def test_everything_is_sent_in_the_order_of_the_calls(server):
    router = server.router
    spy(router, "connect", "/a")

    @router.on("e", namespace="/a")
    async def handler(sid):
        (client,) = router.manager.clients.values()
        await router.emit("1", b"x", namespace="/a")
        client.send("2")
        await router.send("m", namespace="/a", to=sid)
        client.session.write(frames.event("/a", "4", []))
        return 5

    peer = await server.join("/a")
    peer.send('42/a,0["e"]')
    heard = [await peer.read() for _ in range(6)]
    assert heard[1] == b"x" and heard[5] == "43/a,0[5]"
    assert [body(heard[n])[0] for n in (0, 2, 3, 4)] == ["1", "2", "message", "4"]


async def test_the_socket_is_tuned(server):
    await server.peer()
    raw = server.sessions()[0].transport.stream.socket
    assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 128 * 1024


# --- life ------------------------------------------------------------------------------------


@pytest.fixture
def alive(server, jp_asyncio_loop):
    """A peer in /a, its session, and the time at which it was made."""
    spy(server.router, "connect", "/a")
    peer = jp_asyncio_loop.run_until_complete(server.join("/a"))
    return peer, server.sessions()[0], jp_asyncio_loop.time()


async def test_a_ping_is_sent_every_interval_and_silence_after_it_closes(alive):
    peer, session, now = alive
    session.tick(now + 24)
    session.tick(now + 25.1)
    assert await peer.read() == "2"
    peer.send("3")
    await until(lambda: session._unanswered is None)
    session.tick(now + 49)
    session.tick(now + 50.2)
    session.tick(now + 70)
    assert not session.closing
    session.tick(now + 70.3)
    assert session.closing
    assert await peer.read_until_closed() == ["2", "1"]


async def test_any_frame_is_a_sign_of_life(server, alive):
    peer, session, now = alive
    session.tick(now + 26)
    peer.send('42/a,1["whatever"]')
    await until(lambda: session._unanswered is None)
    session.tick(now + 47)
    assert not session.closing


async def test_bytes_that_were_stuck_and_left_are_a_sign_of_life(server, deaf):
    (session,) = server.sessions()
    now = asyncio.get_running_loop().time()
    session.tick(now + 24)
    stuff(session, 2**20)
    session.tick(now + 26)  # PING, behind a megabyte
    reading = asyncio.ensure_future(deaf.read_everything())
    await until(lambda: not session.outstanding)
    session.tick(now + 27)
    session.tick(now + 47)
    assert not session.closing
    reading.cancel()


async def test_what_only_the_operating_system_took_is_no_sign_of_life(alive):
    _, session, now = alive
    for seconds in (26, 30, 40, 45):
        session.tick(now + seconds)
        session.write(frames.engine("6"))
    session.tick(now + 47)
    assert session.closing


async def test_no_byte_leaving_for_15_seconds_is_too_slow(server, deaf):
    (session,) = server.sessions()
    now = asyncio.get_running_loop().time()
    left = spy(server.router, "disconnect", "/a")
    stuff(session, 10_000)
    session.tick(now + 1)
    session.tick(now + 15)
    assert not session.closing
    session.tick(now + 16.5)
    assert session.closing and server.router.statistics().stalled == 1
    await until(lambda: left)
    assert left[0][1] == "server disconnect"


async def test_rows_that_wait_behind_an_empty_buffer_count_as_due(server, alive):
    _, session, now = alive
    owner = Kernels()
    owner.data_due = lambda session: True
    server.router.reserve(owner)
    session.tick(now + 1)
    session.tick(now + 17)
    assert session.closing


async def test_idle_seconds_are_no_stall(server, deaf):
    (session,) = server.sessions()
    now = asyncio.get_running_loop().time()
    session.tick(now + 20)
    stuff(session, 10_000)
    session.tick(now + 21)
    session.tick(now + 34)
    assert not session.closing


async def test_our_own_loop_having_slept_is_nobodys_fault(server, alive):
    _, session, now = alive
    session.tick(now + 26)
    session.excuse(60)
    session.tick(now + 26 + 60 + 19)
    assert not session.closing
    session.tick(now + 26 + 60 + 21)
    assert session.closing


async def test_the_sweep_excuses_everybody_when_it_comes_late(server, alive, monkeypatch):
    _, session, _ = alive
    excused = []
    monkeypatch.setattr(session, "excuse", excused.append)
    server.router._sweep.look()
    assert excused == []
    server.router._sweep._due -= 30
    server.router._sweep.look()
    assert 29 < excused[0] < 31


async def test_pings_go_out_and_the_dead_are_found_by_themselves(serve):
    server = await serve(limited(transport={"ping_interval": 0.1, "ping_timeout": 0.15}))
    peer = await server.peer()
    for _ in range(3):
        assert await peer.read() == "2"
        peer.send("3")
    start = asyncio.get_running_loop().time()
    assert await peer.read_until_closed() == ["2", "1"]
    assert 0.2 < asyncio.get_running_loop().time() - start < 1
    assert server.router.statistics().ping_timeouts == 1


async def test_reading_that_we_hold_is_not_the_clients_silence(serve):
    transport = {"ping_interval": 0.05, "ping_timeout": 0.05}
    server = await serve(limited(transport=transport, inbound={"queued_events": 1}))
    spy(server.router, "connect", "/a")
    release = asyncio.Event()
    server.router.on("e", lambda *args: release.wait(), namespace="/a")
    peer = await server.join("/a")
    peer.send('42/a,["e"]', '42/a,["e"]', '42/a,["e"]')
    await asyncio.sleep(0.4)
    assert server.sessions() and not server.sessions()[0].closing
    release.set()


async def test_a_connection_that_breaks_while_we_hold_it_is_noticed(serve):
    server = await serve(
        limited(
            inbound={"queued_events": 1, "attachment_seconds": 0.1},
            connections={"handler_seconds": 0.05},
        )
    )
    spy(server.router, "connect", "/a")
    left = spy(server.router, "disconnect", "/a")
    server.router.on("e", lambda *args: asyncio.sleep(60), namespace="/a")
    peer = await server.join("/a")
    peer.send('42/a,["e"]', '42/a,["e"]', '42/a,["e"]')
    await until(lambda: server.router.statistics().held)
    server.sessions()[0].transport.stream.close()
    await until(lambda: server.state() == NOTHING)
    assert [args[1] for args in left] == [TRANSPORT_CLOSE]


# --- 3502 ------------------------------------------------------------------------------------


async def test_ten_seconds_without_an_accepted_connect_close(server):
    peer = await server.peer()
    (session,) = server.sessions()
    now = asyncio.get_running_loop().time()
    peer.send("40/no,")
    await peer.read()
    session.tick(now + 9.5)
    assert not session.closing
    session.tick(now + 10.5)
    assert await peer.read_until_closed() == ["1"]
    assert peer.ws.close_code == 3502


async def test_leaving_the_last_namespace_leaves_ten_seconds_to_join_another(alive):
    peer, session, now = alive
    session.tick(now + 20)
    peer.send("41/a,")
    await until(lambda: not session.clients)
    later = asyncio.get_running_loop().time()
    session.tick(later + 9)
    assert not session.closing
    session.tick(later + 11)
    assert session.closing


async def test_joining_another_in_time_keeps_the_connection(alive):
    peer, session, _ = alive
    peer.send("41/a,")
    await peer.join("/a")
    session.tick(asyncio.get_running_loop().time() + 20)
    assert not session.closing


async def test_a_connect_that_is_being_decided_is_waited_for(server):
    server.router.on("connect", lambda *args: asyncio.sleep(60), namespace="/slow")
    peer = await server.peer()
    peer.send("40/slow,")
    await until(lambda: server.router.manager.clients)
    (session,) = server.sessions()
    session.tick(asyncio.get_running_loop().time() + 14)
    assert not session.closing


async def test_refused_connects_do_not_buy_time(server):
    peer = await server.peer()
    (session,) = server.sessions()
    spy(server.router, "connect", "/closed", answer=False)
    now = asyncio.get_running_loop().time()
    peer.send("40/closed,")
    await peer.read()
    session.tick(now + 11)
    assert session.closing


# --- the end ---------------------------------------------------------------------------------


async def test_goodbye_is_said_in_every_joined_namespace_then_closed_with_the_number(server):
    spy(server.router, "connect", "/*")
    server.router.on("connect", lambda *args: asyncio.sleep(60), namespace="/pending/x")
    peer = await server.peer()
    for name in ("/a", "/b"):
        await peer.join(name)
    peer.send("40/pending/x,")
    await until(lambda: len(server.router.manager.clients) == 3)
    server.sessions()[0].bye(3014, "ж" * 100, 2000)
    frames = await peer.read_until_closed()
    word = {"code": 3014, "reason": "ж" * 100, "retry_ms": 2000}
    assert [(f[:4], body(f)) for f in frames[:2]] == [
        ("42/a", ["$bye", word]),
        ("42/b", ["$bye", word]),
    ]
    assert frames[2:] == ["1"]
    assert (peer.ws.close_code, peer.ws.close_reason) == (3014, "ж" * 61)
    await until(lambda: server.state() == NOTHING)


async def test_a_client_that_does_not_close_is_cut_off(serve):
    server = await serve(limited(transport={"abort_seconds": 0.1}))
    spy(server.router, "connect", "/a")
    deaf = await Deaf.connect(server, "40/a,")
    await until(lambda: server.router.live())
    (session,) = server.sessions()
    stuff(session, 2**20)
    session.bye(3008, "too slow")
    await until(lambda: server.state() == NOTHING)
    assert not session.transport.stream.closed()
    await until(session.transport.stream.closed)
    with pytest.raises(ConnectionResetError):
        await deaf.read_everything()
    await deaf.close()


async def test_nothing_is_written_nor_read_after_the_end(server, alive):
    peer, session, _ = alive
    seen = spy(server.router, "e", "/a")
    (client,) = server.router.manager.clients.values()
    session.bye(3001, "over")
    session.bye(3008, "again")
    written = session.transport.written
    client.send("late")
    session.write(frames.engine("2"))
    await server.router.emit("late", namespace="/a")
    assert session.receive('42/a,["e"]') is None
    assert session.transport.written == written and not seen
    assert len(await peer.read_until_closed()) == 2


async def test_aborting_says_nothing(server, alive):
    peer, session, _ = alive
    session.abort()
    assert await peer.read_until_closed() == []
    assert peer.ws.close_code is None


async def test_writing_to_a_socket_that_broke_is_no_error(server, alive):
    _, session, _ = alive
    session.transport.stream.close()
    session.write(frames.engine("2"))
    session.bye(3001, "over")
    await until(lambda: server.state() == NOTHING)


async def test_one_stalled_client_costs_a_bounded_amount_and_its_neighbour_nothing(server, deaf):
    stalled = next(iter(server.sessions()))
    peer = await server.join("/a")
    row, heard = b"x" * 100_000, 0
    for _ in range(300):
        await server.router.emit("row", row, namespace="/a")
        await peer.read()
        heard += len(await peer.read())
    assert heard == 300 * len(row)
    assert stalled.outstanding <= 2**20 + 2 * len(row)
    assert server.router.statistics().dropped_events > 200


async def test_a_python_socketio_client_speaks_with_it(server):
    router = server.router
    spy(router, "connect", "/a")
    router.on("twice", lambda sid, value: value + value, namespace="/a")
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(
        f"http://127.0.0.1:{server.port}", transports=["websocket"], namespaces=["/a"]
    )
    assert await client.call("twice", b"ab", namespace="/a") == b"abab"
    heard = []
    client.on("news", lambda *args: heard.append(args), namespace="/a")
    await router.emit("news", (1, {"b": b"x"}), namespace="/a")
    await until(lambda: heard == [(1, {"b": b"x"})])
    await client.disconnect()
    await until(lambda: server.state() == NOTHING)


# --- how much of the loop's time ---------------------------------------------------------------

LARGE = '42/a,["x",[' + "1.5," * 10_000 + "0]]"


@pytest.mark.parametrize(("grant", "held"), [(Grant.SEND, 2), (Grant.PUBLISH, 0)])
async def test_a_viewers_large_json_is_followed_by_a_rest(server, grant, held):
    server.access = Access(user="ada", grants=frozenset({Grant.WATCH, grant}))
    spy(server.router, "connect", "/a")
    calls = spy(server.router, "x", "/a")
    peer = await server.join("/a")
    peer.send(LARGE, LARGE, '42/a,["x",7]', '42/a,1["x"]')
    assert await peer.read() == "43/a,1[]"
    assert len(calls) == 4 and calls[2][1:] == (7,)
    assert server.router.statistics().held == held


async def test_a_client_that_goes_while_it_rests_leaves_nothing(server):
    spy(server.router, "connect", "/a")
    peer = await server.join("/a")
    peer.send(LARGE)
    await until(lambda: server.router.statistics().held)
    peer.cut()
    await until(lambda: server.state() == NOTHING)
    assert server.router.statistics().failed_handlers == 0


async def test_attachments_may_wait_as_long_as_we_do_not_read(server, deaf):
    (session,) = server.sessions()
    deaf.send('452-/a,["x",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]')
    await until(lambda: session._unfinished)
    stuff(session, 2**20)
    deaf.writer.write(b"".join(frames.attachment(b"one")))
    await until(lambda: session._held)
    session.tick(asyncio.get_running_loop().time() + 11)
    assert not session.closing


def test_many_values_weigh_more_than_their_text():
    for value in ("[]", "[0]", "{}", '{"":0}', "1.5", '"ab"'):
        text = '2/a,["x",' + f"{value}," * (100_000 // len(value)) + "0]"
        assert _weight(text) > 7 * len(text)
    assert _weight("x" * 2**20) == 2**20


async def test_after_32_messages_others_have_their_turn(server, alive):
    _, session, _ = alive
    told = [session.receive("3") for _ in range(64)]
    turns = [n for n, turn in enumerate(told) if turn is not None]
    assert turns[1] - turns[0] == 32 and len(turns) == 2
    for n in turns:
        await told[n]
