"""The publisher and the peer of tests/kernel, for what is built upon them."""

from __future__ import annotations

from tests.kernel.conftest import in_kernel, publisher, server
from tests.kernel.test_process import kernels

__all__ = ["in_kernel", "kernels", "publisher", "server"]
