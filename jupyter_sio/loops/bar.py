"""A progress bar as text and as HTML, and where it is drawn."""

from __future__ import annotations

import math
import shutil
import sys
import threading
import weakref
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol, TextIO
from uuid import uuid4

from jupyter_sio.loops.cells import running_shell

_WIDTH = 24
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_CLEAR = "\x1b[K"
_UP = "\x1b[A"


@dataclass(frozen=True)
class Reading:
    """What a bar says at one moment. ``elapsed`` and ``eta`` in seconds, ``rate`` per second."""

    n: float
    total: float | None
    elapsed: float
    rate: float | None
    eta: float | None
    desc: str
    unit: str
    postfix: str
    state: str


def line(reading: Reading, *, scale: int = 0, width: int = 10_000) -> str:
    """Write it as one line of at most ``width`` characters; ``scale`` as 1000 or 1024 if not 0."""
    count, total = _count(reading.n, scale), reading.total
    rate = _rate(reading.rate, reading.unit, scale)
    since = clock(reading.elapsed)
    after = f", {reading.postfix}" if reading.postfix else ""
    stopped = " stopped" if reading.state == "stopped" else ""
    head = f"{reading.desc}: " if reading.desc else ""
    if not total:
        return f"{head}{count}{reading.unit} [{since}, {rate}{after}]{stopped}"[:width]
    left = "?" if reading.eta is None else clock(reading.eta)
    done = min(1.0, reading.n / total)
    tail = f" {count}/{_count(total, scale)} [{since}<{left}, {rate}{after}]{stopped}"
    head += f"{math.floor(done * 100):3d}%"
    room = min(_WIDTH, width - len(head) - len(tail) - 2)
    drawn = f"|{_drawn(done, room)}|" if room >= 4 else ""
    return f"{head}{drawn}{tail}"[:width]


def html(reading: Reading, *, scale: int = 0) -> str:
    """Write it as HTML that needs no script and no style sheet."""
    total = f' max="{reading.total:g}" value="{reading.n:g}"' if reading.total else ""
    bar = "" if reading.state != "running" and not total else f"<progress{total}></progress> "
    return f"<div>{bar}<code>{escape(line(reading, scale=scale))}</code></div>"


def clock(seconds: float) -> str:
    """Write seconds as m:ss or h:mm:ss."""
    minutes, s = divmod(int(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f"{hours:d}:{m:02d}:{s:02d}" if hours else f"{m:02d}:{s:02d}"


def _count(value: float, scale: int) -> str:
    if not scale:
        return f"{value:g}" if value != int(value) else str(int(value))
    for unit in ("", "k", "M", "G", "T", "P"):
        if abs(value) < 999.5:
            return f"{value:.3g}{unit}"
        value /= scale
    return f"{value:.3g}E"


def _rate(rate: float | None, unit: str, scale: int) -> str:
    if not rate:
        return f"?{unit}/s"
    if rate < 1:
        return f"{1 / rate:.2f}s/{unit}"
    return f"{_count(rate, scale) if scale else f'{rate:.2f}'}{unit}/s"


def _drawn(done: float, width: int) -> str:
    full, rest = divmod(int(done * width * 8), 8)
    return (_EIGHTHS[8] * full + (_EIGHTHS[rest] if full < width else "")).ljust(width)


# --- where it is drawn -------------------------------------------------------------------------


class Screen(Protocol):
    """Where one bar is drawn."""

    def show(self, reading: Reading) -> None:
        """Draw it as it is now."""
        ...

    def end(self, reading: Reading, *, leave: bool) -> None:
        """Draw it for the last time, or take it away; may be called again."""
        ...


def screen(file: TextIO | None, *, scale: int) -> Screen:
    """Choose: the cell's output in a notebook, a line in a terminal; else one line at the end."""
    shell = running_shell()
    if file is None and getattr(shell, "kernel", None) is not None:
        return Notebook(shell, scale=scale)
    out = file or sys.stderr
    with suppress(Exception):  # whatever somebody has put in the place of stderr
        if file is not None or out.isatty():
            return Terminal(out, scale=scale)
    return Quiet(out, scale=scale)


class Notebook:
    """An output of the running cell, replaced as a whole: what is saved is what was drawn last."""

    def __init__(self, shell: Any, *, scale: int) -> None:
        self._shell = shell
        self._scale = scale
        self._id = uuid4().hex
        self._shown = False

    def show(self, reading: Reading) -> None:
        """Draw it as it is now."""
        scale = self._scale
        data = {"text/plain": line(reading, scale=scale), "text/html": html(reading, scale=scale)}
        self._publish(data)

    def end(self, reading: Reading, *, leave: bool) -> None:
        """Draw it for the last time, or leave an empty output."""
        if leave:
            self.show(reading)
        else:
            self._publish({"text/plain": "", "text/html": ""})

    def _publish(self, data: dict[str, str]) -> None:
        self._shell.display_pub.publish(
            data=data, metadata={}, transient={"display_id": self._id}, update=self._shown
        )
        self._shown = True


_drawing = threading.Lock()


class _Lines:
    """The bars drawn as text, from the outermost to the innermost; none is kept alive here."""

    def __init__(self) -> None:
        self._held: list[weakref.ref[Terminal | Quiet]] = []

    def all(self) -> list[Terminal | Quiet]:
        return [bar for ref in self._held if (bar := ref()) is not None]

    def add(self, bar: Terminal | Quiet, place: int | None = None) -> None:
        bars = self.all()
        bars.insert(len(bars) if place is None else place, bar)
        self._held = [weakref.ref(bar) for bar in bars]

    def remove(self, bar: Terminal | Quiet) -> None:
        self._held = [weakref.ref(other) for other in self.all() if other is not bar]


_lines = _Lines()


class Terminal:
    """A line of a terminal; nested bars have the lines below."""

    def __init__(self, out: TextIO, *, scale: int) -> None:
        self._out = out
        self._scale = scale
        self._last: Reading | None = None
        _lines.add(self)

    def show(self, reading: Reading) -> None:
        """Draw it as it is now, unless another thread is drawing."""
        self._last = reading
        if _drawing.acquire(blocking=False):
            try:
                self._draw(reading)
            finally:
                _drawing.release()

    def _draw(self, reading: Reading) -> None:
        above = self._above()
        width = shutil.get_terminal_size().columns - 1
        text = line(reading, scale=self._scale, width=width)
        self._write("\n" * above + f"\r{text}{_CLEAR}" + _UP * above)

    def _above(self) -> int:
        bars = _lines.all()
        return bars.index(self) if self in bars else 0

    def _write(self, text: str) -> None:
        # A closed file, a pipe that nobody reads, or a write that a destructor came between.
        with suppress(OSError, ValueError, RuntimeError):
            self._out.write(text)
            self._out.flush()

    def clear(self) -> None:
        """Take it away for a moment."""
        above = self._above()
        self._write("\n" * above + f"\r{_CLEAR}" + _UP * above)

    def redraw(self) -> None:
        """Draw it again."""
        if self._last is not None:
            self.show(self._last)

    def end(self, reading: Reading, *, leave: bool) -> None:
        """Leave the line above those that go on, or take it away."""
        if self not in _lines.all():
            return
        if leave:
            _lines.remove(self)
            _lines.add(self, place=0)
            self.show(reading)
            self._write("\n")
        else:
            self.clear()
        _lines.remove(self)


class Quiet:
    """Where nobody looks at a line that changes: the outermost bar's last state, and no more."""

    def __init__(self, out: TextIO, *, scale: int) -> None:
        self._out = out
        self._scale = scale
        self._outermost = not _lines.all()
        _lines.add(self)

    def show(self, reading: Reading) -> None:
        """Do nothing."""

    def end(self, reading: Reading, *, leave: bool) -> None:
        """Write the last state."""
        if self not in _lines.all():
            return
        _lines.remove(self)
        if leave and self._outermost:
            with suppress(OSError, ValueError, RuntimeError):
                self._out.write(line(reading, scale=self._scale) + "\n")


def write(text: str, *, file: TextIO | None = None, end: str = "\n") -> None:
    """Print between the bars of a terminal."""
    bars = [bar for bar in _lines.all() if isinstance(bar, Terminal)]
    for bar in bars:
        bar.clear()
    print(text, file=file or sys.stdout, end=end, flush=True)
    for bar in bars:
        bar.redraw()
