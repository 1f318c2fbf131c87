"""What a cell leaves behind when it fails: a loop that nobody will finish.

The traceback keeps its frames, and so the loop's generator, alive: without being told, a bar
would say "running" until the next exception.
"""

from __future__ import annotations

import atexit
import sys
import threading
import weakref
from typing import Any, Protocol

from jupyter_sio.loops import writer as _first  # noqa: F401 - what runs later at exit


class Unfinished(Protocol):
    """Something that a cell, or the interpreter, may leave in the middle."""

    def left(self, error: BaseException | None) -> None:
        """Say that it was stopped: by ``error``, or by the interpreter's end."""
        ...


class Cells:
    """What is under way, and in which cell it began. ``begin`` and ``end`` are for any thread."""

    def __init__(self) -> None:
        # By id, as a dict's values can be listed while other threads change it.
        self._under_way: dict[int, tuple[weakref.ref[Unfinished], int]] = {}
        self._cell = 0
        self._shell: Any = None

    def begin(self, thing: Unfinished) -> None:
        """Have ``thing`` told if this cell fails; what another thread begins is not of a cell."""
        self._listen()
        here = threading.current_thread() is threading.main_thread()
        key, under_way = id(thing), self._under_way
        held = weakref.ref(thing, lambda _: under_way.pop(key, None))
        under_way[key] = (held, self._cell if here else -1)

    def end(self, thing: Unfinished) -> None:
        """Forget it: it came to its end."""
        self._under_way.pop(id(thing), None)

    def leave_all(self, error: BaseException | None = None, *, of: int | None = None) -> None:
        """Tell what is under way that it is left: all of it, or what began in cell ``of``."""
        for held, cell in list(self._under_way.values()):
            thing = held()
            if thing is not None and of in (None, cell):
                thing.left(error)

    def _listen(self) -> None:
        shell = running_shell()
        if shell is not None and shell is not self._shell:
            self._shell = shell
            shell.events.register("post_run_cell", self._after)

    def _after(self, result: Any) -> None:
        error = getattr(result, "error_in_exec", None)
        cell, self._cell = self._cell, self._cell + 1
        if error is not None:
            self.leave_all(error, of=cell)


def running_shell() -> Any:
    """Get the IPython shell that this process runs, if it does."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


cells = Cells()
atexit.register(cells.leave_all)
