"""One number, or word, that is alive."""

from __future__ import annotations

import re

import traitlets

from jupyter_sio.kernel.stream import Stream
from jupyter_sio.widgets.live import (
    LiveWidget,
    built,
    check_columns,
    column_name,
    stream_names,
)

# The part of Python's format language that the page understands: src/view/format.ts.
_FORMAT = re.compile(r"[+ ]?[,_]?(\.\d{1,2})?[deEfFgG%]?\Z")


class LiveValue(LiveWidget):
    """The newest value of a column, large, and when it came.

    Parameters
    ----------
    stream : Stream or str
        Where it comes from; a name may be of a stream that does not exist yet.
    column : str
        Which column. The default is the one column of a stream whose rows are plain values.
    format : str
        How to write numbers, in Python's format language: ``".3f"``, ``",d"``, ``".1%"``,
        ``"+.2e"``. Without it, six significant digits.
    unit : str
        Shown after the number.
    label : str
        Shown above it; the column's name if not given.

    Raises
    ------
    TypeError, ValueError
        If something is not what it should be.

    Examples
    --------
    >>> sio.LiveValue(sio.stream("loss"), "loss", format=".4f")  # doctest: +SKIP
    """

    kind = "value"
    _esm = built("value")

    stream = traitlets.Unicode().tag(sync=True)
    column = traitlets.Unicode().tag(sync=True)
    format = traitlets.Unicode().tag(sync=True)
    unit = traitlets.Unicode().tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        stream: Stream | str,
        column: str = "value",
        *,
        format: str = "",
        unit: str = "",
        label: str = "",
    ) -> None:
        (name,) = stream_names([stream], what="a value")
        check_columns([stream], [column_name(column, "column")])
        super().__init__(stream=name, column=column, format=format, unit=unit, label=label)

    def __repr__(self) -> str:
        return f"LiveValue({self.stream!r}, {self.column!r})"

    @traitlets.validate("format")
    def _check_format(self, proposal: dict[str, str]) -> str:
        spec = proposal["value"]
        if not _FORMAT.match(spec):
            raise ValueError(
                f"format is [+][,][.digits][d e f g or %], as in '.3f', ',d' or '.1%'; got {spec!r}"
            )
        return spec
