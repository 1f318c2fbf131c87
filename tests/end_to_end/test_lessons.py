"""Every lesson, from top to bottom, in an environment made as the lessons say; `make lessons`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client import BlockingKernelClient

from tests.end_to_end.conftest import REPOSITORY, Jupyter, start_jupyter, stop_jupyter, wait_for

LESSONS = sorted(path.name for path in (REPOSITORY / "notebooks").glob("*.ipynb"))
SECONDS = 120.0  # for one cell
pytestmark = [pytest.mark.lessons, pytest.mark.timeout(600)]


def install(home: Path) -> Path:
    """Make an environment of what the lessons say they need; returns its Python."""
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    # The front end is built already: ours, which the build takes as it is.
    env = {**os.environ, "HATCH_JUPYTER_BUILDER_SKIP_NPM": "1"}
    command = [python, "-m", "pip", "install", "-q", ".[demo]", "./examples/processes"]
    subprocess.run(command, check=True, cwd=REPOSITORY, env=env)
    return python


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """JupyterLab in that environment, which knows nothing of the one that the tests run in."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PYTHONPATH", "JUPYTER_PATH", "JUPYTER_CONFIG_PATH"):
            patch.delenv(name, raising=False)
        python = install(tmp_path_factory.mktemp("environment"))
        places = [tmp_path_factory.mktemp(name) for name in ("notebooks", "runtime")]
        jupyter = start_jupyter("jupyterlab", *places, python=python)
    yield jupyter
    stop_jupyter(jupyter)


@pytest.fixture
def kernel(fresh: Jupyter) -> Iterator[BlockingKernelClient]:
    id = fresh.api("api/kernels", "POST", {"name": "python3"})["id"]
    file = fresh.runtime / f"kernel-{id}.json"
    wait_for(lambda: file.is_file() and file.stat().st_size, "the kernel's connection file")
    client = BlockingKernelClient(connection_file=str(file))
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    yield client
    client.stop_channels()
    fresh.api(f"api/kernels/{id}", "DELETE")


@pytest.mark.parametrize("lesson", LESSONS)
def test_it_runs_where_nothing_else_is_installed(
    lesson: str, kernel: BlockingKernelClient, fresh: Jupyter
) -> None:
    notebook = json.loads((REPOSITORY / "notebooks" / lesson).read_text())
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            reply = kernel.execute_interactive("".join(cell["source"]), timeout=SECONDS)
            assert reply["content"]["status"] == "ok", "\n".join(reply["content"]["traceback"])
    live = [each for each in fresh.kernels() if each["state"] != "dead"]
    assert [each["publisher"] for each in live] == ["online"]
    assert live[0]["streams"], "nothing was shown"
