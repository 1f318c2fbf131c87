"""A table that is alive."""

from __future__ import annotations

from collections.abc import Iterable

import traitlets

from jupyter_sio.kernel.stream import Stream
from jupyter_sio.widgets.live import (
    TitledWidget,
    built,
    check_columns,
    column_names,
    stream_names,
)


class LiveTable(TitledWidget):
    """The rows of a stream as they arrive; scroll up to hold, to the end to follow.

    Only the rows in view are in the page: a million rows scroll as a hundred do.

    Parameters
    ----------
    stream : Stream or str
        Where they come from; a name may be of a stream that does not exist yet.
    columns : list of str, optional
        The columns to show, in this order. Without it all, up to 50.
    title : str
        Shown above the table.
    height : int
        Of the rows in view, in pixels.
    max_rows : int
        Rows the page keeps, of 160 bytes on average; the oldest leave.
    buttons : list of str
        Events to offer as buttons, as those of ``LivePlot``.

    Raises
    ------
    TypeError, ValueError
        If something is not what it should be.

    Examples
    --------
    >>> sio.LiveTable(sio.stream("orders"), columns=["time", "price"])  # doctest: +SKIP
    """

    kind = "table"
    _esm = built("table")

    stream = traitlets.Unicode().tag(sync=True)
    columns = traitlets.List(traitlets.Unicode(), None, allow_none=True).tag(sync=True)
    height = traitlets.Int(min=80, max=4_000).tag(sync=True)
    max_rows = traitlets.Int(min=10_000, max=10_000_000).tag(sync=True)

    def __init__(
        self,
        stream: Stream | str,
        columns: str | Iterable[str] | None = None,
        *,
        title: str = "",
        height: int = 280,
        max_rows: int = 1_000_000,
        buttons: Iterable[str] = (),
    ) -> None:
        (name,) = stream_names([stream], what="a table")
        given = column_names(columns, "columns")
        check_columns([stream], given or ())
        super().__init__(
            stream=name,
            columns=given,
            title=title,
            height=height,
            max_rows=max_rows,
            buttons=buttons,
        )

    def __repr__(self) -> str:
        columns = f", columns={self.columns!r}" if self.columns else ""
        return f"LiveTable({self.stream!r}{columns})"
