"""Handlers that refuse in one shape, and whose log lines hold no secret.

Tokens stand in addresses. Jupyter masks them in its line for each request; tornado's line for an
error has the whole address. And Jupyter's error page needs an identity: without one it fails, with
a traceback for each stranger.
"""

from __future__ import annotations

import json
from http.client import responses
from types import TracebackType
from typing import Any

from tornado import web
from tornado.httputil import HTTPServerRequest
from tornado.log import app_log, gen_log

# Of an address, and of what is said about it: whoever asks chooses how long both are.
_SHOWN = 200
_SHOWN_OF_HEADER, _SHOWN_OF_URI = 300, 600
_LOGGED_HEADERS = {"Host", "Origin", "Referer", "Sec-Websocket-Origin", "User-Agent"}


class Discreet(web.RequestHandler):
    """To be named first among a handler's bases."""

    def __init__(
        self, application: web.Application, request: HTTPServerRequest, **kwargs: Any
    ) -> None:
        # Jupyter writes these into its lines as they came; none that is right is changed by it.
        for name in _LOGGED_HEADERS & set(request.headers):
            request.headers[name] = _line(request.headers[name], _SHOWN_OF_HEADER)
        request.host = _line(request.host, _SHOWN_OF_HEADER)
        request.uri = _line(request.uri or "", _SHOWN_OF_URI)
        super().__init__(application, request, **kwargs)

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Log as tornado does, with the address cut before its query."""
        asked = f"{self.request.method} {_line(self.request.path)} ({self.request.remote_ip})"
        if not isinstance(value, web.HTTPError):
            app_log.error("Uncaught exception %s", asked, exc_info=(typ, value, tb))  # type: ignore[arg-type]
        elif message := value.get_message():
            gen_log.warning("%d %s: %s", value.status_code, asked, _line(message))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer ``{"message", "reason"}``."""
        reason = responses.get(status_code, "Unknown")
        exception = kwargs.get("exc_info", (None, None, None))[1]
        message = reason
        if isinstance(exception, web.HTTPError):
            # tornado doubles every % of a message without arguments
            message = (exception.log_message or exception.reason or reason).replace("%%", "%")
            reason = exception.reason or reason
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"message": message, "reason": reason}))


def _line(text: str, most: int = _SHOWN) -> str:
    """Write what a stranger sent as one line that drives no terminal."""
    shown = text if len(text) <= most else f"{text[:most]}…"
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in shown)
