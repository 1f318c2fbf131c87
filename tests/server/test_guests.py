"""Who is at home on a server that JupyterHub started. The real Hub is asked in tests/hub."""

from __future__ import annotations

from typing import Any

import pytest
from jupyter_server.auth import AllowAllAuthorizer, User
from jupyterhub.singleuser.extension import JupyterHubAuthorizer, JupyterHubUser

from jupyter_sio.server.guests import is_guest, only_watches


class Own(AllowAllAuthorizer):
    """An administrator's own, which may look at what it is asked."""


def hub_user(name: str, kind: str = "user") -> JupyterHubUser:
    return JupyterHubUser({"name": name, "kind": kind, "scopes": []})


@pytest.fixture(autouse=True)
def server_of_ada(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")


def test_the_owner_is_at_home():
    assert not is_guest(hub_user("ada"))


@pytest.mark.parametrize("user", [hub_user("bob"), hub_user("ada", "service"), hub_user("ADA")])
def test_whoever_else_the_hub_lets_in_is_a_guest(user: JupyterHubUser):
    assert is_guest(user)


def test_on_a_server_without_an_owner_everybody_is_a_guest(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("JUPYTERHUB_USER")
    assert is_guest(hub_user("ada"))


@pytest.mark.parametrize("user", [User("bob"), None, "bob"])
def test_who_did_not_come_by_a_hub_is_no_guest(user: Any):
    """A server started from a terminal of the Hub's has its environment, and its own users."""
    assert not is_guest(user)


@pytest.mark.parametrize(
    ("authorizer", "expected"),
    [(AllowAllAuthorizer(), True), (JupyterHubAuthorizer(), True), (Own(), False)],
)
def test_a_guest_only_watches_where_nobody_looks_at_the_action(authorizer: Any, expected: bool):
    assert only_watches(hub_user("bob"), authorizer) is expected
    assert not only_watches(hub_user("ada"), authorizer)
