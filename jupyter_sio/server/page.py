"""The viewer page `jupyter-sio/live/`: public, as it holds no data; that comes by a socket.

Its script and style sheet are built from ``labextension/`` into ``static/`` beside this file.

Source: protocol.md §3.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from tornado import web
from tornado.escape import url_escape

from jupyter_sio.server.discreet import Discreet

_STATIC = Path(__file__).parent / "static"
_TYPES = {
    "page.js": "text/javascript; charset=utf-8",
    "mirror.js": "text/javascript; charset=utf-8",  # loaded with the first mirrored widget
    "page.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    # The link's secret is in the fragment, which is in no referrer; nor shall the address be.
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_HTML = """<!doctype html>
<html lang="en" data-jsio-styles="linked" data-login="{login}" data-user="{user}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Live data</title>
<link rel="icon" href="static/icon.svg?v={icon}" type="image/svg+xml">
<link rel="stylesheet" href="static/page.css?v={css}">
<script type="module" src="static/page.js?v={js}"></script>
</head>
<body>
<div id="page"><p class="page-start">Loading …</p></div>
<noscript><p class="page-start">This page draws live data and needs JavaScript.</p></noscript>
</body>
</html>
"""


@dataclass(frozen=True)
class Asset:
    """A file of the page, as it was when the server began."""

    body: bytes
    type: str
    version: str


def read_assets() -> Mapping[str, Asset]:
    """Read what was built; whatever else lies in the folder is never served."""
    found = {}
    for name, kind in _TYPES.items():
        path = _STATIC / name
        if path.is_file():
            body = path.read_bytes()
            found[name] = Asset(body, kind, hashlib.sha256(body).hexdigest()[:16])
    return found


@web.stream_request_body
class PublicHandler(Discreet, JupyterHandler):
    """What page and assets share: strict headers, and plain words where something is not there."""

    def initialize(self, *, assets: Mapping[str, Asset]) -> None:
        """Take what is served."""
        self._assets = assets

    def data_received(self, chunk: bytes) -> None:
        """Drop what a stranger sends with a GET: tornado would keep up to 512 MiB of it."""

    def set_default_headers(self) -> None:
        """Set Jupyter's headers, and ours, which are stricter."""
        super().set_default_headers()
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    def asset(self, name: str) -> Asset:
        """Find a file, or answer 404; 503 where nothing was built."""
        if not self._assets:
            raise web.HTTPError(
                503, "the page was not built; type: cd labextension && npm run build"
            )
        if name not in self._assets:
            raise web.HTTPError(404)
        return self._assets[name]

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write one line: Jupyter's own error page has scripts, which the policy refuses."""
        exception = kwargs.get("exc_info", (None, None, None))[1]
        message = getattr(exception, "log_message", None) or self._reason
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{status_code}: {message}\n")


class PageHandler(PublicHandler):
    """``jupyter-sio/live/``; without its last slash it leads there."""

    @allow_unauthenticated
    def get(self, slash: str) -> None:
        """Answer the page; who looks at it matters only to what it offers."""
        if not slash:
            # A browser keeps the fragment, and the link's secret in it, over a redirect.
            self.redirect(f"{self.request.path}/", permanent=True)
            return
        user = "nobody"
        if self.current_user is not None:
            _ = self.xsrf_token  # sets the cookie without which the page could change nothing
            user = "known"
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-cache")
        versions = {name: self.asset(f"page.{name}").version for name in ("js", "css")}
        icon = self.asset("icon.svg").version
        login = escape(self._login())
        self.finish(_HTML.format(login=login, user=user, icon=icon, **versions))

    def _login(self) -> str:
        url = self.get_login_url()
        # Not the query: it may hold a token.
        return url if "?" in url else f"{url}?next={url_escape(self.request.path)}"


class AssetHandler(PublicHandler):
    """``jupyter-sio/live/static/…``: the few files of the page, by name."""

    @allow_unauthenticated
    def get(self, name: str) -> None:
        """Answer one file; by its version it may be kept for good."""
        asset = self.asset(name)
        version = self.get_query_argument("v", "")
        kept = "public, max-age=31536000, immutable" if version == asset.version else "no-cache"
        self.set_header("Cache-Control", kept)
        self.set_header("Content-Type", asset.type)
        self.finish(asset.body)


def page_routes() -> list[tuple[str, type[PublicHandler], dict[str, Any]]]:
    """List the page's routes for the application."""
    parts = {"assets": read_assets()}
    return [
        (r"/jupyter-sio/live(/?)", PageHandler, parts),
        (r"/jupyter-sio/live/static/([\w.-]+)", AssetHandler, parts),
    ]
