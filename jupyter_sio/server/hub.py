"""An authorizer for servers under JupyterHub: guests watch, and what their scopes say.

Only this file needs jupyterhub, and it is loaded where an administrator's config names it.

Source: JupyterHub's documentation of custom scopes and of single-user servers.
"""

from __future__ import annotations

import os
from typing import Any

from jupyterhub.singleuser.extension import JupyterHubAuthorizer
from traitlets import Bool

from jupyter_sio.server.access import RESOURCE
from jupyter_sio.server.guests import OWNER_VARIABLE, is_guest

# Each right has those below it, also where an administrator did not make them subscopes.
_ENOUGH_FOR = {
    "read": ("watch", "send", "manage"),
    "write": ("send", "manage"),
    "execute": ("manage",),
}


class JupyterSioHubAuthorizer(JupyterHubAuthorizer):  # type: ignore[misc]
    """Lets guests watch, and do more where their scopes ``custom:jupyter_sio:…`` say so.

    The owner of the server may do everything, as without it. Whoever else the Hub lets in may watch
    streams, send with ``custom:jupyter_sio:send``, manage with ``custom:jupyter_sio:manage``, and
    use nothing else of the server: no kernel, no file, no terminal.

    Examples
    --------
    In ``jupyterhub_config.py``:

    >>> c.Spawner.args = [
    ...     "--ServerApp.authorizer_class=jupyter_sio.server.hub.JupyterSioHubAuthorizer"
    ... ]
    """

    guests_watch = Bool(
        True,
        config=True,
        help="Whether all guests may watch. False: only those with custom:jupyter_sio:watch, which"
        " browsers are given for a role only, not for a share.",
    )
    guests_use_server = Bool(
        False,
        config=True,
        help="Whether guests may also use the rest of the server (kernels, files, terminals), as"
        " they may with JupyterHub's own authorizer. Whoever may execute code may do everything.",
    )

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        """Say whether ``user`` may do ``action`` to ``resource``."""
        if not super().is_authorized(handler, user, action, resource):
            return False
        if not is_guest(user):
            return True
        if resource != RESOURCE:
            return bool(self.guests_use_server)
        if action == "read" and self.guests_watch:
            return True
        enough = _ENOUGH_FOR.get(action, ())
        return any(self._holds(user, f"custom:jupyter_sio:{right}") for right in enough)

    def _holds(self, user: Any, scope: str) -> bool:
        owner = os.environ.get(OWNER_VARIABLE, "")
        name = os.environ.get("JUPYTERHUB_SERVER_NAME", "")
        wanted = {f"{scope}!server={owner}/{name}"}
        return bool(self.hub_auth.check_scopes(wanted, user.hub_user))
