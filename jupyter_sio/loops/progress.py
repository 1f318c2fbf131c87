"""A loop's progress: drawn where it runs, and told to whoever watches. Like tqdm's.

Source: tqdm 4.70, whose names, arguments and arithmetic are kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sized
from time import monotonic
from types import TracebackType
from typing import Any, Generic, Literal, TextIO, TypeVar

from jupyter_sio import limits
from jupyter_sio.kernel.default import default
from jupyter_sio.kernel.publisher import Publisher
from jupyter_sio.loops import bar
from jupyter_sio.loops.cells import cells
from jupyter_sio.loops.places import Place, name_of, places
from jupyter_sio.loops.writer import writer

T = TypeVar("T")
State = Literal["running", "finished", "stopped"]

_COLUMNS: dict[str, object] = {
    "elapsed": float,
    "rate": float,
    "eta": float,
    "desc": str,
    "unit": str,
    "postfix": str,
    "state": str,
}


class Progress(Generic[T]):
    """How far a loop is: ``for x in sio.progress(xs)``, or ``update()`` in a ``with`` block.

    Draws as tqdm does, and pushes to a stream of mode ``latest`` named ``progress``, with
    ``desc`` ``progress/<desc>``, or ``name``; bars at the same time have one each
    (``progress/2``). Its columns: n, total, elapsed, rate, eta (seconds), desc, unit, postfix,
    state: ``running``, ``finished``, or ``stopped`` by an exception, Ctrl-C or ``break``.

    Parameters
    ----------
    iterable, desc, total, initial, unit, unit_scale, unit_divisor, postfix, disable
        As tqdm's.
    leave, file, mininterval
        As tqdm's. Without ``file`` it is an output of the cell in a notebook, a line on stderr in
        a terminal, and elsewhere one line at the end.
    name
        Of the stream.
    draw
        False: tell it and draw nothing, where something else draws.
    publisher
        Another one than this process's.

    Raises
    ------
    BadRequest
        If ``name`` cannot be a stream's.
    """

    def __init__(
        self,
        iterable: Iterable[T] | None = None,
        desc: str | None = None,
        total: float | None = None,
        *,
        name: str | None = None,
        draw: bool = True,
        leave: bool = True,
        file: TextIO | None = None,
        mininterval: float = limits.Loops.progress_seconds,
        disable: bool = False,
        unit: str = "it",
        unit_scale: bool = False,
        unit_divisor: int = 1000,
        initial: float = 0,
        postfix: Mapping[str, Any] | None = None,
        publisher: Publisher | None = None,
    ) -> None:
        self.iterable = iterable
        self.desc = desc or ""
        self.total = _total(iterable) if total is None else _whole(total)
        self.n = self.initial = initial
        self.unit = unit
        self.leave = leave
        self.mininterval = mininterval
        self.disable = disable
        self.postfix = _text(postfix or {})
        self._name = name
        self._publisher = publisher
        self._place: Place | None = None
        self._number: type[int] | type[float] = int  # of n and total, as they are told
        self._screen: bar.Screen | None = None
        if draw and not disable:
            self._screen = bar.screen(file, scale=unit_divisor if unit_scale else 0)
        self._begin()

    def _begin(self) -> None:
        self._state: State = "running"
        self._since = self._seen_at = monotonic()
        self._seen_n = self.n
        self._recent_n = self._recent_seconds = 0.0
        self._due = 0.0
        if self.disable:
            return
        self._claim()
        cells.begin(self)
        self.refresh()

    def _claim(self) -> None:
        publisher = self._publisher = self._publisher or default()
        numbers = (self.initial, self.total or 0)
        self._number = int if all(isinstance(number, int) for number in numbers) else float
        columns = {"n": self._number, "total": self._number, **_COLUMNS}
        name = self._name or name_of(self.desc)
        self._place = places.claim(publisher, name, self, columns)

    def __repr__(self) -> str:
        return bar.line(self._reading(monotonic()))

    # --- as a loop -----------------------------------------------------------------------------

    def __iter__(self) -> Iterator[T]:
        if self.iterable is None:
            raise TypeError("progress() without an iterable is no loop; call its update()")
        if self.disable:
            yield from self.iterable
            return
        try:
            for item in self.iterable:
                yield item
                self.n += 1
                if monotonic() >= self._due:
                    self._show()
        except GeneratorExit:  # the loop was left; perhaps long ago, and Python collects it now
            self._end("stopped", anywhere=True)
            raise
        except BaseException:
            self._end("stopped")
            raise
        self._end("finished")

    def __len__(self) -> int:
        if self.total is None:
            raise TypeError("the length of this progress is not known; give it total=…")
        return int(self.total)

    def __bool__(self) -> bool:
        return self.total is None or self.total > 0

    def __enter__(self) -> Progress[T]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end("finished" if kind is None else "stopped")

    # --- by hand -------------------------------------------------------------------------------

    def update(self, n: float = 1) -> None:
        """Go on by ``n``; drawn and told every ``mininterval`` seconds at most."""
        if self.disable:
            return
        self.n += n
        if monotonic() >= self._due:
            self._show()

    def set_description(self, desc: str | None = None, refresh: bool = True) -> None:
        """Say something else before the bar; its stream stays the same."""
        self.desc = desc or ""
        self._changed(refresh)

    set_description_str = set_description

    def set_postfix(
        self, ordered_dict: Mapping[str, Any] | None = None, refresh: bool = True, **values: Any
    ) -> None:
        """Say ``values`` behind the bar."""
        self.set_postfix_str(_text({**(ordered_dict or {}), **values}), refresh)

    def set_postfix_str(self, s: str = "", refresh: bool = True) -> None:
        """Say ``s`` behind the bar."""
        self.postfix = str(s)
        self._changed(refresh)

    def refresh(self) -> None:
        """Draw and tell what it is now."""
        if not self.disable:
            self._show()

    def reset(self, total: float | None = None) -> None:
        """Begin again, of ``total`` if that is another."""
        if total is not None:
            self.total = _whole(total)
        self.n = self.initial
        self._begin()

    def close(self) -> None:
        """End it, as finished; may be called again."""
        self._end("finished")

    @staticmethod
    def write(s: str, file: TextIO | None = None, end: str = "\n") -> None:
        """Print ``s`` where it does not get into a bar."""
        bar.write(str(s), file=file, end=end)

    @property
    def ended(self) -> bool:
        """Whether it is finished or stopped."""
        return self._state != "running"

    def left(self, error: BaseException | None) -> None:
        """Be stopped from without, in the middle; goes on with the next ``update``."""
        self._end("stopped")

    # --- telling -------------------------------------------------------------------------------

    def _changed(self, refresh: bool) -> None:
        """Tell of it at once, but draw it no oftener than eyes can follow."""
        if not refresh or self.disable or self.ended:
            return
        now = monotonic()
        reading = self._reading(now)
        self._tell(reading)
        if now >= self._due - self.mininterval * 0.8 and self._screen is not None:
            self._due = now + self.mininterval
            self._screen.show(reading)

    def _show(self) -> None:
        now = monotonic()
        self._due = now + self.mininterval
        if self.ended:
            self._go_on()
        self._recent_n += _SMOOTHING * (self.n - self._seen_n - self._recent_n)
        self._recent_seconds += _SMOOTHING * (now - self._seen_at - self._recent_seconds)
        self._seen_n, self._seen_at = self.n, now
        reading = self._reading(now)
        self._tell(reading)
        if self._screen is not None:
            self._screen.show(reading)

    def _go_on(self) -> None:
        self._state = "running"
        if self._place is None or self._place.lost:
            self._claim()
        cells.begin(self)

    def _end(self, state: State, *, anywhere: bool = False) -> None:
        if self.disable or self.ended:
            return
        self._state = state
        cells.end(self)
        reading = self._reading(monotonic())
        if not anywhere:
            self._tell(reading)
        elif self._publisher is not None and self._publisher.sending:
            writer.put(lambda: self._tell(reading))
        if self._screen is not None:
            self._screen.end(reading, leave=self.leave)

    def _tell(self, reading: bar.Reading) -> None:
        """Push it, unless its stream tells of another bar by now."""
        place = self._place
        if place is None or place.lost or place.stream.closed:
            return
        number, total = self._number, reading.total
        told = {"n": number(reading.n), "total": None if total is None else number(total)}
        texts = {name: _valid(getattr(reading, name)) for name in ("desc", "unit", "postfix")}
        place.stream.push(**{**vars(reading), **told, **texts})

    def _reading(self, now: float) -> bar.Reading:
        elapsed = now - self._since
        rate = self._rate(elapsed)
        left = None if self.total is None else max(0.0, self.total - self.n)
        eta = left / rate if rate and left is not None and not (self.ended and left) else None
        texts = (self.desc, self.unit, self.postfix, self._state)
        return bar.Reading(self.n, self.total, elapsed, rate, eta, *texts)

    def _rate(self, elapsed: float) -> float | None:
        """Reckon how fast it is: lately, or when it has ended altogether."""
        if not self.ended and self._recent_n > 0 and self._recent_seconds > 0:
            return self._recent_n / self._recent_seconds
        done = self.n - self.initial
        return done / elapsed if done > 0 and elapsed > 0 else None


# Of the last reading in the rate, as tqdm's: 1 is nothing but the last, 0 the average of all.
_SMOOTHING = 0.3


def _total(iterable: object) -> int | None:
    if not isinstance(iterable, Sized):
        return None
    try:
        return len(iterable)
    except (TypeError, AttributeError, NotImplementedError):
        return None


def _whole(total: float) -> float | None:
    """Make 1e6 a whole number, and without end no number at all."""
    if isinstance(total, int):
        return total if total < 2**63 else float(total)
    if not math.isfinite(total):
        return None
    return int(total) if total == int(total) else float(total)


def _valid(text: str) -> str:
    """Make it text that UTF-8 can hold: half an emoji in a file's name must not end a loop."""
    return text.encode("utf-8", "replace").decode()


def _text(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={_value(value)}" for key, value in values.items())


def _value(value: Any) -> str:
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == ():
        value = item()
    return f"{value:.3g}" if isinstance(value, float) else str(value).strip()


progress = Progress
