"""Live views of streams in a notebook: anywidget classes, imported when they are first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_sio.widgets.image import LiveImage
    from jupyter_sio.widgets.log import LiveLog
    from jupyter_sio.widgets.plot import LivePlot
    from jupyter_sio.widgets.table import LiveTable
    from jupyter_sio.widgets.value import LiveValue

__all__ = ["LiveImage", "LiveLog", "LivePlot", "LiveTable", "LiveValue"]

_HOMES = {name: name.removeprefix("Live").lower() for name in __all__}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'jupyter_sio.widgets' has no attribute {name!r}")
    value = getattr(import_module(f"jupyter_sio.widgets.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
