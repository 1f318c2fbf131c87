"""A real JupyterLab, or Notebook, in a subprocess and a real Chromium in front of it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import browser, jp_asyncio_loop, jp_server_cleanup, page

__all__ = ["browser", "jp_asyncio_loop", "jp_server_cleanup", "page"]

from tests.end_to_end.two_notebooks import CELLS, READY, RUN, SHOW, TRAINING, kernel, notebook
from tests.leaks import found_in

REPOSITORY = Path(__file__).parents[2]
PATIENCE = 60.0


@dataclass
class Jupyter:
    """One running server and where its notebooks lie."""

    url: str
    token: str
    root: Path
    runtime: Path
    process: subprocess.Popen[bytes]

    def api(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Ask the server over REST; returns the JSON answer, None if there is none."""
        request = Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}"},
        )
        with urlopen(request, timeout=30) as response:
            text = response.read()
        return json.loads(text) if text else None

    def kernels(self) -> list[dict[str, Any]]:
        """List the namespaces that are live."""
        return self.api("jupyter-sio/api/namespaces")

    def kernel_of(self, path: str) -> dict[str, Any]:
        """Find the namespace of a notebook's kernel; one that has ended counts too."""
        (found,) = (kernel for kernel in self.kernels() if kernel["path"] == path)
        return found


def wait_for(true: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Wait until ``true()`` is; an exception counts as not yet."""
    deadline = time.monotonic() + seconds
    problem: Exception | None = None
    while time.monotonic() < deadline:
        try:
            if found := true():
                return found
        except Exception as exc:  # noqa: BLE001  the last one is shown
            problem = exc
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds:.0f} s for {what}; last: {problem!r}")


def start_jupyter(
    application: str, root: Path, runtime: Path, *options: str, python: str | Path = sys.executable
) -> Jupyter:
    """Start ``jupyter lab`` or ``jupyter notebook`` on a free port."""
    token = secrets.token_hex(16)
    env = {
        **os.environ,
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "JUPYTER_CONFIG_DIR": str(runtime / "config"),
        "JUPYTER_TOKEN": token,
        "JUPYTERLAB_SETTINGS_DIR": str(runtime / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(runtime / "workspaces"),
    }
    settings = runtime / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
    with open(runtime / "server.log", "wb") as log:
        process = subprocess.Popen(
            [
                python, "-m", application, "--no-browser", "--port=0",
                "--ServerApp.ip=127.0.0.1", "--ServerApp.base_url=/user/a%40b/",
                "--allow-root",
                "--LabApp.expose_app_in_browser=True", "--LabApp.news_url=None",
                "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
                "--JupyterNotebookApp.expose_app_in_browser=True",
                f"--ServerApp.root_dir={root}", *options,
            ],
            env=env, stdout=log, stderr=log, cwd=root,
        )  # fmt: skip

    def info() -> dict[str, Any]:
        assert process.poll() is None, (runtime / "server.log").read_text()[-3000:]
        return json.loads((runtime / f"jpserver-{process.pid}.json").read_text())

    found = wait_for(info, f"{application} to start")
    jupyter = Jupyter(found["url"], token, root, runtime, process)
    wait_for(lambda: jupyter.api("api/status"), f"{application} to answer")
    return jupyter


def stop_jupyter(jupyter: Jupyter) -> None:
    """Interrupt the server as Ctrl-C twice does, and see it end."""
    jupyter.process.send_signal(signal.SIGTERM)
    try:
        jupyter.process.wait(20)
    except subprocess.TimeoutExpired:
        jupyter.process.kill()
        jupyter.process.wait()
        raise
    log = (jupyter.runtime / "server.log").read_text(errors="replace")
    assert found_in(log, [jupyter.token]) == []


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    root = tmp_path_factory.mktemp("notebooks")
    shutil.copy(REPOSITORY / "notebooks" / "01_first_stream.ipynb", root)
    jupyter = start_jupyter("jupyterlab", root, tmp_path_factory.mktemp("runtime"))
    yield jupyter
    stop_jupyter(jupyter)


# --- two notebooks, and the panel beside one of them -------------------------------------------


def open_lab(page: Page, lab: Jupyter, path: str) -> None:
    page.goto(f"{lab.url}lab/tree/{path}?reset&token={lab.token}")
    wait_for(lambda: page.evaluate(READY, path), f"the kernel of {path}")


@pytest.fixture(scope="package")
def live(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """A server on which both notebooks have been run."""
    root = tmp_path_factory.mktemp("notebooks")
    for path, cell in CELLS.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(notebook(cell))
    lab = start_jupyter("jupyterlab", root, tmp_path_factory.mktemp("runtime"))
    page = browser.new_page()
    for path in CELLS:
        open_lab(page, lab, path)
        page.evaluate(RUN)
        wait_for(lambda p=path: lab.kernel_of(p)["streams"], f"streams of {path}")
    page.close()
    yield lab
    stop_jupyter(lab)


@pytest.fixture
def panel(page: Page, live: Jupyter) -> Locator:
    """The panel, beside the notebook that trains."""
    open_lab(page, live, TRAINING)
    page.evaluate(SHOW)
    panel = page.get_by_role("region", name="Live data")
    expect(kernel(panel, TRAINING).get_by_role("heading", name="Streams (2)")).to_be_visible()
    return panel
