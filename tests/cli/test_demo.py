"""`jupyter sio demo`: a real JupyterLab, as a user starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from jupyter_sio.cli import demo, main


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read()


def processes() -> set[int]:
    """Whose command line names a JupyterLab of the demo's."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"jupyterlab" in line and b"jupyter-sio-demo-" in line:
                found.add(int(entry.name))
    return found


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_the_notebook_with_the_extension_and_leaves_nothing(
    sign: signal.Signals, tmp_path: Path
) -> None:
    before = processes()
    command = [sys.executable, "-m", "jupyter_sio.cli", "demo", "--no-browser"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    ) as running:
        try:
            assert running.stdout is not None
            url = running.stdout.readline().strip()
            parts = urlsplit(url)
            base = f"{parts.scheme}://{parts.netloc}"
            assert (parts.hostname, parts.path) == ("127.0.0.1", f"/lab/tree/{demo.NOTEBOOK}")
            assert b"JupyterLab" in get(url)
            contents = json.loads(get(f"{base}/api/contents/{demo.NOTEBOOK}?{parts.query}"))
            assert contents["type"] == "notebook"
            assert json.loads(get(f"{base}/jupyter-sio/api/namespaces?{parts.query}")) == []
            plugin = "@jupyterlab/apputils-extension:notification"
            settings = json.loads(get(f"{base}/lab/api/settings/{plugin}?{parts.query}"))
            assert settings["schema"]["properties"]["fetchNews"]["default"] == "false"
            running.send_signal(sign)
            assert running.wait(30) == 130
        finally:
            running.kill()
    assert processes() == before
    assert list(tmp_path.glob("jupyter-sio-*")) == []  # what others leave there is theirs


def test_the_notebook_is_the_repositorys() -> None:
    beside = Path(demo.__file__).parents[2] / "notebooks" / demo.NOTEBOOK
    assert demo.find_notebook() == beside.read_bytes()


def test_without_jupyterlab_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["demo"]) == 1
    assert "pip install 'jupyter-sio[demo]'" in capsys.readouterr().err


def test_a_notebook_that_lies_there_already_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / demo.NOTEBOOK).write_text("mine")
    ends = [sys.executable, "-c", "raise SystemExit(7)"]
    monkeypatch.setattr(demo, "lab_command", lambda *args, **options: ends)
    assert main(["demo", "--directory", str(tmp_path)]) == 1
    assert "ended with code 7" in capsys.readouterr().err
    assert (tmp_path / demo.NOTEBOOK).read_text() == "mine"


def test_a_lab_that_does_not_start_is_given_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sleeps = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(demo, "lab_command", lambda *args, **options: sleeps)
    monkeypatch.setattr(demo, "START_SECONDS", 0.2)
    began = time.monotonic()
    assert main(["demo", "--directory", str(tmp_path)]) == 1
    assert "did not start within" in capsys.readouterr().err
    assert time.monotonic() - began < 15
