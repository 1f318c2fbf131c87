"""Who is at home on a server that JupyterHub started, and who is a guest there.

JupyterHub lets whoever holds its scope ``access:servers`` in, and neither Jupyter's default
authorizer nor the Hub's own makes a difference after that: the owner, a guest with a share code, an
administrator and a service all get the same yes. Here a guest watches, and no more, unless an
authorizer that does look at the action says otherwise.

Nothing here needs jupyterhub installed.

Source: jupyterhub.singleuser.extension (``JupyterHubUser``, ``JupyterHubAuthorizer``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

OWNER_VARIABLE = "JUPYTERHUB_USER"

# Authorizers that say yes without looking at what is asked for.
_YES_SAYERS = frozenset(
    {
        ("jupyter_server.auth.authorizer", "AllowAllAuthorizer"),
        ("jupyterhub.singleuser.extension", "JupyterHubAuthorizer"),
    }
)


def is_guest(user: Any) -> bool:
    """Whether a user came by JupyterHub to a server that is not theirs.

    The owner is a person: a service of the same name is a guest. A server without an owner, one
    that runs as a Hub's service, has only guests.
    """
    model = getattr(user, "hub_user", None)
    if not isinstance(model, Mapping):
        return False
    person = model.get("kind", "user") == "user"
    return not (person and model.get("name") == os.environ.get(OWNER_VARIABLE))


def only_watches(user: Any, authorizer: Any) -> bool:
    """Whether a user is a guest whom the authorizer would allow whatever is asked for."""
    kind = type(authorizer)
    return (kind.__module__, kind.__qualname__) in _YES_SAYERS and is_guest(user)
