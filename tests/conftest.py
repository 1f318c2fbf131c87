"""What holds for every test."""

from __future__ import annotations

import signal

import pytest

_FIRST = "end_to_end"  # the longest group

# The background jobs of a shell ignore Ctrl-C, and all that they start inherits that: a run of the
# tests begun like this would start kernels that nobody can interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Group tests for workers: a file's stay together, and so do those of all browsers.

    Two JupyterLabs at once are slow, and there is one Hub.
    """
    folder = item.path.parent.name
    group = folder if folder in ("end_to_end", "hub") else str(item.path)
    item.add_marker(pytest.mark.xdist_group(group))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest group come first and the Hub's last: it lives until the session ends."""
    items.sort(key=lambda item: (item.path.parent.name == "hub", item.path.parent.name != _FIRST))
