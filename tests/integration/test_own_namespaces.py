"""The example of a server extension with namespaces of its own, and the lesson that uses it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen as Process
from typing import Any

import pytest

from jupyter_sio.protocol.socketio import JoinRefused
from tests.integration.conftest import Server
from tests.integration.test_kernel import run
from tests.integration.test_notebooks import cells
from tests.wire import Wire

EXAMPLE = Path(__file__).parents[2] / "examples" / "processes"


@pytest.fixture
def jp_server_config(
    jp_server_config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """Load the example, as the line of configuration in its package does."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    jp_server_config["ServerApp"]["jpserver_extensions"]["sio_processes"] = True
    return jp_server_config


@pytest.fixture
def sleeper() -> Iterator[Process]:
    """Start a process to watch."""
    with Process(["sleep", "60"]) as process:
        yield process
        process.kill()


async def watcher(server: Server, namespace: str) -> tuple[Wire, Any]:
    wire = await Wire.open(server.socket_url, headers=server.headers)
    return wire, await wire.join(namespace)


async def test_usage_is_for_everybody_and_children_for_those_who_asked(
    server: Server, sleeper: Process
):
    namespace = f"/processes/{os.getpid()}"
    (ada, _), (bob, _) = [await watcher(server, namespace) for _ in range(2)]
    assert "children" in await ada.ask(namespace, "children")
    (rows,) = await ada.first("children")
    assert {"pid": sleeper.pid, "name": "sleep"}.items() <= rows[0].items()
    (usage,) = await bob.first("usage", 2)
    assert usage["memory_mb"] > 10
    assert bob.of("children") == []
    await asyncio.gather(ada.close(), bob.close())


async def test_a_process_is_measured_while_somebody_watches(server: Server, sleeper: Process):
    tasks = asyncio.all_tasks

    def measuring() -> int:
        return sum("Processes.measure" in repr(task) for task in tasks())

    namespace = f"/processes/{sleeper.pid}"
    watchers = [(await watcher(server, namespace))[0] for _ in range(2)]
    await watchers[0].first("usage")
    assert measuring() == 1
    await asyncio.gather(*(wire.close() for wire in watchers))
    while measuring():
        await asyncio.sleep(0.02)
    assert server.sio.router.live("/processes/**") == []


@pytest.mark.parametrize(
    ("pid", "message"),
    [
        (1 << 40, "there is no such process of yours"),
        (10**30, "there is no such process of yours"),
        ("init", "no such namespace"),
    ],
)
async def test_what_is_no_process_is_refused(server: Server, pid: object, message: str):
    wire, answer = await watcher(server, f"/processes/{pid}")
    assert isinstance(answer, JoinRefused)
    assert (answer.message, answer.data["code"]) == (message, 3507)
    await wire.close()


async def test_somebody_elses_process_is_refused_like_one_that_is_not_there(
    server: Server, sleeper: Process, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sio_processes.ME", "somebody else")
    wire, answer = await watcher(server, f"/processes/{sleeper.pid}")
    assert isinstance(answer, JoinRefused)
    assert answer.message == "there is no such process of yours"
    await wire.close()


@pytest.mark.parametrize("reaped", [True, False])
async def test_when_the_process_ends_so_does_its_namespace(
    server: Server, sleeper: Process, reaped: bool
):
    wire, _ = await watcher(server, f"/processes/{sleeper.pid}")
    await wire.first("usage")
    sleeper.kill()
    if reaped:
        sleeper.wait()
    (bye,) = await wire.first("$bye")
    assert (bye["code"], bye["reason"]) == (3503, "the process has ended")
    await wire.until_closed()


@pytest.mark.timeout(120)
async def test_the_sixth_lesson_watches_its_job_to_the_end(server: Server, kernel_id: str):
    server.serverapp.write_server_info_file()  # as a server does that is started by its command
    lesson = cells("06_a_namespace_of_your_own.ipynb")
    printed = [await run(server, kernel_id, cell) for cell in lesson]
    refused, ended = [text.strip() for text in printed if text.strip()]
    assert "there is no such process of yours\n/processes/init: no such namespace" in refused
    assert ended == "the job ended with 0"
    streams = server.sio.registry.namespaces[kernel_id].streams
    assert streams["usage"].history.next > 4
    assert streams["children"].history.next > 2
