"""One Hub for all tests of this folder: two people, three servers, and what a guest was given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.browser import browser, jp_asyncio_loop, jp_server_cleanup, page
from tests.hub.house import ADA, BOB, PROXY, STRICT, Hub, Kernel, UserServer

__all__ = ["browser", "jp_asyncio_loop", "jp_server_cleanup", "page"]


@dataclass
class House:
    """Ada's server, her second one that has the authorizer, and Bob's; Bob is Ada's guest."""

    hub: Hub
    ada: UserServer
    strict: UserServer
    bob: UserServer


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    assert PROXY.exists(), "the Hub's proxy is not installed; type: npm ci --prefix examples/hub"
    hub = Hub(tmp_path_factory.mktemp("hub"))
    try:
        hub.wait()
        for user, name in ((ADA, ""), (ADA, STRICT), (BOB, "")):
            hub.start(user, name)
        house = House(hub, hub.server(ADA), hub.server(ADA, STRICT), hub.server(BOB))
        hub.share(house.ada, BOB)
        hub.share(house.strict, BOB)
        yield house
    finally:
        hub.close()


@pytest.fixture(scope="package")
def kernel(house: House) -> Kernel:
    """A kernel of Ada's that pushes a row every 10 ms and takes note of what it is sent."""
    return _pushing(house.ada)


@pytest.fixture(scope="package")
def strict_kernel(house: House) -> Kernel:
    return _pushing(house.strict)


@pytest.fixture(scope="module")
def bobs_kernel(house: House) -> Kernel:
    """Not for the whole session: a test stops Bob's server."""
    return _pushing(house.bob)


def _pushing(server: UserServer) -> Kernel:
    kernel = server.start_kernel()
    kernel.run(
        "import threading, time, jupyter_sio as sio\n"
        "rows, heard, stop = sio.stream('rows'), [], threading.Event()\n"
        "@sio.on('note')\n"
        "def note(*args, viewer):\n"
        "    heard.append(args)\n"
        "def push():\n"
        "    n = 0\n"
        "    while not stop.wait(0.01):\n"
        "        rows.push(n=n)\n"
        "        n += 1\n"
        "threading.Thread(target=push, daemon=True).start()\n"
    )
    return kernel
