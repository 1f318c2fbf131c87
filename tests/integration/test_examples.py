"""The examples, run as a user would, against the real server."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

from tests.integration.conftest import Server
from tests.integration.stage import Stage
from tests.viewer.peer import table

REPOSITORY = Path(__file__).parents[2]


async def start(directory: Path, *arguments: str) -> asyncio.subprocess.Process:
    """Run viewer.mjs with the packages that the labextension has installed."""
    shutil.copy(REPOSITORY / "examples" / "viewer.mjs", directory)
    packages = REPOSITORY / "labextension" / "node_modules"
    assert packages.exists(), "cd labextension && npm ci"
    (directory / "node_modules").symlink_to(packages)
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        "node", str(directory / "viewer.mjs"), *arguments, stdout=pipe, stderr=pipe
    )


async def line(viewer: asyncio.subprocess.Process) -> object:
    assert viewer.stdout is not None
    return json.loads(await asyncio.wait_for(viewer.stdout.readline(), 20))


async def test_a_plain_socket_io_client_watches_and_resumes(
    server: Server, stage: Stage, tmp_path: Path
):
    opened = await stage.open("loss")
    await stage.publish(opened["id"], 0, 3, table(0, 3))
    viewer = await start(tmp_path, server.url, stage.kernel_id, server.token, "loss")
    assert [await line(viewer) for _ in range(3)] == [{"x": 0}, {"x": 1}, {"x": 2}]

    for session in stage.sessions():
        if not session.access.publisher:
            session.abort()
    await stage.publish(opened["id"], 3, 2, table(3, 2))
    assert [await line(viewer) for _ in range(2)] == [{"x": 3}, {"x": 4}]

    await server.serverapp.kernel_manager.shutdown_kernel(stage.kernel_id, now=True)
    out, err = await asyncio.wait_for(viewer.communicate(), 20)
    assert (out, viewer.returncode) == (b"", 0)
    assert b"kernel" in err


async def test_a_plain_socket_io_client_hears_that_there_is_no_such_kernel(
    server: Server, tmp_path: Path
):
    viewer = await start(tmp_path, server.url, "no-such-kernel", server.token, "loss")
    out, err = await asyncio.wait_for(viewer.communicate(), 20)
    assert (out, err, viewer.returncode) == (b"", b"no such namespace\n", 0)
