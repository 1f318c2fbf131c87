"""The façade: what ``import jupyter_sio`` offers, that it is lazy, and that it is all ours."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import jupyter_sio

ROOT = Path(__file__).parents[1]
# What the documentation tells people to type.
PROMISED = {
    *("connect", "stream", "emit", "on", "wait_for", "drain", "call", "viewers", "join", "leave"),
    *("watch", "awatch", "Publisher", "Stream", "Viewer", "History", "LivePlot", "LiveValue"),
    *("LiveImage", "LiveLog", "LiveTable"),
    *("Batch", "Gap", "Reset", "Status", "Event"),
    *("progress", "logging_handler", "run", "callbacks"),
    *("SioError", "NotConnected", "NotPermitted", "Overflow", "RowError", "CallFailed"),
}
HEAVY = ("tornado.web", "jupyter_server", "socketio", "engineio", "anywidget", "IPython", "asyncio")


def in_fresh_interpreter(code: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_everything_promised_is_there_and_listed():
    assert set(jupyter_sio.__all__) >= PROMISED
    assert set(dir(jupyter_sio)) >= PROMISED


@pytest.mark.parametrize("name", sorted(jupyter_sio.__all__))
def test_every_public_name_is_our_own(name):
    thing = getattr(jupyter_sio, name)
    owner = thing.__name__ if inspect.ismodule(thing) else getattr(thing, "__module__", "")
    assert owner.split(".")[0] == "jupyter_sio" or name == "__version__"


@pytest.mark.parametrize("name", sorted(jupyter_sio.__all__))
def test_every_public_name_explains_itself(name):
    assert inspect.getdoc(getattr(jupyter_sio, name))


def test_an_unknown_name_is_an_attribute_error_that_names_it():
    with pytest.raises(AttributeError, match="strem"):
        _ = jupyter_sio.strem


def test_importing_loads_nothing_heavy():
    code = "import sys, json, jupyter_sio; print(json.dumps(sorted(sys.modules)))"
    loaded = set(json.loads(in_fresh_interpreter(code)))
    assert not loaded & set(HEAVY)


def test_making_a_stream_in_a_kernel_loads_no_server():
    code = """
import json, sys, warnings
warnings.simplefilter("ignore")
import jupyter_sio
jupyter_sio.stream("loss").push(step=1)
print(json.dumps(sorted(sys.modules)))
"""
    loaded = set(json.loads(in_fresh_interpreter(code)))
    assert not loaded & {"tornado.web", "jupyter_server", "socketio", "engineio", "anywidget"}


def test_importing_takes_less_than_50_ms():
    code = """
import time
begin = time.perf_counter()
import jupyter_sio
print(time.perf_counter() - begin)
"""
    # The best of five: what a busy machine adds is not ours.
    assert min(float(in_fresh_interpreter(code)) for _ in range(5)) < 0.050
