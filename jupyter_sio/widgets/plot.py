"""A line plot that is alive."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import traitlets

from jupyter_sio.kernel.stream import Stream
from jupyter_sio.widgets.live import (
    TitledWidget,
    built,
    check_columns,
    column_name,
    column_names,
    stream_names,
)


class LivePlot(TitledWidget):
    """Curves of one or more streams, drawn as their rows arrive; zoom, pan, follow or hold.

    Parameters
    ----------
    *streams : Stream or str
        What to draw; a name may be of a stream that does not exist yet.
    x : str, optional
        The column that is x: numbers, or times. Without it, the row's number.
    y : str or list of str, optional
        The columns to draw. Without it, every column of numbers.
    title : str
        Shown above the plot.
    height : int
        Of the drawing, in pixels.
    log : bool
        Begin with a logarithmic y axis; a button changes it. Afterwards: ``plot.log_y``.
    last : float or timedelta, optional
        Follow only so much of x, back from the newest; seconds where x is a time.
    max_rows : int
        Rows the page keeps of each column; the oldest leave.
    buttons : list of str
        Events to offer as buttons below the plot: pressing one sends it to this kernel's
        ``@sio.on`` handler, which runs while a cell runs; what it returns is shown.

    Raises
    ------
    TypeError, ValueError
        If something is not what it should be. Columns are checked here where the stream declared
        its own; where it did not, the plot says so when the first rows came.

    Examples
    --------
    >>> loss = sio.stream("loss")  # doctest: +SKIP
    >>> sio.LivePlot(loss, x="step", y="loss", log=True)  # doctest: +SKIP
    """

    kind = "plot"
    _esm = built("plot")

    streams = traitlets.List(traitlets.Unicode()).tag(sync=True)
    x = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    y = traitlets.List(traitlets.Unicode(), None, allow_none=True).tag(sync=True)
    height = traitlets.Int(min=80, max=4_000).tag(sync=True)
    log_y = traitlets.Bool().tag(sync=True)  # "log" is every widget's logger
    last = traitlets.Float(None, allow_none=True).tag(sync=True)
    max_rows = traitlets.Int(min=10_000, max=10_000_000).tag(sync=True)

    def __init__(
        self,
        *streams: Stream | str,
        x: str | None = None,
        y: str | Iterable[str] | None = None,
        title: str = "",
        height: int = 320,
        log: bool = False,
        last: float | timedelta | None = None,
        max_rows: int = 1_000_000,
        buttons: Iterable[str] = (),
    ) -> None:
        names = stream_names(streams, what="a plot")
        given_x = None if x is None else column_name(x, "x")
        given_y = column_names(y, "y")
        check_columns(streams, [*([] if given_x is None else [given_x]), *(given_y or ())])
        super().__init__(
            streams=names,
            x=given_x,
            y=given_y,
            title=title,
            height=height,
            log_y=log,
            last=_span(last),
            max_rows=max_rows,
            buttons=buttons,
        )

    def __repr__(self) -> str:
        given: dict[str, Any] = {"x": self.x, "y": self.y, "title": self.title}
        shown = [repr(name) for name in self.streams]
        shown += [f"{key}={value!r}" for key, value in given.items() if value]
        return f"LivePlot({', '.join(shown)})"


def _span(last: object) -> float | None:
    if last is None:
        return None
    if isinstance(last, timedelta):
        last = last.total_seconds()
    if isinstance(last, bool) or not isinstance(last, int | float):
        raise TypeError(f"last is a number (of x's unit, seconds for times); got {last!r}")
    if not 0 < last < float("inf"):
        raise ValueError(f"last is a number above 0; got {last!r}")
    return float(last)
