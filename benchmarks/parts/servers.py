"""The servers that are measured, each a process of its own so that its CPU time is its own.

Ours is a whole Jupyter server with a real kernel that publishes; the peers are the plainest relay
one would write with tornado alone, and with python-socketio as it comes: one sends, all get it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from jupyter_client import BlockingKernelClient

START_SECONDS = 30


class Server:
    """A running server: where it listens, and what CPU it has used."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.port = port
        self._process = process
        self._usage = psutil.Process(process.pid)

    def cpu_seconds(self) -> float:
        times = self._usage.cpu_times()
        return times.user + times.system

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)


class JupyterServer(Server):
    """With our extension, and one kernel of its own."""

    def __init__(
        self, process: subprocess.Popen[bytes], port: int, token: str, runtime: Path
    ) -> None:
        super().__init__(process, port)
        self.token = token
        self._runtime = runtime
        self._client: BlockingKernelClient | None = None
        self.kernel_id = ""

    def start_kernel(self) -> None:
        self.kernel_id = self._ask("api/kernels", {"name": "python3"})["id"]
        client = BlockingKernelClient()
        client.load_connection_file(str(self._runtime / f"kernel-{self.kernel_id}.json"))
        client.start_channels(hb=False)  # a kernel that is not up yet does not beat: it is no death
        client.wait_for_ready(timeout=START_SECONDS)
        self._client = client

    def begin(self, code: str) -> str:
        """Start a cell; its id is for ``finish``."""
        assert self._client is not None
        return str(self._client.execute(code, store_history=False))

    def finish(self, cell: str) -> str:
        """Wait for the cell; return what it printed."""
        assert self._client is not None
        printed = ""
        while True:
            message = self._client.get_iopub_msg(timeout=300)
            if message["parent_header"].get("msg_id") != cell:
                continue
            content = message["content"]
            if message["msg_type"] == "stream" and content["name"] == "stdout":
                printed += content["text"]
            elif message["msg_type"] == "error":
                raise RuntimeError("\n".join(content["traceback"]))
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                return printed

    def run(self, code: str) -> str:
        return self.finish(self.begin(code))

    def tell_comm(self, comm_id: str, data: dict[str, Any]) -> None:
        """Send what a notebook's widget sends to its kernel."""
        assert self._client is not None
        content = {"comm_id": comm_id, "data": {**data, "buffer_paths": []}}
        self._client.shell_channel.send(self._client.session.msg("comm_msg", content))

    def stop(self) -> None:
        if self._client is not None:
            self._client.stop_channels()
        super().stop()

    def _ask(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/{path}",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing listens on port {port} after {START_SECONDS} s")
        time.sleep(0.05)


@contextlib.contextmanager
def jupyter() -> Iterator[JupyterServer]:
    """Run a Jupyter server with our extension and one kernel."""
    port, token = free_port(), secrets.token_hex(16)
    with tempfile.TemporaryDirectory() as folder:
        runtime = Path(folder, "runtime")
        env = {**os.environ, "JUPYTER_RUNTIME_DIR": str(runtime), "JUPYTER_CONFIG_DIR": folder}
        command = [
            *(sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root"),
            *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"),
            *(f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}"),
            "--ServerApp.jpserver_extensions=jupyter_sio=True",
        ]
        with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as process:
            server = JupyterServer(process, port, token, runtime)
            try:
                wait_for_port(port)
                server.start_kernel()
                yield server
            finally:
                server.stop()


@contextlib.contextmanager
def relay(kind: str) -> Iterator[Server]:
    """Run one of the peers: ``tornado`` or ``socketio``."""
    port = free_port()
    command = [sys.executable, __file__, kind, str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        server = Server(process, port)
        try:
            wait_for_port(port)
            yield server
        finally:
            server.stop()


async def serve_tornado(port: int) -> None:
    """Relay with tornado alone: one write_message for each viewer."""
    from tornado import web, websocket

    viewers: set[websocket.WebSocketHandler] = set()

    class Viewer(websocket.WebSocketHandler):
        def open(self) -> None:
            viewers.add(self)

        def on_close(self) -> None:
            viewers.discard(self)

        def on_message(self, message: str | bytes) -> None: ...

    class Source(websocket.WebSocketHandler):
        def on_message(self, message: str | bytes) -> None:
            for viewer in viewers:
                viewer.write_message(message, binary=True)

    web.Application([("/viewer", Viewer), ("/source", Source)]).listen(port, "127.0.0.1")
    await asyncio.Event().wait()


async def serve_socketio(port: int) -> None:
    """Relay with python-socketio as it comes: one emit for all viewers."""
    import socketio
    from tornado import web

    server = socketio.AsyncServer(async_mode="tornado")

    @server.event
    async def rows(sid: str, numbers: list[int], payload: bytes) -> None:
        await server.emit("rows", (numbers, payload), skip_sid=sid)

    handler = socketio.get_tornado_handler(server)
    web.Application([("/socket.io/", handler)]).listen(port, "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(globals()[f"serve_{sys.argv[1]}"](int(sys.argv[2])))
