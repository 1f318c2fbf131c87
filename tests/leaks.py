"""Whether something that opens a door stands in a log; asked of every test (threat S-12).

The log of this process is read as it is written, whatever the loggers' handlers and levels make of
it afterwards. Servers in processes of their own write files, which ``found_in`` reads.
"""

from __future__ import annotations

import copy
import logging
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

# As long as our tickets and links are: 32 random bytes.
_SECRET = re.compile(r"(?<![\w=./-])[\w-]{43}(?![\w-])")
_FORMAT = logging.Formatter()


def found_in(log: str, known: Iterable[str] = ()) -> list[str]:
    """List the lines that hold what is known to be secret, or looks as our secrets do."""
    known = [*known]
    return [
        line
        for line in log.splitlines()
        if any(secret in line for secret in known) or _SECRET.search(line)
    ]


class Leaks:
    """The secrets that were made in this process, and every line of its log that holds one."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.lines: list[str] = []

    def know(self, secret: str) -> None:
        """Look for this from now on; an empty one is none."""
        self.secrets |= {secret} - {""}

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Hear of every secret and of every line of the log."""
        make, factory = secrets.token_urlsafe, logging.getLogRecordFactory()
        secrets.token_urlsafe = self._noting(make)
        logging.setLogRecordFactory(self._reading(factory))
        try:
            yield
        finally:
            secrets.token_urlsafe = make
            logging.setLogRecordFactory(factory)

    def _noting(self, make: Callable[..., str]) -> Callable[..., str]:
        def token_urlsafe(nbytes: int | None = None) -> str:
            secret = make(nbytes)
            self.know(secret)
            return secret

        return token_urlsafe

    def _reading(
        self, factory: Callable[..., logging.LogRecord]
    ) -> Callable[..., logging.LogRecord]:
        def read(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = factory(*args, **kwargs)
            line = _written(record)
            if any(secret in line for secret in self.secrets):
                self.lines.append(line)
            return record

        return read


def _written(record: logging.LogRecord) -> str:
    if not isinstance(record.msg, str | dict):
        return ""  # an object of a test's, which would notice
    try:
        return _FORMAT.format(copy.copy(record))  # formatting leaves its traces in a record
    except Exception:  # noqa: BLE001 - some tests log what cannot be written
        return ""


leaks = Leaks()
