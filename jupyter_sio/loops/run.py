"""A run: what a training loop logs, as a stream of rows, and how it is with it."""

from __future__ import annotations

import logging
import operator
import threading
import weakref
from collections.abc import Mapping
from datetime import datetime, timezone
from time import monotonic
from types import TracebackType
from typing import Any, Literal

from jupyter_sio import limits
from jupyter_sio.errors import RowError, SioError
from jupyter_sio.kernel.default import default
from jupyter_sio.kernel.publisher import Publisher
from jupyter_sio.kernel.stream import Stream
from jupyter_sio.loops.cells import cells
from jupyter_sio.loops.metrics import fits, flatten, mapping, to_json

log = logging.getLogger("jupyter_sio")

State = Literal["running", "finished", "failed", "stopped"]

_ERROR_CHARS = 1_000
_COLUMNS: dict[str, object] = {
    "name": str,
    "state": str,
    "step": int,
    "elapsed": float,
    "started": "timestamp[us, UTC]",
    "ended": "timestamp[us, UTC]",
    "config": str,
    "summary": str,
    "error": str,
}


class Run:
    """One run of a loop: ``with sio.run("train", config={"lr": 0.1}) as run: run.log({...})``.

    What is logged becomes rows of the stream ``name``, which begins anew with each run: step,
    elapsed (seconds), and what was logged. Its state is told by the stream ``name/status`` of
    mode ``latest``: name, state (``running``, ``finished``, ``failed`` by an exception,
    ``stopped`` by Ctrl-C or another run of the name), step, elapsed, started, ended, config and
    summary (as JSON), error.

    Parameters
    ----------
    name
        Of the run, and of its stream.
    config
        What it was begun with: a mapping, a dataclass, or an object such as argparse's. A copy is
        ``run.config``, and may be added to.
    publisher
        Another one than this process's.

    Attributes
    ----------
    summary
        The last value of everything logged; may be added to, and what is set stays until it is
        logged again.
    step
        What the next ``log`` without a step takes.
    """

    def __init__(
        self, name: str = "run", config: Any = None, *, publisher: Publisher | None = None
    ) -> None:
        self.name = name
        self.config = mapping(config)
        self.summary: dict[str, Any] = {}
        self.step = 0
        self.state: State = "running"
        self.error: str | None = None
        self.refused = 0  # what ``log_what_fits`` had to leave out
        self._publisher = publisher or default()
        self._lock = threading.Lock()
        self._since = monotonic()
        self._started = datetime.now(timezone.utc)
        self._ended: datetime | None = None
        self._due = 0.0
        self._over = False
        _take_over(self._publisher, self)
        self.stream = self._begin_stream()
        self._status = self._publisher.stream(f"{name}/status", columns=_COLUMNS, mode="latest")
        cells.begin(self)
        self._tell()
        self._due = 0.0  # the first step is told at once

    def _begin_stream(self) -> Stream:
        stream = self._publisher.stream(self.name)
        if stream.statistics().rows:  # of a run before
            stream.restart()
        return stream

    def __repr__(self) -> str:
        return f"<Run {self.name!r}, {self.state}, step {self.step}>"

    # --- what a user calls ---------------------------------------------------------------------

    def log(self, data: Mapping[str, Any], step: int | None = None) -> None:
        """Log values of one step: one row; a few microseconds.

        Nested keys are joined with "/"; arrays and tensors of one value are that value. Without a
        step, here or in ``data``, it is the one after the last.

        Raises
        ------
        RowError
            If a value is no scalar, or not of its column's type.
        SioError
            If the run is over.
        """
        if self._over:
            raise SioError(
                f"run {self.name!r} is over ({self.state}); sio.run({self.name!r}) begins another"
            )
        self._push(flatten(data), step)

    def log_what_fits(self, data: Mapping[str, Any], step: int | None = None) -> None:
        """Log what can be a row, for a caller whose loop must not end for the rest of it."""
        flat = flatten(data)
        kept = {key: value for key, value in flat.items() if fits(value)}
        left_out = sorted(set(flat) - set(kept))
        try:
            if kept and not self._over:
                self._push(kept, step)
        except RowError as exc:
            left_out.append(str(exc))
        if left_out and not self.refused:
            log.warning("run %r: not told, as no row holds it: %s", self.name, ", ".join(left_out))
        self.refused += len(left_out)

    def finish(self, state: State = "finished", error: BaseException | None = None) -> None:
        """End it, unless it is over; a ``with`` block does so by itself."""
        if self._over:
            return
        self._over = True
        cells.end(self)
        self._set(state, error)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.finish("finished" if value is None else state_after(value), value)

    def left(self, error: BaseException | None) -> None:
        """Be left in the middle, by a cell that failed; goes on with the next ``log``."""
        self._set(state_after(error), error)

    # --- telling -------------------------------------------------------------------------------

    def _push(self, row: dict[str, Any], step: int | None) -> None:
        now = monotonic()
        told = row.pop("step", None)
        with self._lock:
            number = self.step if step is None and told is None else _whole(step, told)
            # Within the lock, so that steps without a number come in order.
            self.stream.push(**{"step": number, "elapsed": now - self._since, **row})
            self.step = max(self.step, number + 1)
        self.summary |= row
        if now >= self._due:
            self.state, self._ended, self.error = "running", None, None
            self._tell()

    def _set(self, state: State, error: BaseException | None) -> None:
        self.state = state
        self.error = None if error is None else _told(error)
        self._ended = datetime.now(timezone.utc)
        self._tell()
        self._due = 0.0  # whatever is logged after this goes on, and is to say so

    def _tell(self) -> None:
        now = monotonic()
        self._due = now + limits.Loops.status_seconds
        if self._status.closed:
            return
        self._status.push(
            name=self.name,
            state=self.state,
            step=self.step - 1 if self.step else None,
            elapsed=now - self._since,
            started=self._started,
            ended=self._ended,
            config=_valid(to_json(self.config)),
            summary=_valid(to_json(self.summary)),
            error=self.error,
        )


_runs: weakref.WeakKeyDictionary[Publisher, weakref.WeakValueDictionary[str, Run]] = (
    weakref.WeakKeyDictionary()
)
_taking_over = threading.Lock()


def _take_over(publisher: Publisher, run: Run) -> None:
    """Stop the run of this name that is under way: a cell was run again."""
    with _taking_over:
        runs = _runs.setdefault(publisher, weakref.WeakValueDictionary())
        former = runs.get(run.name)
        runs[run.name] = run
    if former is not None:
        former.finish("stopped")


def state_after(error: BaseException | None) -> State:
    """Say how it is with what ``error`` ended, or the interpreter's end."""
    if isinstance(error, SystemExit) and not error.code:
        return "finished"
    return "failed" if isinstance(error, Exception | SystemExit) else "stopped"


def _told(error: BaseException) -> str:
    text = _valid(f"{type(error).__name__}: {error}".removesuffix(": "))
    return text if len(text) <= _ERROR_CHARS else f"{text[:_ERROR_CHARS]}…"


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _whole(step: object, told: object) -> int:
    found = told if step is None else step
    try:
        return operator.index(found)  # type: ignore[arg-type]
    except TypeError:
        if isinstance(found, float) and found.is_integer():
            return int(found)
        raise TypeError(f"a step must be a whole number; got {found!r}") from None


run = Run
