"""`jupyter sio demo`: JupyterLab with the demo notebook, ready to run."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from types import FrameType
from typing import Any

from jupyter_sio.cli.problem import Problem

NAME = "demo"
HELP = "open JupyterLab with the demo notebook"
DESCRIPTION = """\
Open JupyterLab with a notebook that shows live data. It works on a copy in a temporary
directory, on a free port of this machine, and ends with Ctrl-C."""

NOTEBOOK = "01_first_stream.ipynb"
# A first start would ask, over the notebook, whether it may fetch news.
SETTINGS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}

START_SECONDS = 60.0
STOP_SECONDS = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what it takes."""
    parser.add_argument(
        "--no-browser", action="store_true", help="do not open a browser, only print the address"
    )
    parser.add_argument(
        "--directory", type=Path, help="put the notebook there, where it stays, instead"
    )


def run(options: argparse.Namespace) -> int:
    """Run JupyterLab until it ends, or until Ctrl-C."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise Problem("the demo needs JupyterLab: pip install 'jupyter-sio[demo]'")
    with _temporary_directory() as made:
        directory = options.directory.resolve() if options.directory else made / "notebooks"
        directory.mkdir(parents=True, exist_ok=True)
        notebook = directory / NOTEBOOK
        if not notebook.exists():
            notebook.write_bytes(find_notebook())
        command = lab_command(notebook, port=_free_port(), browser=not options.no_browser)
        with _running(command, configuration=_configuration(made)) as process:
            print(f"{_address(process)}\nCtrl-C ends it.", flush=True)
            return process.wait()


def find_notebook() -> bytes:
    """Read the notebook: installed with the package, or in the repository beside it."""
    package = resources.files("jupyter_sio")
    beside = Path(str(package)).parent / "notebooks" / NOTEBOOK
    for place in (package / "demo" / NOTEBOOK, beside):
        if place.is_file():
            return place.read_bytes()
    raise Problem(f"the demo notebook {NOTEBOOK} is missing: install jupyter_sio again")


def lab_command(notebook: Path, *, port: int, browser: bool) -> list[str]:
    """Write JupyterLab's command line."""
    return [
        *(sys.executable, "-m", "jupyterlab", str(notebook)),
        f"--ServerApp.root_dir={notebook.parent}",
        f"--ServerApp.port={port}",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.open_browser={browser}",
        # On this machine and with a token only, so that root of a container may try it, too.
        "--ServerApp.allow_root=True",
        "--Application.log_level=WARN",
        "--ServerApp.jpserver_extensions=jupyter_sio=True",
    ]


@contextlib.contextmanager
def _temporary_directory() -> Iterator[Path]:
    made = tempfile.mkdtemp(prefix="jupyter-sio-demo-")
    try:
        yield Path(made).resolve()
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _configuration(made: Path) -> Path:
    """Write what is configured here beside what the user has."""
    overrides = made / "config" / "labconfig" / "default_setting_overrides.json"
    overrides.parent.mkdir(parents=True)
    overrides.write_text(json.dumps(SETTINGS))
    return made / "config"


@contextlib.contextmanager
def _running(command: list[str], *, configuration: Path) -> Iterator[subprocess.Popen[bytes]]:
    paths = [str(configuration), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    process = subprocess.Popen(
        command,
        # In a session of its own Ctrl-C reaches us alone: JupyterLab would ask if it was meant.
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(paths)},
    )
    before = {sign: signal.signal(sign, _interrupt) for sign in _signals()}
    try:
        yield process
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _signals() -> list[signal.Signals]:
    return [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _address(process: subprocess.Popen[bytes]) -> str:
    """Wait until JupyterLab serves; returns the notebook's address, with the token."""
    from jupyter_core.paths import jupyter_runtime_dir

    found = Path(jupyter_runtime_dir()) / f"jpserver-{process.pid}.json"
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise Problem(
                f"JupyterLab ended with code {process.returncode}; see its messages above"
            )
        with contextlib.suppress(OSError, ValueError):
            info: dict[str, Any] = json.loads(found.read_text())
            query = f"?token={info['token']}" if info["token"] else ""
            # The file is there a moment before the server listens.
            socket.create_connection((info["hostname"], info["port"]), timeout=1.0).close()
            return f"{info['url']}lab/tree/{NOTEBOOK}{query}"
        time.sleep(0.1)
    raise Problem(f"JupyterLab did not start within {START_SECONDS:.0f} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
