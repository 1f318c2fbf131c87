"""What holds for every test."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.leaks import leaks

_GROUPS = ("end_to_end", "hub")  # the longest first: what comes last fills up the other worker

# The background jobs of a shell ignore Ctrl-C, and all that they start inherits that: a run of the
# tests begun like this would start kernels that nobody can interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def watched_log() -> Iterator[None]:
    """Read all that this process logs."""
    with leaks.watched():
        yield


@pytest.fixture(autouse=True)
def no_secret_is_logged(watched_log: None) -> Iterator[None]:
    """See that no line of the log opened a door, whatever the test was about."""
    yield
    found, leaks.lines = leaks.lines, []
    assert found == []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest groups come first."""
    items.sort(key=lambda item: [item.path.parent.name != group for group in _GROUPS])


class _Sharing(LoadScopeScheduling):
    """Share tests out to workers: a file's stay together, and so do those of all browsers.

    Two JupyterLabs at once are slow, and there is one Hub.
    """

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        folder, _, _ = file.rpartition("/")
        return folder if folder.endswith(_GROUPS) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _Sharing:
    """Share the tests out by our rule, whatever `--dist` says."""
    return _Sharing(config, log)
