"""A real jupyter-server with the extension, in this process, and real kernels under it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jupyter_sio.server.app import JupyterSio
from tests.integration.stage import Stage, new_epoch
from tests.leaks import leaks
from tests.wire import Wire, claim_of, fetch

__all__ = ["EPOCH", "Server", "Stage", "new_epoch"]

EPOCH = "00000000000000e1"
# A process that is no kernel but lives as long as one: a namespace needs no more.
_QUIET = """
import os, signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
parent = os.getppid()
while os.getppid() == parent:
    time.sleep(1)
"""


@dataclass
class Server:
    """What tests need of the running server."""

    serverapp: Any
    sio: JupyterSio
    url: str  # ends with the base url
    token: str

    @property
    def socket_url(self) -> str:
        return f"{self.url}jupyter-sio/socket.io/"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"token {self.token}"}

    async def start_kernel(self, name: str = "python3") -> str:
        return await self.serverapp.kernel_manager.start_kernel(kernel_name=name)

    def key(self, kernel_id: str) -> bytes:
        key = self.serverapp.kernel_manager.get_kernel(kernel_id).session.key
        leaks.know(key.decode())
        return key

    async def viewer(self, kernel_id: str, **auth: Any) -> Wire:
        """Connect a viewer and join the kernel's namespace."""
        wire = await Wire.open(self.socket_url, headers=self.headers)
        await wire.join(f"/kernels/{kernel_id}", {"protocol": 1, **auth})
        return wire

    async def ticket(self, claim: dict[str, Any]) -> tuple[int, Any]:
        return await fetch(
            f"{self.url}jupyter-sio/api/tickets", method="POST", body={"claim": claim}
        )

    async def publisher(
        self, kernel_id: str, *, pid: int | None = None, epoch: str = EPOCH
    ) -> Wire:
        """Claim the kernel's namespace from this process and join it."""
        claim = claim_of(kernel_id, self.key(kernel_id), pid=pid or os.getpid(), epoch=epoch)
        status, answer = await self.ticket(claim)
        assert status == 200, answer
        wire = await Wire.open(self.socket_url, ticket=answer["ticket"])
        await wire.join(f"/kernels/{kernel_id}", {"protocol": 1})
        return wire


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    return {
        "ServerApp": {
            "jpserver_extensions": {"jupyter_sio": True, "jupyter_server_terminals": False},
            "allow_unauthenticated_access": False,
            "reraise_server_extension_failures": True,
        },
        "KernelManager": {"shutdown_wait_time": 1.0},
    }


@pytest.fixture
def jp_nbconvert_templates() -> None:
    """Copy no templates: nothing is converted here."""


@pytest.fixture
def server(jp_serverapp: Any, http_server: Any, jp_asyncio_loop: Any) -> Iterator[Server]:
    run = jp_asyncio_loop.run_until_complete
    run(jp_serverapp.extension_manager.start_all_extensions())
    (sio,) = jp_serverapp.extension_manager.extension_apps["jupyter_sio"]
    token = jp_serverapp.identity_provider.token
    leaks.know(token)
    yield Server(jp_serverapp, sio, jp_serverapp.connection_url, token)
    manager = jp_serverapp.kernel_manager
    for kernel_id in manager.list_kernel_ids():
        kernel = manager.get_kernel(kernel_id)
        # What was sent to a kernel that is no more would be waited for, a second each.
        if kernel._activity_stream is not None:  # None: it is being shut down
            kernel._activity_stream.socket.linger = 0
        # Whether a kernel is still there is asked every 100 ms; so let it be gone before.
        kernel.provisioner.process.kill()
        kernel.provisioner.process.wait()
    run(manager.shutdown_all(now=True))
    run(sio.stop_extension())


@pytest.fixture
def kernel_id(server: Server, jp_asyncio_loop: Any) -> str:
    return jp_asyncio_loop.run_until_complete(server.start_kernel())


@pytest.fixture
def quiet_spec(jp_kernel_dir: Path) -> str:
    """Name a kernelspec whose processes cost nothing and answer nobody."""
    spec = {"argv": [sys.executable, "-ISc", _QUIET], "display_name": "quiet", "language": "none"}
    (jp_kernel_dir / "quiet").mkdir()
    (jp_kernel_dir / "quiet" / "kernel.json").write_text(json.dumps(spec))
    return "quiet"


@pytest.fixture
def quiet_kernel(quiet_spec: str, server: Server, jp_asyncio_loop: Any) -> str:
    """Start a kernel that does nothing; its namespace is like any other's."""
    return jp_asyncio_loop.run_until_complete(server.start_kernel(quiet_spec))


@pytest.fixture
def stage(server: Server, quiet_kernel: str, jp_asyncio_loop: Any) -> Iterator[Stage]:
    """Claim the quiet kernel's namespace."""
    stage = Stage(server, quiet_kernel)
    jp_asyncio_loop.run_until_complete(stage.claim())
    yield stage
    jp_asyncio_loop.run_until_complete(stage.close())
