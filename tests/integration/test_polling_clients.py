"""Socket.IO clients that know nothing of this project, by long-polling and across its upgrade."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import socketio

from tests.integration.conftest import Stage
from tests.integration.test_stock_clients import node, until

TRANSPORTS = [["polling"], ["polling", "websocket"]]


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any]) -> dict[str, Any]:
    return {**jp_server_config, "JupyterSio": {"polling": True}}


@pytest.fixture
def jp_base_url(request: pytest.FixtureRequest, jp_base_url: str) -> str:
    """Serve python-socketio from the root: its client unescapes the path it is given."""
    return "/" if "python_socketio" in request.node.name else jp_base_url


class Client:
    """A python-socketio client, and what it heard in one namespace."""

    def __init__(self, stage: Stage, session: aiohttp.ClientSession) -> None:
        # headers= of its connect() go with the first request alone
        self.client = socketio.AsyncClient(
            reconnection_delay=0.05, reconnection_delay_max=0.05, http_session=session
        )
        self.events: list[tuple[Any, ...]] = []
        self.connected = 0
        self._ns = stage.ns
        self.client.on("connect", self._connected, namespace=stage.ns)
        self.client.on("*", self._heard, namespace=stage.ns)

    async def _connected(self) -> None:
        self.connected += 1

    async def _heard(self, event: str, *args: Any) -> Any:
        self.events.append((event, *args))
        return b"me" if event == "ask" else None

    async def ask(self, event: str, *args: Any) -> Any:
        return await self.client.call(event, args, namespace=self._ns, timeout=10)

    def rows(self) -> list[int]:
        """List the offset of every payload, each of one row, in the order they came."""
        batches = [args for event, *args in self.events if event == "$batch"]
        return [head[1] + n for head, *payloads in batches for n in range(len(payloads))]


@asynccontextmanager
async def python_client(stage: Stage, transports: list[str] | None) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(headers=stage.server.headers) as session:
        heard = Client(stage, session)
        await heard.client.connect(
            stage.server.url.rstrip("/"),
            auth={"protocol": 1},
            namespaces=[stage.ns],
            transports=transports,
            socketio_path="jupyter-sio/socket.io",
        )
        try:
            yield heard
        finally:
            await heard.client.shutdown()
            # its writer waits for half a minute after the server has closed
            writer = heard.client.eio.write_loop_task
            if writer is not None:
                await heard.client.eio.queue.put(None)
                await writer


@pytest.mark.parametrize(
    ("transports", "carried"), [(["polling"], "polling"), (None, "websocket")], ids=str
)
async def test_python_socketio_watches_and_answers(
    stage: Stage, transports: list[str] | None, carried: str
):
    opened = await stage.open()
    offset = await stage.publish_all(opened["id"], [(1, bytes(20_000))] * 30)
    async with python_client(stage, transports) as heard:
        assert (await heard.ask("$subscribe", {"stream": "loss"}))["ok"]
        for _ in range(30):
            await stage.publish(opened["id"], offset)
            offset += 1
            await asyncio.sleep(0.001)
        await until(lambda: len(heard.rows()) >= offset)
        assert heard.rows() == list(range(offset))
        assert heard.client.transport() == carried
        assert stage.sessions()[-1].upgraded is (carried == "websocket")
        (notice,) = await stage.publisher.first("$viewer")
        calling = {"event": "ask", "to": notice["id"]}
        told = await stage.publisher.ask(stage.ns, "$emit", calling, b"who?")
        assert told == {"ok": True, "value": b"me"}
        await heard.client.disconnect()
    await until(lambda: len(stage.sessions()) == 1 and not len(stage.server.sio.polls))


async def test_python_socketio_comes_back_after_a_cut(stage: Stage):
    async with python_client(stage, ["polling"]) as heard:
        for cut in range(2):
            await until(lambda: heard.connected == cut + 1)  # noqa: B023
            await asyncio.sleep(0.05)
            stage.sessions()[-1].abort()
        await until(lambda: heard.connected == 3)


async def test_python_socketio_hears_bye_when_the_kernel_ends(stage: Stage):
    async with python_client(stage, ["polling"]) as heard:
        await until(lambda: len(heard.events) == 2)
        await stage.server.serverapp.kernel_manager.shutdown_kernel(stage.kernel_id, now=True)
        await until(lambda: [args for event, *args in heard.events if event == "$bye"])
    (bye,) = [args for event, *args in heard.events if event == "$bye"]
    assert bye[0]["code"] == 3510


SCRIPT = """
import { io } from 'socket.io-client';
const [url, ns, token, transports] = process.argv.slice(2);
const door = new URL('jupyter-sio/socket.io/', url);
const say = (...words) => console.log(JSON.stringify(words));
const socket = io(door.origin + ns, {
  path: door.pathname, transports: JSON.parse(transports), auth: { protocol: 1 },
  extraHeaders: { Authorization: `token ${token}` },
});
const carried = () => socket.io.engine.transport.name;
socket.onAny((event, ...args) => {
  const answer = typeof args.at(-1) === 'function' ? args.pop() : null;
  if (event === '$batch') {
    for (let n = 0; n < args.length - 1; n++) say('row', args[0][1] + n);
    socket.emit('$ack', [args[0][0], args[0][1] + args.length - 1]);
  } else say(event, args.length);
  if (answer) answer(Buffer.from('me'));
});
socket.on('connect', () => {
  say('by', carried());
  socket.io.engine.on('upgrade', () => say('by', carried()));
  socket.emit('$subscribe', { stream: 'loss', window: 100000 }, () => say('subscribed'));
  socket.emit('go', 1, Buffer.from([0, 255]));
});
socket.on('disconnect', reason => { say('disconnected', reason); });
"""


@pytest.mark.parametrize("transports", TRANSPORTS, ids=str)
async def test_socket_io_client_watches_sends_and_answers(
    stage: Stage, tmp_path: Path, transports: list[str]
):
    opened = await stage.open()
    offset = await stage.publish_all(opened["id"], [(1, bytes(20_000))] * 20)
    folder = tmp_path / "stranger"
    folder.mkdir()
    (folder / "stranger.mjs").write_text(SCRIPT)
    asked = str(transports).replace("'", '"')
    args = (stage.server.url, stage.ns, stage.server.token, asked)
    async with node(folder, folder / "stranger.mjs", *args) as script:
        (head, *sent) = await stage.publisher.first("$event", seconds=30)
        for _ in range(60):
            await stage.publish(opened["id"], offset)
            offset += 1
            await asyncio.sleep(0.002)
        calling = {"event": "ask", "to": head["viewer"]["id"]}
        told = await stage.publisher.ask(stage.ns, "$emit", calling, b"who?")
        await until(lambda: len(script.of("row")) >= offset)
        await until(lambda: script.of("by")[-1:] == [[transports[-1]]])
        assert stage.sessions()[-1].upgraded is (transports[-1] == "websocket")
    assert sent == [1, b"\x00\xff"] and told == {"ok": True, "value": b"me"}
    assert [row for (row,) in script.of("row")] == list(range(offset))
    assert not script.of("disconnected")
    await until(lambda: len(stage.sessions()) == 1 and not len(stage.server.sio.polls))
