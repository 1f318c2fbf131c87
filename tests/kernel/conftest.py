"""A publisher and the peer it publishes to, for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jupyter_sio import limits
from jupyter_sio.kernel import publisher as publisher_module
from jupyter_sio.kernel.publisher import Publisher
from tests.kernel.peer import KERNEL, Peer, peer

# Nobody waits long between two attempts.
QUICK = limits.Link(retry_seconds=0.02, retry_cap_seconds=0.1, sweep_seconds=0.1)


@pytest.fixture
def server() -> Iterator[Peer]:
    with peer() as found:
        yield found


@pytest.fixture
def in_kernel(server: Peer, monkeypatch: pytest.MonkeyPatch) -> Peer:
    """Make this process a kernel that ``server`` started."""
    monkeypatch.setattr(publisher_module, "find_kernel", lambda: KERNEL)
    monkeypatch.setattr(publisher_module, "find_server", lambda: server.server)
    return server


@pytest.fixture
def publisher(in_kernel: Peer) -> Iterator[Publisher]:
    found = Publisher(QUICK).connect(required=True)
    yield found
    found.close(timeout=0.5)
