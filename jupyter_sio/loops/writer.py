"""A thread that pushes for those who may be called anywhere, even within a destructor.

Whatever Python collects may log a record, or be a loop that was left; and it collects in the
middle of whatever a thread does, also while that thread holds a stream's lock. ``SimpleQueue.put``
is made for this, and is all that happens there.
"""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
from collections.abc import Callable

from jupyter_sio import limits
from jupyter_sio.kernel import publisher as _first  # noqa: F401 - what runs last at exit: see below

log = logging.getLogger("jupyter_sio")


class Writer:
    """Runs what it is handed, in order, in one thread. ``put`` may be called from anywhere."""

    def __init__(self, bounds: limits.Loops | None = None) -> None:
        self._bounds = bounds or limits.Loops()
        self._lock = threading.Lock()
        self.refused = 0  # jobs that found the queue full
        self.renew()

    def renew(self) -> None:
        """Begin anew: at birth, and in a forked child, where there is no such thread."""
        self._queue: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, job: Callable[[], None]) -> bool:
        """Have ``job`` done soon; False if too many wait already."""
        if self._queue.qsize() >= self._bounds.queued or not self._running():
            self.refused += 1
            return False
        self._queue.put(job)
        return True

    def _running(self) -> bool:
        """Start the thread where there is none yet; waits for nobody who does so just now."""
        if self._thread is None and self._lock.acquire(blocking=False):
            try:
                thread = threading.Thread(
                    target=_run, args=(self._queue,), name="jupyter_sio writer", daemon=True
                )
                thread.start()
                self._thread = thread
            except RuntimeError:  # the interpreter is ending, or the system has no more threads
                return False
            finally:
                self._lock.release()
        return True

    def drain(self, timeout: float) -> bool:
        """Wait until everything handed over before is done; False at the timeout."""
        if self._thread is None or self._thread is threading.current_thread():
            return True
        done = threading.Event()
        self._queue.put(done.set)
        return done.wait(timeout)


def _run(jobs: queue.SimpleQueue[Callable[[], None]]) -> None:
    while True:
        job = jobs.get()
        try:
            job()
        except Exception:  # the thread's top
            log.exception("what was to be pushed was not")
        del job  # it may hold something large, and the next may be long in coming


writer = Writer()

# Registered after the publisher's, which flushes the streams at exit: so it runs before that.
atexit.register(lambda: writer.drain(limits.Loops.exit_seconds))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=writer.renew)
