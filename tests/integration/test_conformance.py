"""What the official suites of Engine.IO v4 and Socket.IO v5 ask of a server, case by case.

The suites' server has handlers in ``/`` and ``/custom``; here another extension's router has. Where
protocol.md says otherwise it counts, and the test says so.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from jupyter_sio.server import router_of
from tests.integration.conftest import Server
from tests.poller import Poller

INTERVAL, TIMEOUT = 0.3, 0.2
SECONDS = 20.0
TEXT = ["1", "2", {"3": [True]}]


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any]) -> dict[str, Any]:
    ours = {"polling": True, "ping_interval": INTERVAL, "ping_timeout": TIMEOUT}
    return {**jp_server_config, "JupyterSio": {**ours, "connect_seconds": 1.5}}


@pytest.fixture
def server(server: Server) -> Server:
    """Register what the suites' server registers."""
    router = router_of(server.serverapp)
    for namespace in ("/", "/custom"):

        async def connect(sid: str, environ: Any, auth: Any, namespace: str = namespace) -> None:
            await router.emit("auth", auth or {}, to=sid, namespace=namespace)

        async def message(sid: str, *args: Any, namespace: str = namespace) -> None:
            await router.emit("message-back", args, to=sid, namespace=namespace)

        async def ask(sid: str, *args: Any) -> Any:
            return args

        router.on("connect", connect, namespace=namespace)
        router.on("message", message, namespace=namespace)
        router.on("message-with-ack", ask, namespace=namespace)
    return server


class Socket:
    """A WebSocket that answers a ping only if it is told to."""

    def __init__(self, connection: WebSocketClientConnection, *, pong: bool) -> None:
        self._connection = connection
        self._pong = pong

    async def send(self, *frames: str | bytes) -> None:
        for frame in frames:
            await self._connection.write_message(frame, binary=isinstance(frame, bytes))

    async def read(self) -> Any:
        """Read a frame; None when the connection is closed."""
        while True:
            frame = await asyncio.wait_for(self._connection.read_message(), SECONDS)
            if frame != "2" or not self._pong:
                return frame
            await self.send("3")

    async def until_closed(self) -> list[Any]:
        frames = []
        while (frame := await self.read()) is not None:
            frames.append(frame)
        return frames

    def close(self) -> None:
        self._connection.close()


@asynccontextmanager
async def socket(server: Server, *, pong: bool = True, **query: str) -> AsyncIterator[Socket]:
    """Open a WebSocket, and read nothing of it."""
    asked = {"EIO": "4", "transport": "websocket", **query}
    text = "&".join(f"{key}={value}" for key, value in asked.items() if value)
    url = f"{server.socket_url}?{text}".replace("http", "ws", 1)
    opened = Socket(await websocket_connect(HTTPRequest(url, headers=server.headers)), pong=pong)
    yield opened
    opened.close()


@asynccontextmanager
async def joined(server: Server) -> AsyncIterator[Socket]:
    """Open a WebSocket, and join the main namespace."""
    async with socket(server) as opened:
        await opened.read()
        await opened.send("40")
        assert (await opened.read()).startswith("40{")
        assert await opened.read() == '42["auth",{}]'
        yield opened


@asynccontextmanager
async def polled(server: Server) -> AsyncIterator[Poller]:
    poller = await Poller.open(server.socket_url, server.headers)
    yield poller
    poller.close()


@asynccontextmanager
async def unopened(server: Server) -> AsyncIterator[Poller]:
    poller = Poller(server.socket_url, server.headers)
    yield poller
    poller.close()


# --- Engine.IO: handshake ------------------------------------------------------------------------


def check_greeting(greeting: dict[str, Any], upgrades: list[str]) -> None:
    assert isinstance(greeting.pop("sid"), str)
    assert greeting == {
        "upgrades": upgrades,
        "pingInterval": 300,
        "pingTimeout": 200,
        "maxPayload": 2**20,
    }


async def test_polling_opens_a_session(server: Server):
    async with unopened(server) as poller:
        (packet,) = await poller.get()
        check_greeting(json.loads(packet[1:]), ["websocket"])


@pytest.mark.parametrize(
    "query", [{"EIO": ""}, {"EIO": "abc"}, {"EIO": "3"}, {"transport": ""}, {"transport": "abc"}]
)
async def test_polling_with_an_invalid_query_is_400(server: Server, query: dict[str, str]):
    async with unopened(server) as poller:
        assert (await poller.fetch(**query)).code == 400
    assert not server.sio.router.eio.sockets


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
async def test_an_invalid_method_is_400(server: Server, method: str):
    async with unopened(server) as poller:
        assert (await poller.fetch(method=method)).code == 400
    assert not server.sio.router.eio.sockets


async def test_a_websocket_opens_a_session(server: Server):
    async with socket(server) as opened:
        frame = await opened.read()
        assert frame[0] == "0"
        check_greeting(json.loads(frame[1:]), [])


@pytest.mark.parametrize(
    "query", [{"EIO": ""}, {"EIO": "abc"}, {"EIO": "3"}, {"transport": ""}, {"transport": "abc"}]
)
async def test_a_websocket_with_an_invalid_query_is_400(server: Server, query: dict[str, str]):
    with pytest.raises(HTTPClientError) as refused:
        async with socket(server, **query):
            raise AssertionError("it opened")
    assert refused.value.code == 400


# --- Engine.IO: messages and heartbeat -----------------------------------------------------------


async def test_an_invalid_packet_closes_a_polled_session(server: Server):
    async with polled(server) as poller:
        assert await poller.post("abc") == 400
        assert (await poller.fetch()).code == 400


async def test_two_polls_at_a_time_close_the_session(server: Server):
    async with polled(server) as poller:
        first = asyncio.ensure_future(poller.fetch())
        await asyncio.sleep(0.05)
        second = await poller.fetch(t="burst")
        assert ((await first).code, (await first).body) == (200, b"1")
        assert second.code == 400
        assert (await poller.fetch()).code == 400


async def test_a_poll_that_is_cancelled_closes_the_session(server: Server):
    async with polled(server) as poller:
        await poller.cancelled_poll()
        assert not server.sio.router.eio.sockets
        assert (await poller.fetch()).code == 400


@pytest.mark.parametrize("frame", ["abc", "", "9", "0", "2", "2probe", "5", "6", "4", "4abc"])
async def test_an_invalid_packet_closes_a_websocket(server: Server, frame: str):
    async with socket(server) as opened:
        await opened.send(frame)
        assert (await opened.until_closed())[1:] == ["1"]


async def test_polling_has_a_heartbeat(server: Server):
    async with polled(server) as poller:
        for _ in range(3):
            assert await poller.get() == ["2"]
            assert await poller.post("3") == 200


async def test_a_polled_session_ends_without_a_pong(server: Server):
    async with polled(server) as poller:
        await asyncio.sleep(INTERVAL + 2 * TIMEOUT)
        assert (await poller.fetch()).code == 400
    assert server.sio.router.statistics().ping_timeouts == 1


async def test_a_websocket_has_a_heartbeat(server: Server):
    async with socket(server, pong=False) as opened:
        await opened.read()
        await opened.send("40")
        frames = [await opened.read() for _ in range(2)]
        assert frames[1] == '42["auth",{}]'
        for _ in range(3):
            assert await opened.read() == "2"
            await opened.send("3")


async def test_a_websocket_closes_without_a_pong(server: Server):
    async with socket(server, pong=False) as opened:
        await opened.send("40")
        assert (await opened.until_closed())[-2:] == ["2", "1"]


# --- Engine.IO: close and upgrade ----------------------------------------------------------------


async def test_a_client_closes_its_polled_session(server: Server):
    async with polled(server) as poller:
        waiting = asyncio.ensure_future(poller.get())
        await asyncio.sleep(0.05)
        assert await poller.post("1") == 200
        assert await waiting == ["6"]
        assert (await poller.fetch()).code == 400


async def test_a_client_closes_its_websocket(server: Server):
    async with socket(server) as opened:
        await opened.read()
        await opened.send("1")
        assert await opened.read() is None


async def test_polling_is_upgraded_to_a_websocket(server: Server):
    async with polled(server) as poller, socket(server, sid=poller.sid) as opened:
        await opened.send("2probe")
        assert await opened.read() == "3probe"
        assert await poller.get() == ["6"]
        await opened.send("5", "40")
        assert (await opened.read()).startswith("40{")
        assert await opened.read() == '42["auth",{}]'


async def test_after_an_upgrade_polls_are_ignored(server: Server):
    async with polled(server) as poller, socket(server, sid=poller.sid) as opened:
        await opened.send("2probe", "5", "40")
        assert await opened.read() == "3probe"
        assert (await opened.read()).startswith("40{")
        assert (await poller.fetch()).code == 400
        assert await poller.post("41") == 400
        await opened.send('42["message","still here"]')
        assert await opened.read() == '42["auth",{}]'
        assert await opened.read() == '42["message-back","still here"]'


async def test_after_an_upgrade_a_second_websocket_is_refused(server: Server):
    async with polled(server) as poller, socket(server, sid=poller.sid) as opened:
        await opened.send("2probe", "5", "40")
        await opened.read()
        await opened.read()
        with pytest.raises(HTTPClientError):
            async with socket(server, sid=poller.sid):
                raise AssertionError("it opened")
        await opened.read()
        await opened.send('42["message"]')
        assert await opened.read() == '42["message-back"]'


# --- Socket.IO: connect and disconnect -----------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "/custom,"])
@pytest.mark.parametrize("payload", ["", '{"token":"123"}'])
async def test_a_namespace_is_joined(server: Server, prefix: str, payload: str):
    async with socket(server) as opened:
        await opened.read()
        await opened.send(f"40{prefix}{payload}")
        answer = await opened.read()
        assert answer.startswith(f"40{prefix}")
        assert list(json.loads(answer[2 + len(prefix) :])) == ["sid"]
        assert await opened.read() == f'42{prefix}["auth",{payload or "{}"}]'


async def test_a_namespace_is_joined_without_a_comma_too(server: Server):
    async with socket(server) as opened:
        await opened.read()
        await opened.send("40/custom")
        assert (await opened.read()).startswith("40/custom,{")


async def test_an_unknown_namespace_is_refused_with_an_error_object(server: Server):
    """The suite wants ``Invalid namespace``; protocol.md §4 has other words, and a code."""
    async with socket(server) as opened:
        await opened.read()
        await opened.send("40/random")
        answer = await opened.read()
        assert answer.startswith("44/random,")
        error = json.loads(answer[len("44/random,") :])
        assert error == {"message": "no such namespace", "data": {"code": 3507}}


async def test_an_invalid_handshake_closes(server: Server):
    async with socket(server) as opened:
        await opened.send("4abc")
        assert (await opened.until_closed())[1:] == ["1"]


async def test_leaving_the_main_namespace_closes_when_no_other_is_joined(server: Server):
    """The suite waits for the close; protocol.md §5 leaves the time of 3502 to join another."""
    async with joined(server) as opened:
        await opened.send("41")
        assert await opened.until_closed() == ["1"]


async def test_a_custom_namespace_is_left_and_the_main_one_goes_on(server: Server):
    async with joined(server) as opened:
        await opened.send("40/custom")
        assert (await opened.read()).startswith("40/custom,")
        assert await opened.read() == '42/custom,["auth",{}]'
        await opened.send("41/custom", '42["message","to the main namespace"]')
        assert await opened.read() == '42["message-back","to the main namespace"]'


# --- Socket.IO: messages -------------------------------------------------------------------------

SLOTS = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'
PLAIN = '1,"2",{"3":[true]}'
MESSAGES = {
    "plain": ([f'42["message",{PLAIN}]'], [f'42["message-back",{PLAIN}]']),
    "binary": (
        [f'452-["message",{SLOTS}]', b"\1\2\3", b"\4\5\6"],
        [f'452-["message-back",{SLOTS}]', b"\1\2\3", b"\4\5\6"],
    ),
    "plain, with an ack": (
        [f'42456["message-with-ack",{PLAIN}]'],
        [f"43456[{PLAIN}]"],
    ),
    "binary, with an ack": (
        [f'452-789["message-with-ack",{SLOTS}]', b"\1\2\3", b"\4\5\6"],
        [f"462-789[{SLOTS}]", b"\1\2\3", b"\4\5\6"],
    ),
}


@pytest.mark.parametrize("kind", MESSAGES)
async def test_a_message_is_answered(server: Server, kind: str):
    sent, wanted = MESSAGES[kind]
    async with joined(server) as opened:
        await opened.send(*sent)
        assert [await opened.read() for _ in wanted] == wanted


@pytest.mark.parametrize("kind", MESSAGES)
async def test_a_message_is_answered_over_polling(server: Server, kind: str):
    sent, wanted = MESSAGES[kind]
    async with polled(server) as poller:
        assert await poller.post("40", *sent) == 200
        texts = [p for p in wanted if isinstance(p, str)]
        texts += ["bAQID", "bBAUG"] if len(wanted) > 1 else []
        came: list[str] = []
        while texts[-1] not in came:
            came += [packet for packet in await poller.get() if packet != "2"]
        assert came[1:] == ['42["auth",{}]', *texts]


@pytest.mark.parametrize(
    "frame",
    [
        "4abc",
        "42{}",
        '42abc["message-with-ack",1,"2",{"3":[false]}]',
        '42["connect"]',
        '45["message",{"_placeholder":true,"num":0}]',
        '4510-["message"',
        b"\1\2\3",
    ],
)
async def test_an_invalid_message_closes(server: Server, frame: str | bytes):
    async with joined(server) as opened:
        await opened.send(frame)
        *said, close = await opened.until_closed()
        assert close == "1" and said[-1].startswith('42["$bye",{"code":3501,')


@pytest.mark.parametrize("frame", ["4abc", "42{}", '42abc["message"]', '42["connect"]', "b$", ""])
async def test_an_invalid_message_closes_a_polled_session(server: Server, frame: str):
    async with polled(server) as poller:
        assert await poller.post("40") == 200
        while '42["auth",{}]' not in await poller.get():
            pass
        assert (await poller.fetch(frame)).code == 400
        *said, close = await poller.get()
        assert close == "1" and said[-1].startswith('42["$bye",{"code":3501,')
        assert (await poller.fetch()).code == 400
