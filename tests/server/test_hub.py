"""What our authorizer makes of the Hub's scopes. The real Hub is asked in tests/hub."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.services.auth import HubOAuth
from jupyterhub.singleuser.extension import JupyterHubIdentityProvider, JupyterHubUser

from jupyter_sio.server.hub import JupyterSioHubAuthorizer

ACCESS = "access:servers!server=ada/lab"
ACTIONS = ("read", "write", "execute")

# JupyterHub's own authorizer asks by a name that JupyterHub deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:HubAuth.oauth_scopes:DeprecationWarning")


@pytest.fixture(autouse=True)
def server_of_ada(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    monkeypatch.setenv("JUPYTERHUB_SERVER_NAME", "lab")


def allowed(name: str, *scopes: str, resource: str = "jupyter_sio", **traits: Any) -> list[str]:
    """List the actions that somebody with these scopes may do to a resource."""
    hub_auth = HubOAuth(api_token="none", oauth_client_id="none", access_scopes={ACCESS})
    provider = JupyterHubIdentityProvider(hub_auth=hub_auth)
    authorizer = JupyterSioHubAuthorizer(identity_provider=provider, **traits)
    user = JupyterHubUser({"name": name, "kind": "user", "scopes": list(scopes)})
    handler = SimpleNamespace()
    return [each for each in ACTIONS if authorizer.is_authorized(handler, user, each, resource)]


@pytest.mark.parametrize("resource", ["jupyter_sio", "kernels", "contents", "terminals"])
def test_the_owner_may_do_everything(resource: str):
    assert allowed("ada", ACCESS, resource=resource) == list(ACTIONS)


def test_whom_the_hub_does_not_let_in_may_do_nothing():
    assert allowed("ada") == allowed("bob", "custom:jupyter_sio:manage") == []


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        ((), ["read"]),
        (("custom:jupyter_sio:send!server=ada/lab",), ["read", "write"]),
        (("custom:jupyter_sio:send!user=ada",), ["read", "write"]),
        (("custom:jupyter_sio:manage",), ["read", "write", "execute"]),
        (("custom:jupyter_sio:manage!user=bob",), ["read"]),
        (("custom:jupyter_sio:manage!server=ada/",), ["read"]),
    ],
)
def test_a_guest_watches_and_more_by_scopes_for_this_server(
    scopes: tuple[str, ...], expected: list[str]
):
    assert allowed("bob", ACCESS, *scopes) == expected


@pytest.mark.parametrize(
    ("scope", "expected"),
    [("other", []), ("watch", ["read"]), ("send", ["read", "write"])],
)
def test_guests_may_be_asked_for_a_scope_to_watch(scope: str, expected: list[str]):
    assert allowed("bob", ACCESS, f"custom:jupyter_sio:{scope}", guests_watch=False) == expected


@pytest.mark.parametrize("resource", ["kernels", "contents", "terminals"])
def test_the_rest_of_the_server_is_closed_to_guests_unless_configured(resource: str):
    scopes = (ACCESS, "custom:jupyter_sio:manage")
    assert allowed("bob", *scopes, resource=resource) == []
    opened = allowed("bob", *scopes, resource=resource, guests_use_server=True)
    assert opened == list(ACTIONS)
