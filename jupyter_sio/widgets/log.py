"""A log that is alive."""

from __future__ import annotations

from collections.abc import Iterable

import traitlets

from jupyter_sio.kernel.stream import Stream
from jupyter_sio.widgets.live import TitledWidget, built, stream_names

_LEVELS = ("", "debug", "info", "warning", "error")


class LiveLog(TitledWidget):
    """The lines of a stream as they arrive, searched and kept to what is grave.

    A row is a line: its message, level and time are found by their columns' names (as
    ``sio.logging_handler`` and most loggers have them), and what else it has follows.

    Parameters
    ----------
    stream : Stream or str
        Where they come from; a name may be of a stream that does not exist yet.
    title : str
        Shown above the lines.
    height : int
        Of the lines in view, in pixels.
    level : str
        The least grave level to begin with: ``"debug"``, ``"info"``, ``"warning"`` or
        ``"error"``; without it, all lines. The reader may choose another.
    max_lines : int
        Lines the page keeps, and searches; the oldest leave. It draws the newest 1,000 that fit.
    buttons : list of str
        Events to offer as buttons, as those of ``LivePlot``.

    Raises
    ------
    TypeError, ValueError
        If something is not what it should be.

    Examples
    --------
    >>> logging.getLogger().addHandler(sio.logging_handler())  # doctest: +SKIP
    >>> sio.LiveLog("log", level="warning")  # doctest: +SKIP
    """

    kind = "log"
    _esm = built("log")

    stream = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(min=80, max=4_000).tag(sync=True)
    level = traitlets.Unicode().tag(sync=True)
    max_lines = traitlets.Int(min=100, max=100_000).tag(sync=True)

    def __init__(
        self,
        stream: Stream | str,
        *,
        title: str = "",
        height: int = 280,
        level: str = "",
        max_lines: int = 10_000,
        buttons: Iterable[str] = (),
    ) -> None:
        (name,) = stream_names([stream], what="a log")
        super().__init__(
            stream=name,
            title=title,
            height=height,
            level=level,
            max_lines=max_lines,
            buttons=buttons,
        )

    def __repr__(self) -> str:
        level = f", level={self.level!r}" if self.level else ""
        return f"LiveLog({self.stream!r}{level})"

    @traitlets.validate("level")
    def _check_level(self, proposal: dict[str, str]) -> str:
        level = proposal["value"]
        if level not in _LEVELS:
            known = ", ".join(repr(each) for each in _LEVELS[1:])
            raise ValueError(f"level is one of {known}, or '' for all lines; got {level!r}")
        return level
