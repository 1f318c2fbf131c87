"""Log records as rows of a stream, for whoever watches."""

from __future__ import annotations

import logging
import threading
import weakref
from datetime import datetime, timezone
from functools import partial
from typing import Any

from jupyter_sio import limits
from jupyter_sio.errors import SioError
from jupyter_sio.kernel.default import default
from jupyter_sio.kernel.publisher import Publisher
from jupyter_sio.kernel.stream import Stream
from jupyter_sio.loops.writer import writer

_OURS = "jupyter_sio"
_COLUMNS: dict[str, object] = {
    "time": "timestamp[us, UTC]",
    "level": str,
    "logger": str,
    "message": str,
    "exception": str,
}
_plain = logging.Formatter()


class LoggingHandler(logging.Handler):
    """Pushes records to a stream; made by ``sio.logging_handler``. Never raises, never waits.

    ``dropped`` counts the records that no row was made of: without a server, or faster than they
    could be pushed. The latter are told in the stream itself.
    """

    def __init__(self, publisher: Publisher, name: str, level: int | str) -> None:
        super().__init__(level)
        self.stream_name = name
        self.dropped = 0
        self._lost = 0  # of them, those not told yet
        self._publisher = publisher
        self._closed = False
        self._here = threading.local()
        self._stream = self._open()

    def _open(self) -> Stream:
        return self._publisher.stream(self.stream_name, columns=_COLUMNS)

    def __repr__(self) -> str:
        level = logging.getLevelName(self.level)
        return f"<LoggingHandler of stream {self.stream_name!r} ({level})>"

    def emit(self, record: logging.LogRecord) -> None:
        """Have the record pushed."""
        ours = record.name == _OURS or record.name.startswith(f"{_OURS}.")
        if ours or self._closed or getattr(self._here, "busy", False):
            return  # what we log while pushing would be pushed, and logged, and pushed …
        if not self._publisher.sending:
            self.dropped += 1
            return
        self._here.busy = True
        try:
            row = self._row(record)
        except Exception:  # noqa: BLE001 - of a message's own __str__; logging says so on stderr
            self.handleError(record)
            return
        finally:
            self._here.busy = False
        if not writer.put(partial(self._push, row)):
            self.dropped += 1
            self._lost += 1

    def _row(self, record: logging.LogRecord) -> dict[str, Any]:
        bound = limits.Loops.message_chars
        return {
            "time": datetime.fromtimestamp(record.created, timezone.utc),
            "level": _valid(record.levelname),
            "logger": _valid(record.name),
            "message": _valid(_head(self._message(record), bound)),
            "exception": _valid(_tail(_exception(record), bound)) or None,
        }

    def _message(self, record: logging.LogRecord) -> str:
        if self.formatter is not None:
            return self.formatter.format(record)
        try:
            return record.getMessage()
        except (TypeError, ValueError, KeyError):
            return f"{record.msg} (its arguments do not fit it)"

    def _push(self, row: dict[str, Any]) -> None:
        """Push a row; called by the writer alone."""
        lost, self._lost = self._lost, 0
        if self._stream.closed:
            self._stream = self._open()
        try:
            if lost:
                told = {"level": "WARNING", "logger": _OURS, "message": f"{lost} records were lost"}
                self._stream.push(**{**dict.fromkeys(_COLUMNS), "time": row["time"], **told})
            self._stream.push(**row)
        except SioError:  # closed just now
            self.dropped += 1

    def flush(self) -> None:
        """Wait a moment until what was logged before is pushed."""
        if not self._closed and self._publisher.sending:
            writer.drain(limits.Loops.exit_seconds)

    def close(self) -> None:
        """Push no more. The stream stays; ``sio.stream(name).close()`` ends it."""
        self._closed = True
        super().close()


def logging_handler(
    level: int | str = logging.NOTSET, name: str = "log", *, publisher: Publisher | None = None
) -> LoggingHandler:
    """Make a handler whose records viewers see: ``logger.addHandler(sio.logging_handler())``.

    The stream ``name`` has the columns time, level, logger, message and exception (the
    traceback); a message keeps its first 8,192 characters, a traceback its last. With
    ``setFormatter`` the message is what the formatter makes. Another handler of the same name takes
    the place of this one, so that a cell may be run again. Our own records are left out.

    Raises
    ------
    BadRequest
        If ``name`` cannot be a stream's.
    """
    publisher = publisher or default()
    handler = LoggingHandler(publisher, name, level)
    with _lock:
        handlers = _handlers.setdefault(publisher, weakref.WeakValueDictionary())
        former = handlers.get(name)
        handlers[name] = handler
    if former is not None:
        former.close()
    return handler


_lock = threading.Lock()
_handlers: weakref.WeakKeyDictionary[
    Publisher, weakref.WeakValueDictionary[str, LoggingHandler]
] = weakref.WeakKeyDictionary()


def _exception(record: logging.LogRecord) -> str:
    parts = [record.exc_text or ""]
    if not parts[0] and record.exc_info and record.exc_info[0] is not None:
        parts = [_plain.formatException(record.exc_info)]
    if record.stack_info:
        parts.append(record.stack_info)
    return "\n".join(part for part in parts if part)


def _head(text: str, bound: int) -> str:
    """Keep the beginning: what a message is about."""
    return (
        text if len(text) <= bound else f"{text[:bound]}… ({len(text) - bound:,} more characters)"
    )


def _tail(text: str, bound: int) -> str:
    """Keep the end: what was raised, and where."""
    return (
        text if len(text) <= bound else f"({len(text) - bound:,} more characters) …{text[-bound:]}"
    )


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
