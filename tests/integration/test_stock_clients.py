"""Socket.IO clients that know nothing of this project, used by protocol.md alone."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow
import pytest
import socketio

from tests.integration.conftest import Stage, new_epoch

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "labextension" / "node_modules"
SECONDS = 10.0


@pytest.fixture
def jp_base_url(request: pytest.FixtureRequest, jp_base_url: str) -> str:
    """Serve python-socketio from the root: its client unescapes the path it is given."""
    return "/" if "python_socketio" in request.node.name else jp_base_url


async def until(true: Any) -> Any:
    """Wait until ``true()`` is."""
    for _ in range(int(SECONDS / 0.01)):
        if found := true():
            return found
        await asyncio.sleep(0.01)
    raise AssertionError("nothing more came")


# --- python-socketio -----------------------------------------------------------------------------


class Heard:
    """A python-socketio client, and what it heard in one namespace."""

    def __init__(self, stage: Stage) -> None:
        self.ns = stage.ns
        self.client = socketio.AsyncClient(reconnection_delay=0.05, reconnection_delay_max=0.05)
        self.events: list[tuple[Any, ...]] = []
        self.connected = 0
        self.answers: dict[str, Any] = {}
        self.client.on("connect", self._connected, namespace=self.ns)
        self.client.on("*", self._heard, namespace=self.ns)

    async def connect(self, stage: Stage, ticket: str = "") -> None:
        query = f"?ticket={ticket}" if ticket else ""
        await self.client.connect(
            f"{stage.server.url.rstrip('/')}{query}",
            headers={} if ticket else stage.server.headers,
            auth={"protocol": 1},
            namespaces=[self.ns],
            transports=["websocket"],
            socketio_path="jupyter-sio/socket.io",
        )

    async def _connected(self) -> None:
        self.connected += 1

    async def _heard(self, event: str, *args: Any) -> Any:
        self.events.append((event, *args))
        return self.answers.get(event)

    async def ask(self, event: str, *args: Any) -> Any:
        return await self.client.call(event, args, namespace=self.ns, timeout=SECONDS)

    async def tell(self, event: str, *args: Any) -> None:
        await self.client.emit(event, args, namespace=self.ns)

    def of(self, name: str) -> list[tuple[Any, ...]]:
        return [args for event, *args in self.events if event == name]


@asynccontextmanager
async def python_client(stage: Stage, *, ticket: str = "") -> AsyncIterator[Heard]:
    heard = Heard(stage)
    await heard.connect(stage, ticket)
    try:
        yield heard
    finally:
        await heard.client.shutdown()


async def test_python_socketio_watches(stage: Stage):
    opened = await stage.open()
    await stage.publish(opened["id"], 0, 2, b"ab")
    async with python_client(stage) as heard:
        answer = await heard.ask("$subscribe", {"stream": "loss", "window": 3})
        assert answer["ok"] and answer["start"] == 0
        await stage.publish(opened["id"], 2, 1, b"c")
        await until(lambda: heard.of("$batch"))
        assert heard.of("$batch") == [[[opened["id"], 0, 1, 2], b"ab"]]
        await heard.tell("$ack", [opened["id"], 2])
        await until(lambda: len(heard.of("$batch")) == 2)
        assert heard.of("$batch")[1] == [[opened["id"], 2, 1, 1], b"c"]
        assert [event for event, *_ in heard.events][:2] == ["$status", "$streams"]


async def test_python_socketio_sends_events_and_answers_calls(stage: Stage):
    async with python_client(stage) as heard:
        await heard.tell("go", 1, {"b": b"\x00"})
        (head, *args) = await stage.publisher.first("$event")
        assert args == [1, {"b": b"\x00"}]
        heard.answers["ask"] = [1, b"\x01"]
        told = await stage.publisher.ask(
            stage.ns, "$emit", {"event": "ask", "to": head["viewer"]["id"]}, b"?"
        )
        assert told == {"ok": True, "value": [1, b"\x01"]}
        assert heard.of("ask") == [[b"?"]]


async def test_python_socketio_reconnects_and_resumes_without_a_hole(stage: Stage):
    epoch = new_epoch()
    opened = await stage.open(epoch=epoch)
    await stage.publish(opened["id"], 0, 1, b"a")
    async with python_client(stage) as heard:
        await heard.ask("$subscribe", {"stream": "loss"})
        await until(lambda: heard.of("$batch"))
        stage.sessions()[-1].abort()
        await stage.publish(opened["id"], 1, 1, b"b")
        await until(lambda: heard.connected == 2)
        answer = await heard.ask("$subscribe", {"stream": "loss", "since": [epoch, 1]})
        assert answer["recovered"] is True and answer["start"] == 1
        await until(lambda: len(heard.of("$batch")) == 2)
        assert [batch[1] for batch in heard.of("$batch")] == [b"a", b"b"]


async def test_python_socketio_reads_a_refusal(stage: Stage):
    heard, refusals = Heard(stage), []
    heard.ns = "/kernels/unknown"
    heard.client.on("connect_error", refusals.append, namespace=heard.ns)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await heard.connect(stage)
    assert refusals == [{"message": "no such namespace", "data": {"code": 3507}}]
    await heard.client.shutdown()


async def test_python_socketio_publishes_with_a_claims_ticket(stage: Stage):
    await stage.publisher.close()
    wire = await stage.viewer()
    async with python_client(stage, ticket=await stage.ticket()) as heard:
        opened = await heard.ask("$open", {"stream": "loss", "epoch": new_epoch()})
        await heard.tell("$publish", [opened["id"], 0, 1, 1], b"row")
        await until(lambda: heard.of("$published") == [[[opened["id"], 1]]])
        assert (await heard.ask("$emit", {"event": "said"}, b"x", 2)) == {"ok": True, "sent": 1}
        assert (await stage.subscribe(wire))["next"] == 1
        assert (await wire.first("$batch"))[1] == b"row"
        assert await wire.first("said") == [b"x", 2]


async def test_python_socketio_leaves(stage: Stage):
    async with python_client(stage) as heard:
        await stage.publisher.first("$viewer")
        await heard.client.disconnect()
    assert (await stage.publisher.first("$viewer", 2))[0]["joined"] is False
    await until(lambda: len(stage.sessions()) == 1)


# --- socket.io-client ----------------------------------------------------------------------------

STRANGER = """
import { io } from 'socket.io-client';
const [url, ns, token] = process.argv.slice(2);
const door = new URL('jupyter-sio/socket.io/', url);
const options = {
  path: door.pathname, transports: ['websocket'], auth: { protocol: 1 },
  extraHeaders: { Authorization: `token ${token}` },
};
const say = (...words) => console.log(JSON.stringify(words));
const plain = value => Buffer.isBuffer(value) ? value.toString('latin1')
  : Array.isArray(value) ? value.map(plain) : value;

const socket = io(door.origin + ns, options);
socket.onAny((event, ...args) => {
  const answer = typeof args.at(-1) === 'function' ? args.pop() : null;
  say(event, ...plain(args));
  if (answer) answer(Buffer.from('me'));
  if (event === '$batch') socket.emit('$ack', [args[0][0], args[0][1] + args[0][3]]);
});
socket.on('connect', () => {
  socket.emit('$subscribe', { stream: 'loss', window: 1 }, answer => say('subscribed', answer));
  socket.emit('go', 1, Buffer.from([0, 255]), answer => say('answered', plain(answer.value)));
});
const nowhere = io(door.origin + '/kernels/unknown', options);
nowhere.on('connect_error', error => say('refused', error.message, error.data));
socket.on('disconnect', reason => { say('disconnected', reason); socket.disconnect(); });
"""


class Script:
    """A running script; ``lines`` are what it printed, read as JSON."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[Any] = []
        self._reading = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def of(self, word: str) -> list[Any]:
        return [rest for first, *rest in self.lines if first == word]

    async def end(self) -> None:
        """Kill it with its children: one that stayed would hold the pipe open for ever."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()
        await self._reading


@asynccontextmanager
async def node(folder: Path, script: Path, *args: str) -> AsyncIterator[Script]:
    """Run a copy of a script with the packages of ours beside it."""
    assert shutil.which("node"), "no node on the PATH: type `make test`, which brings one"
    assert (MODULES / "socket.io-client").exists(), "type `cd labextension && npm ci`"
    shutil.copy(script, folder / "script.mjs")
    (folder / "node_modules").symlink_to(MODULES)
    process = await asyncio.create_subprocess_exec(
        "node",
        str(folder / "script.mjs"),
        *args,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    running = Script(process)
    try:
        yield running
    finally:
        await running.end()


def table(first: int, rows: int) -> bytes:
    batch = pyarrow.table({"step": list(range(first, first + rows))})
    out = io.BytesIO()
    with pyarrow.ipc.new_stream(out, batch.schema) as writer:
        writer.write_table(batch)
    return out.getvalue()


async def test_socket_io_client_watches_sends_answers_and_is_refused(stage: Stage, tmp_path: Path):
    opened = await stage.open()
    await stage.publish_all(opened["id"], [(1, b"a"), (2, b"bc")])
    folder = tmp_path / "stranger"
    folder.mkdir()
    (folder / "stranger.mjs").write_text(STRANGER)
    args = (stage.server.url, stage.ns, stage.server.token)
    async with node(folder, folder / "stranger.mjs", *args) as script:
        (head, *sent) = await stage.publisher.first("$event")
        (event,) = [o for o in stage.publisher.others if getattr(o, "name", "") == "$event"]
        await stage.publisher.answer(event, {"ok": True, "value": b"done"})
        calling = {"event": "ask", "to": head["viewer"]["id"]}
        told = await stage.publisher.ask(stage.ns, "$emit", calling, b"who?")
        await until(lambda: len(script.of("$batch")) == 2 and script.of("answered"))
        await until(lambda: script.of("refused"))
    assert sent == [1, b"\x00\xff"] and told == {"ok": True, "value": b"me"}
    assert script.of("answered") == [["done"]] and script.of("ask") == [["who?"]]
    assert script.of("subscribed")[0][0]["ok"] is True
    assert script.of("$batch") == [
        [[opened["id"], 0, 1, 1], "a"],
        [[opened["id"], 1, 1, 2], "bc"],
    ]
    assert script.of("refused") == [["no such namespace", {"code": 3507}]]


async def test_socket_io_client_hears_bye_when_the_kernel_ends(stage: Stage, tmp_path: Path):
    folder = tmp_path / "stranger"
    folder.mkdir()
    (folder / "stranger.mjs").write_text(STRANGER)
    args = (stage.server.url, stage.ns, stage.server.token)
    async with node(folder, folder / "stranger.mjs", *args) as script:
        await until(lambda: script.of("subscribed"))
        await stage.server.serverapp.kernel_manager.shutdown_kernel(stage.kernel_id, now=True)
        await until(lambda: script.of("disconnected"))
    (bye,) = script.of("$bye")
    assert (bye[0]["code"], bye[0]["retry_ms"]) == (3510, None)
    assert script.of("disconnected") == [["io server disconnect"]]


async def test_the_example_prints_every_row_once_across_cuts(stage: Stage, tmp_path: Path):
    opened = await stage.open()
    folder = tmp_path / "example"
    folder.mkdir()
    args = (stage.server.url, stage.kernel_id, stage.server.token, "loss")
    async with node(folder, ROOT / "examples" / "viewer.mjs", *args) as script:
        offset = 0
        for cut in range(3):
            for rows in (1, 7, 3):
                await stage.publish(opened["id"], offset, rows, table(offset, rows))
                offset += rows
            await until(lambda: len(script.lines) == offset)  # noqa: B023
            if cut < 2:
                stage.sessions()[-1].abort()
    assert [int(row["step"]) for row in script.lines] == list(range(offset))
