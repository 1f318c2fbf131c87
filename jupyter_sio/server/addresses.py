"""What share links begin with: the address that people reach this server by.

A server knows where it listens, not where a proxy shows it; who came by a browser says so.

Source: api.md §3 (``public_url``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from jupyter_server.utils import url_path_join
from tornado.httputil import HTTPServerRequest

from jupyter_sio.server.session import Session

PAGE = "jupyter-sio/live/"


class Addresses:
    """Where the viewer page is; owned by the server's loop.

    Parameters
    ----------
    public_url : str
        What the operator says links begin with, empty where nothing is said. With a path it stands
        for the base url too.
    """

    def __init__(self, *, serverapp: Any, public_url: str, sessions: Mapping[str, Session]) -> None:
        self._serverapp = serverapp
        self._public_url = public_url
        self._sessions = sessions
        self.page_path: str = url_path_join(serverapp.base_url, PAGE)

    def page(self, request: HTTPServerRequest | None) -> str:
        """Return the page's address; ``request`` is whose answer it is for, if there is one."""
        if self._public_url:
            if urlsplit(self._public_url).path.strip("/"):
                return url_path_join(self._public_url, PAGE)
            return self._public_url.rstrip("/") + self.page_path
        return self._origin(request) + self.page_path

    def _origin(self, request: HTTPServerRequest | None) -> str:
        request = request or self._latest_browser()
        if request is not None:
            return f"{request.protocol}://{request.host}"
        told = urlsplit(os.environ.get("JUPYTERHUB_PUBLIC_URL") or self._serverapp.public_url)
        return f"{told.scheme}://{told.netloc}"

    def _latest_browser(self) -> HTTPServerRequest | None:
        """Find the request of the browser that logged in last: only those name an origin."""
        for session in reversed(list(self._sessions.values())):
            request = session.handler.request
            if session.access.kernel_id is None and "Origin" in request.headers:
                return request
        return None
