"""A kernel that sends while its cell runs, somebody who looks at the page, and a way to be cut."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page

from tests.end_to_end.conftest import Jupyter, start_jupyter, stop_jupyter, wait_for

# Runs a cell as a front end would, and does not wait for its end.
_EXECUTE = """
import sys
from jupyter_client import BlockingKernelClient
client = BlockingKernelClient(connection_file=sys.argv[1])
client.load_connection_file()
client.start_channels()
client.wait_for_ready(timeout=60)
client.execute(sys.stdin.read())
while client.get_iopub_msg(timeout=60)["msg_type"] != "execute_input":
    pass
client.stop_channels()
"""
# Where to keep what was seen, for somebody to look at.
PICTURES = os.environ.get("JUPYTER_SIO_PICTURES")
_SERVER_ONLY = "--ServerApp.jpserver_extensions={'jupyter_sio': True}"

PROFILES = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
}


@dataclass
class Kernel:
    """A kernel under a server, and the links to it."""

    jupyter: Jupyter
    runtime: Path
    id: str

    def execute(self, code: str) -> None:
        """Begin to run a cell."""
        file = self.runtime / f"kernel-{self.id}.json"
        subprocess.run([sys.executable, "-c", _EXECUTE, str(file)], input=code.encode(), check=True)

    def interrupt(self) -> None:
        """End the cell that runs."""
        self.jupyter.api(f"api/kernels/{self.id}/interrupt", "POST", {})

    def end(self) -> None:
        """Shut it down."""
        self.jupyter.api(f"api/kernels/{self.id}", "DELETE")

    def share(self, **asked: Any) -> dict[str, Any]:
        """Make a link."""
        return self.jupyter.api("jupyter-sio/api/links", "POST", {"kernel_id": self.id, **asked})

    def revoke(self, link: dict[str, Any]) -> None:
        """Take a link back."""
        self.jupyter.api(f"jupyter-sio/api/links/{link['id']}", "DELETE")

    def rows(self, stream: str) -> int:
        """Count the rows that a stream has had."""
        (found,) = (kernel for kernel in self.jupyter.kernels() if kernel["kernel_id"] == self.id)
        return next(each["next"] for each in found["streams"] if each["stream"] == stream)


def start_server(root: Path, *options: str) -> Jupyter:
    """Start a server of a test's own, without JupyterLab, which it would be the slower for."""
    runtime = root / "runtime"
    runtime.mkdir()
    return start_jupyter("jupyter_server", root, runtime, _SERVER_ONLY, *options)


@contextmanager
def server(root: Path, *options: str) -> Iterator[Jupyter]:
    """Run a server as long as it is needed."""
    jupyter = start_server(root, *options)
    yield jupyter
    stop_jupyter(jupyter)


def start_kernel(jupyter: Jupyter, path: str = "Training run.ipynb") -> Kernel:
    """Start a kernel as a notebook does."""
    body = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
    session = jupyter.api("api/sessions", "POST", body)
    return Kernel(jupyter, jupyter.runtime, session["kernel"]["id"])


@dataclass
class Reader:
    """A fresh browser profile that looks at one page, and what went wrong there."""

    context: BrowserContext
    page: Page
    host: str
    wrong: list[str] = field(default_factory=list)

    def word(self) -> Any:
        """Find the word on how things stand."""
        return self.page.locator(".page-word")

    def card(self, stream: str) -> Any:
        """Find a stream's card."""
        return self.page.locator(f".page-card[aria-label={stream!r}]")

    def detail(self, stream: str) -> str:
        """Read the foot of a stream's view."""
        return self.card(stream).locator(".jsio-detail").last.inner_text()

    def count(self, stream: str) -> int:
        """Read "12,345 rows …" at the foot of a stream's view."""
        found = [word for word in self.detail(stream).split() if word[0].isdigit()]
        return int(found[0].replace(",", "")) if found else 0

    def await_rows(self, stream: str, more_than: int) -> int:
        """Wait until a view counts more rows."""
        return wait_for(
            lambda: (now := self.count(stream)) > more_than and now, f"rows of {stream}", 30
        )


@contextmanager
def reading(browser: Browser, url: str, profile: str = "desktop", **other: Any) -> Iterator[Reader]:
    """Open an address in a profile of its own; whatever goes wrong meanwhile fails the test."""
    context = browser.new_context(**PROFILES[profile], **other)
    page = context.new_page()
    reader = Reader(context, page, urlsplit(url).netloc)

    def heard(message: Any) -> None:
        # The browser's own word on an HTTP status is no error of the page's.
        expected = ("Failed to load resource", "WebSocket connection to")
        if message.type == "error" and not message.text.startswith(expected):
            reader.wrong.append(f"console: {message.text}")

    page.on("console", heard)
    page.on("pageerror", lambda error: reader.wrong.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (reader.wrong.append("dialog"), dialog.dismiss()))
    page.on("request", lambda request: _look(reader, request.url))
    page.on("websocket", lambda socket: _look(reader, socket.url))
    page.goto(url)
    yield reader
    context.close()
    assert reader.wrong == [], reader.wrong


def keep(page: Page, name: str) -> None:
    """Keep what is seen, if somebody wants to look at it."""
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def _look(reader: Reader, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "blob" and parts.netloc != reader.host:
        reader.wrong.append(f"another host: {url}")


class Proxy:
    """Hands bytes on to a server, until it is cut: then it closes all, and listens no more."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.join()

    def url(self, url: str) -> str:
        """Write an address of the server as the proxy's."""
        return urlsplit(url)._replace(netloc=f"127.0.0.1:{self.port}").geturl()

    def join(self) -> None:
        """Listen (again), at the same port."""
        self._run(self._listen())

    def cut(self) -> None:
        """Close everything."""
        self._run(self._close())

    def end(self) -> None:
        """Close everything, for good."""
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0.1)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, onward = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._writers |= {writer, onward}
        await asyncio.gather(self._pump(reader, onward), self._pump(back, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()
            self._writers.discard(writer)
