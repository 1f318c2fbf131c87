"""Where this process stands: which kernel it is, and which Jupyter server started it.

Nothing here connects. Source: protocol.md §3 (claim); docs of jupyter_client for the files.
"""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_CONNECTION_FILE = re.compile(r"kernel-(.+)\.json\Z")


@dataclass(frozen=True)
class Server:
    """A Jupyter server: its URL with the base URL's escapes as they are, ending in ``/``."""

    url: str
    sock: str = ""  # path of a unix socket, where it listens on one
    ca: str = ""  # path of a certificate to trust

    @property
    def secure(self) -> bool:
        """Whether it speaks TLS."""
        return urlsplit(self.url).scheme in ("https", "wss", "https+unix")

    @property
    def host(self) -> str:
        """The host to connect to and to name in ``Host``."""
        # A unix socket's URL has its path for a host, which no server would know itself by.
        return (not self.sock and urlsplit(self.url).hostname) or "localhost"

    @property
    def port(self) -> int:
        """The port to connect to."""
        return urlsplit(self.url).port or (443 if self.secure else 80)

    @property
    def path(self) -> str:
        """The base URL, not unescaped: ``/user/a%40b/``."""
        return urlsplit(self.url).path or "/"

    @classmethod
    def at(cls, url: str) -> Server:
        """Read what a user gives as ``url``."""
        parts = urlsplit(url if "//" in url else f"http://{url}")
        path = parts.path if parts.path.endswith("/") else f"{parts.path}/"
        return cls(
            f"{parts.scheme}://{parts.netloc}{path}", ca=os.environ.get("JUPYTER_SIO_CA", "")
        )


@dataclass(frozen=True)
class Kernel:
    """What Jupyter knows this process by. ``key`` signs claims and never travels."""

    kernel_id: str
    key: bytes = field(repr=False)


def find_kernel() -> Kernel | None:
    """Find the connection file of the kernel that this process is."""
    path = _connection_file()
    match = _CONNECTION_FILE.match(path.name) if path is not None else None
    if path is None or match is None:
        return None
    content = _read_json(path)
    return Kernel(match[1], str(content.get("key", "")).encode()) if content else None


def _connection_file() -> Path | None:
    kernelapp = sys.modules.get("ipykernel.kernelapp")
    if kernelapp is not None and kernelapp.IPKernelApp.initialized():
        app = kernelapp.IPKernelApp.instance()
        return Path(app.abs_connection_file)
    # Other Python kernels (xeus-python) are told by their command line, too.
    for argument in sys.argv[1:]:
        if _CONNECTION_FILE.match(Path(argument).name):
            return Path(argument)
    return None


def find_server() -> Server | None:
    """Find the server that started this kernel."""
    parent = os.environ.get("JPY_PARENT_PID", "")
    if not parent.isdigit():
        return None
    found = _told_by_extension(int(parent)) or _told_by_info_file(int(parent))
    if found is None:
        return None
    ca = os.environ.get("JUPYTER_SIO_CA") or str(found.get("ca") or "")
    url = str(found["url"])
    return Server(url if url.endswith("/") else f"{url}/", str(found.get("sock") or ""), ca)


def _told_by_extension(parent: int) -> dict[str, Any] | None:
    """Read what the extension left in the environment; inherited from another server, it lies."""
    try:
        found = json.loads(os.environ.get("JUPYTER_SIO_SERVER", ""))
    except ValueError:
        return None
    trusted = isinstance(found, dict) and found.get("pid") == parent and found.get("url")
    return found if trusted else None


def _told_by_info_file(parent: int) -> dict[str, Any] | None:
    try:
        from jupyter_core.paths import jupyter_runtime_dir
    except ImportError:
        return None
    found = _read_json(Path(jupyter_runtime_dir()) / f"jpserver-{parent}.json")
    return found if found and found.get("url") else None


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
