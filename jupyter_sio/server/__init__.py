"""The server extension; for other extensions: ``router_of`` and ``PatternNamespace``.

Importing this costs nothing: what it names is loaded when it is used.

Source: api.md §3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_sio.server.handlers import PatternNamespace
    from jupyter_sio.server.router import Router

__all__ = ["PatternNamespace", "router_of"]

ROUTER_SETTING = "jupyter_sio_router"


def router_of(serverapp: Any) -> Router:
    """Return the router of a Jupyter server, whichever extension is loaded first.

    Examples
    --------
    >>> def _load_jupyter_server_extension(serverapp):
    ...     router = router_of(serverapp)
    ...
    ...     @router.on("connect", namespace="/rooms/{room}")
    ...     async def join(namespace, sid, environ, auth): ...
    """
    settings = serverapp.web_app.settings
    if ROUTER_SETTING not in settings:
        from jupyter_sio.limits import Limits
        from jupyter_sio.server.router import Router

        # Our own extension takes this one up and gives it its limits.
        settings[ROUTER_SETTING] = Router(limits=Limits(), log=serverapp.log)
    router: Router = settings[ROUTER_SETTING]
    return router


def __getattr__(name: str) -> Any:
    if name == "PatternNamespace":
        from jupyter_sio.server.handlers import PatternNamespace

        return PatternNamespace
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
