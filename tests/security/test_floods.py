"""Whoever sends too much is told so, or not read; the server stays small, and a neighbour in time.

Faults F-12, F-14, F-15, F-17. By default a hundredth of each flood, and it is counted what the
server did; ``make torture`` floods a server in a process of its own and measures that too.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.conftest import Server, Stage
from tests.leaks import found_in
from tests.security.floods import FLOODS, flood
from tests.security.witnesses import Counts, Neighbour, logged
from tests.wire import fetch

MIB = 1024 * 1024
GROWTH_BYTES = 40 * MIB
DELAY_SECONDS = 0.25


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any]) -> dict[str, Any]:
    ours = {"connect_seconds": 1.0, "stall_seconds": 3.0}
    return {**jp_server_config, "JupyterSio": ours}


# flood -> what the server counted; of a hundredth of it
COUNTED: dict[str, Callable[[Any, dict[str, int]], bool]] = {
    "bytes": lambda counted, told: told["bytes"] < 10_000,
    "events": lambda counted, told: told.get("3013", 0) >= 250,
    "deaf_events": lambda counted, told: True,
    "subscriptions": lambda counted, told: True,
    "connects": lambda counted, told: counted.refused > 30,
    "comings_and_goings": lambda counted, told: told.get("3501", 0) == 0,
    "brackets": lambda counted, told: counted.held == 1,
    "oversized": lambda counted, told: counted.oversized == 1,
    "gigabyte": lambda counted, told: counted.oversized == 1 and told["3501"] == 1,
    "fragments": lambda counted, told: counted.oversized == 1 and told["3501"] == 1,
    "empty_fragments": lambda counted, told: counted.malformed == 1 and told["3501"] == 1,
    "pings": lambda counted, told: True,
    "dead_readers": lambda counted, told: True,
}


@pytest.mark.parametrize("name", COUNTED)
async def test_a_hundredth_of_a_flood(stage: Stage, name: str):
    neighbour, counts, server = await Neighbour.moved_in(stage), Counts(stage.server), stage.server
    with logged() as log:
        attack = asyncio.to_thread(flood, name, server.socket_url, server.token, stage.ns, 0.01)
        told, _ = await neighbour.watch_while(asyncio.gather(attack, neighbour.has_published(10)))
        await counts.are_back()
    await neighbour.has_seen_all()
    counted = server.sio.router.statistics()
    assert COUNTED[name](counted, told), (counted, told)
    log.check(most=20)
    assert not counted.failed_handlers


# --- a server in a process of its own ------------------------------------------------------------


class Remote(Server):
    """A server that is not in this process."""

    def __init__(self, url: str, token: str, runtime: Path, process: psutil.Process) -> None:
        super().__init__(None, None, url, token)
        self._runtime = runtime
        self.process = process

    def key(self, kernel_id: str) -> bytes:
        found = json.loads((self._runtime / f"kernel-{kernel_id}.json").read_text())
        return str(found["key"]).encode()


@asynccontextmanager
async def started(home: Path, spec: Path) -> AsyncIterator[tuple[Remote, str]]:
    """Start a server and a kernel that does nothing; yields both."""
    runtime, token = home / "runtime", "t" * 40
    runtime.mkdir(parents=True)
    env = {
        **os.environ,
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "JUPYTER_CONFIG_DIR": str(home),
        "JUPYTER_PATH": str(spec),
        "JUPYTER_TOKEN": token,
    }
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"),
                *("--port=0", "--ServerApp.ip=127.0.0.1", "--JupyterSio.max_connections=200"),
                "--ServerApp.jpserver_extensions={'jupyter_sio': True}",
            ],
            env=env, cwd=home, stdout=log, stderr=log,
        )  # fmt: skip
    info = runtime / f"jpserver-{process.pid}.json"
    try:
        while not (info.exists() and info.read_text()):
            assert process.poll() is None, (home / "log").read_text()[-3000:]
            await asyncio.sleep(0.1)
        url = json.loads(info.read_text())["url"]
        server = Remote(url, token, runtime, psutil.Process(process.pid))
        _, kernel = await fetch(
            f"{url}api/kernels", method="POST", body={"name": "quiet"}, headers=server.headers
        )
        yield server, kernel["id"]
        _, left = await fetch(
            f"{url}jupyter-sio/api/namespaces/{kernel['id']}", headers=server.headers
        )
        assert len(left["viewers"]) == 1, left  # the neighbour
    finally:
        process.terminate()
        process.wait(20)
    log = (home / "log").read_text()
    assert len(log.splitlines()) < 200 and "Traceback" not in log, log[-3000:]
    assert found_in(log, [token]) == []


async def resident(process: psutil.Process, until: asyncio.Future[Any]) -> int:
    """Watch how large a process becomes."""
    most = 0
    while not until.done():
        most = max(most, process.memory_info().rss)
        await asyncio.sleep(0.02)
    return most


async def attacked(server: Remote, stage: Stage, name: str) -> dict[str, int]:
    """Flood from a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.security.floods", name),
        *(server.socket_url, server.token, stage.ns, "1"),
        stdout=asyncio.subprocess.PIPE,
    )
    answer, _ = await process.communicate()
    assert process.returncode == 0, name
    told: dict[str, int] = json.loads(answer)
    return told


@pytest.mark.torture
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_costs_no_more_than_40_mib_and_a_quarter_of_a_second(
    tmp_path: Path, quiet_spec: str, jp_kernel_dir: Path, name: str
):
    async with started(tmp_path / "home", jp_kernel_dir.parent) as (server, kernel_id):
        stage = Stage(server, kernel_id)
        await stage.claim()
        neighbour = await Neighbour.moved_in(stage)
        await neighbour.watch_while(asyncio.sleep(1.0))
        before, began = server.process.memory_info().rss, time.monotonic()
        attack = asyncio.ensure_future(attacked(server, stage, name))
        size = asyncio.ensure_future(resident(server.process, attack))
        told = await neighbour.watch_while(attack)
        grown, seconds = (await size) - before, time.monotonic() - began
        await neighbour.has_seen_all()
        delays = neighbour.delays()
        late = delays[len(delays) * 99 // 100]
        print(
            f"\n{name}: {seconds:.1f} s, {grown / MIB:+.1f} MiB, neighbour p50"
            f" {delays[len(delays) // 2] * 1000:.1f} p99 {late * 1000:.0f}"
            f" max {delays[-1] * 1000:.0f} ms of {len(delays)}; told {told}"
        )
        assert grown <= GROWTH_BYTES
        assert late < DELAY_SECONDS
        await asyncio.sleep(0.5)
    await stage.close()
