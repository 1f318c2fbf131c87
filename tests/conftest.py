"""What holds for every test."""

from __future__ import annotations

import signal

import pytest

# The background jobs of a shell ignore Ctrl-C, and all that they start inherits that: a run of the
# tests begun like this would start kernels that nobody can interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests in one worker, and the Hub's in the one that has the Hub.

    They come last: it and its servers live until the session ends.
    """
    for item in items:
        group = "hub" if _of_hub(item) else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=_of_hub)


def _of_hub(item: pytest.Item) -> bool:
    return "hub" in item.path.parts
