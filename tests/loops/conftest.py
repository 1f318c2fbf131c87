"""The publisher and the peer of tests/kernel, for what is built upon them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from jupyter_sio.kernel.publisher import Publisher
from tests.kernel.conftest import in_kernel, publisher, server
from tests.kernel.test_process import kernels

__all__ = ["collecting", "in_kernel", "kernels", "publisher", "server"]


@pytest.fixture
def collecting(publisher: Publisher) -> Callable[[], AbstractContextManager[None]]:
    """Be where Python may collect: in a thread that holds a stream's lock, with rows to be sent.

    Whoever sends rows of any stream here, in this thread, waits for himself.
    """

    @contextmanager
    def within() -> Iterator[None]:
        stream = publisher.stream("numbered just now")
        stream.push(a=1)
        assert stream.flush()
        with stream._lock:
            stream._outbox.rows.append(stream._encoder.read({"a": 2})[0])
            stream._seal()
            yield

    return within
