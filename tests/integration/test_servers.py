"""Kernels find the server that started them: over TLS, a unix socket, an escaped base URL, nested.

Each test starts a real ``jupyter server`` as a process of its own.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
from jupyter_client import BlockingKernelClient

from tests.leaks import found_in

SECONDS = 40.0

# Runs in the server's process once it is up: starts a kernel, as a notebook would.
STARTER = """
import asyncio
def _load_jupyter_server_extension(serverapp):
    pass
async def _start_jupyter_server_extension(serverapp):
    await serverapp.kernel_manager.start_kernel(kernel_name="python3")
def _jupyter_server_extension_points():
    return [{"module": "starter"}]
"""
PUBLISH = """
import jupyter_sio as sio
sio.connect(required=True)
rows = sio.stream("rows")
rows.push(a=1)
assert rows.flush(10), rows.statistics()
"""


@dataclass
class Started:
    process: subprocess.Popen[bytes]
    runtime: Path
    info: dict[str, Any]

    def _connection_file(self) -> Path | None:
        written = (path for path in self.runtime.glob("kernel-*.json") if path.stat().st_size)
        return next(written, None)

    def kernel(self) -> BlockingKernelClient:
        """Connect to the kernel that it started, through its connection file."""
        path = until(self._connection_file, "a kernel's connection file")
        client = BlockingKernelClient(connection_file=str(path))
        client.load_connection_file()
        client.start_channels()
        until(lambda: ready(client), "the kernel to answer")
        return client


def ready(client: BlockingKernelClient) -> bool:
    """Whether the kernel answers; on a busy machine its heartbeat may miss a beat first."""
    try:
        client.wait_for_ready(timeout=SECONDS)
    except RuntimeError:
        return False
    return True


def until(true: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {SECONDS:.0f} s for {what}")


def execute(client: BlockingKernelClient, code: str) -> str:
    """Run code in a kernel; returns what it printed, fails if it raised."""
    printed: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        content = message["content"]
        printed.append(content.get("text", "") + "\n".join(content.get("traceback", [])))

    reply = client.execute_interactive(code, timeout=SECONDS, output_hook=hear)
    assert reply["content"]["status"] == "ok", "".join(printed)
    return "".join(printed)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Started]]:
    running: list[subprocess.Popen[bytes]] = []
    known: list[str] = []

    def begin(*options: str, enabled: bool = True, **env: str) -> Started:
        home = tmp_path / str(len(running))
        runtime = home / "runtime"
        runtime.mkdir(parents=True)
        (home / "starter.py").write_text(STARTER)
        known.append(token := secrets.token_hex(16))
        everything = {
            **os.environ,
            "JUPYTER_RUNTIME_DIR": str(runtime),
            "JUPYTER_CONFIG_DIR": str(home),
            "JUPYTER_TOKEN": token,
            "PYTHONPATH": os.pathsep.join(
                [str(home), *filter(None, [os.environ.get("PYTHONPATH")])]
            ),
            **env,
        }
        log = (home / "log").open("wb")
        extensions = {"starter": True, "jupyter_sio": enabled, "jupyter_server_terminals": False}
        where = () if any("--ServerApp.sock" in option for option in options) else ("--port=0",)
        process = subprocess.Popen(
            [
                sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", *where,
                f"--ServerApp.jpserver_extensions={extensions}", *options,
            ],
            env=everything, cwd=home, stdout=log, stderr=log,
        )  # fmt: skip
        log.close()
        running.append(process)
        path = runtime / f"jpserver-{process.pid}.json"
        until(lambda: path.exists() or process.poll() is not None, "the server")
        assert process.poll() is None, (home / "log").read_text()[-3000:]
        until(path.read_text, "the server's info file")
        return Started(process, runtime, json.loads(path.read_text()))

    yield begin
    for process in running:
        process.terminate()
        process.wait(20)
    for log in tmp_path.rglob("log"):
        assert found_in(log.read_text(errors="replace"), known) == []


def test_over_tls_with_a_certificate_nobody_signed(start, tmp_path):
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    chain = tmp_path / "cert.pem"
    certificate.private_key_and_cert_chain_pem.write_to_path(str(chain))
    authority.cert_pem.write_to_path(str(chain), append=True)
    server = start(f"--ServerApp.certfile={chain}", "--ServerApp.ip=127.0.0.1")
    assert server.info["url"].startswith("https://")
    client = server.kernel()
    execute(client, PUBLISH)
    client.stop_channels()


def test_over_tls_with_a_certificate_named_by_the_user(start, tmp_path):
    authority = trustme.CA()
    chain, trusted = tmp_path / "cert.pem", tmp_path / "ca.pem"
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        str(chain)
    )
    authority.cert_pem.write_to_path(str(trusted))
    server = start(f"--ServerApp.certfile={chain}", JUPYTER_SIO_CA=str(trusted))
    client = server.kernel()
    execute(client, PUBLISH)
    client.stop_channels()


def test_over_a_unix_socket(start, tmp_path):
    # A path of a socket may have about 100 characters.
    place = Path(f"/tmp/jupyter-sio-{os.getpid()}.sock")
    server = start(f"--ServerApp.sock={place}")
    client = server.kernel()
    execute(client, PUBLISH)
    client.stop_channels()


def test_under_an_escaped_base_url(start):
    server = start("--ServerApp.base_url=/user/a%40b/", "--ServerApp.ip=127.0.0.1")
    assert "/user/a%40b/" in server.info["url"]
    client = server.kernel()
    execute(client, PUBLISH)
    client.stop_channels()


def test_a_server_started_from_a_terminal_of_another_is_not_taken_for_it(start):
    told_by_the_first = json.dumps({"pid": os.getpid(), "url": "http://127.0.0.1:9/", "sock": ""})
    server = start("--ServerApp.ip=127.0.0.1", JUPYTER_SIO_SERVER=told_by_the_first)
    client = server.kernel()
    execute(client, PUBLISH)
    found = execute(client, "print(sio.connect().server_url)")
    assert found.strip() == server.info["url"]
    client.stop_channels()


def test_without_the_extension_there_is_one_clear_warning_and_the_loop_goes_on(start):
    server = start("--ServerApp.ip=127.0.0.1", enabled=False)
    client = server.kernel()
    printed = execute(
        client,
        "import warnings, jupyter_sio as sio\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        "    rows = sio.stream('rows')\n"
        "    for i in range(1000):\n        rows.push(i=i)\n"
        "print(len(caught), caught[0].message, rows.statistics().rows, rows.statistics().dropped)",
    )
    assert printed.startswith("1 jupyter_sio:") and "does not have jupyter_sio enabled" in printed
    assert printed.strip().endswith("1000 1000")
    client.stop_channels()
