"""Why a command ends, as an exit code and a sentence."""

from __future__ import annotations

ERROR = 1
USAGE = 2
NOT_PERMITTED = 3
NOT_FOUND = 4
INTERRUPTED = 130


class Problem(Exception):
    """Ends the command with ``status`` and this sentence: found, expected, what to do."""

    def __init__(self, message: str, *, status: int = ERROR) -> None:
        super().__init__(message)
        self.status = status
