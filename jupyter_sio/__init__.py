"""Live data from notebooks to whoever may watch.

In a notebook::

    import jupyter_sio as sio

    loss = sio.stream("loss")
    for step in range(100_000):
        loss.push(step=step, loss=train())

Anywhere else::

    from jupyter_sio import watch

    for batch in watch("http://host/jupyter-sio/live/#SECRET", "loss"):
        print(batch.offset, batch.rows)

Every name is imported when it is first used (PEP 562): a kernel never loads the server's side,
nor a viewer the kernel's.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # what ``typing`` has, without the 5 ms that importing it takes

if TYPE_CHECKING:
    from typing import Any

    from jupyter_sio.errors import (
        BadRequest,
        CallFailed,
        CallTimeout,
        NotConnected,
        NotPermitted,
        Overflow,
        PatternError,
        Refused,
        RowError,
        SioError,
        Superseded,
    )
    from jupyter_sio.kernel.default import (
        call,
        connect,
        drain,
        emit,
        join,
        leave,
        mirror,
        on,
        share,
        stream,
        viewers,
        wait_for,
    )
    from jupyter_sio.kernel.publisher import Publisher
    from jupyter_sio.kernel.stream import Stream
    from jupyter_sio.kernel.viewers import Viewer
    from jupyter_sio.limits import HistoryBounds as History
    from jupyter_sio.loops import callbacks
    from jupyter_sio.loops.logs import logging_handler
    from jupyter_sio.loops.progress import progress
    from jupyter_sio.loops.run import run
    from jupyter_sio.viewer import Batch, Event, Gap, Reset, Status, awatch, watch
    from jupyter_sio.widgets import LiveImage, LiveLog, LivePlot, LiveTable, LiveValue

__version__ = "0.1.0"

__all__ = [
    "BadRequest",
    "Batch",
    "CallFailed",
    "CallTimeout",
    "Event",
    "Gap",
    "History",
    "LiveImage",
    "LiveLog",
    "LivePlot",
    "LiveTable",
    "LiveValue",
    "NotConnected",
    "NotPermitted",
    "Overflow",
    "PatternError",
    "Publisher",
    "Refused",
    "Reset",
    "RowError",
    "SioError",
    "Status",
    "Stream",
    "Superseded",
    "Viewer",
    "awatch",
    "call",
    "callbacks",
    "connect",
    "drain",
    "emit",
    "join",
    "leave",
    "logging_handler",
    "mirror",
    "on",
    "progress",
    "run",
    "share",
    "stream",
    "viewers",
    "wait_for",
    "watch",
]

# Where a name lives, if not among the errors.
_HOMES = {
    "History": "limits",
    "Publisher": "kernel.publisher",
    "Stream": "kernel.stream",
    "Viewer": "kernel.viewers",
    "logging_handler": "loops.logs",
    "progress": "loops.progress",
    "run": "loops.run",
    **dict.fromkeys(("Batch", "Event", "Gap", "Reset", "Status", "awatch", "watch"), "viewer"),
    **dict.fromkeys(("LiveImage", "LiveLog", "LivePlot", "LiveTable", "LiveValue"), "widgets"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'jupyter_sio' has no attribute {name!r}")
    value = _load(name)
    globals()[name] = value
    return value


def _load(name: str) -> Any:
    if name == "callbacks":
        return import_module("jupyter_sio.loops.callbacks")
    home = _HOMES.get(name, "errors" if name[0].isupper() else "kernel.default")
    module = import_module(f"jupyter_sio.{home}")
    return getattr(module, "HistoryBounds" if name == "History" else name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from jupyter_sio.server.app import JupyterSio

    return [{"module": "jupyter_sio", "app": JupyterSio}]
