"""Who may do what on a server that JupyterHub started: owner, guest, anybody else.

Threats S-5 and S-5b of another user of the same Hub.
"""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from jupyter_sio.protocol.socketio import Joined
from tests.hub.conftest import House
from tests.hub.house import BOB, Gone, Kernel, ask, handshake, play, status_of

EVERYTHING = ["manage", "send", "watch"]
NAMESPACES = "jupyter-sio/api/namespaces"
# What Jupyter itself has for those who may execute.
OF_JUPYTER = ("api/kernels", "api/contents", "api/sessions", "api/terminals")


async def grants(kernel: Kernel, token: str) -> list[str]:
    """Join with a token and look at what the server thinks of it."""
    async with kernel.viewer(token) as wire:
        (joined,) = [other for other in wire.others if isinstance(other, Joined)]
        details = kernel.server.api(f"{NAMESPACES}/{kernel.id}")
        (found,) = [each for each in details["viewers"] if each["id"] == joined.sid]
        return found["grants"]


def test_an_owner_may_do_everything(house: House, kernel: Kernel, strict_kernel: Kernel):
    assert play(grants(kernel, house.ada.token)) == EVERYTHING
    assert play(grants(strict_kernel, house.ada.token)) == EVERYTHING


def test_a_guest_watches(house: House, kernel: Kernel):
    token = house.hub.token(BOB)
    assert play(grants(kernel, token)) == ["watch"]
    for path in (NAMESPACES, f"{NAMESPACES}/{kernel.id}"):
        assert status_of(house.ada.url + path, token=token) == 200


def test_a_service_of_the_hubs_is_a_guest_too(house: House, kernel: Kernel):
    assert play(grants(kernel, house.hub.service_token)) == ["watch"]


def test_what_a_guest_sends_reaches_no_kernel(house: House, kernel: Kernel):
    async def scene() -> Any:
        async with (
            kernel.viewer(house.hub.token(BOB)) as guest,
            kernel.viewer(house.ada.token) as owner,
        ):
            refused = await guest.ask(kernel.namespace, "note", "from a guest")
            return refused, await owner.ask(kernel.namespace, "note", "from the owner")

    refused, answered = play(scene())
    assert refused["code"] == 3507 and answered["ok"]
    kernel.run("assert heard == [('from the owner',)], heard")


def test_a_guest_manages_nothing(house: House, kernel: Kernel):
    guest, links = house.hub.token(BOB), f"{house.ada.url}jupyter-sio/api/links"
    link = house.ada.share(kernel)
    assert status_of(links, token=guest, method="POST", body={"kernel_id": kernel.id}) == 403
    assert status_of(links, token=guest) == 403
    assert status_of(f"{links}/{link['id']}", token=guest, method="DELETE") == 403
    viewer = f"{house.ada.url}{NAMESPACES}/{kernel.id}/viewers/x"
    assert status_of(viewer, token=guest, method="DELETE") == 403
    assert status_of(viewer, token=house.ada.token, method="DELETE") == 404


def test_without_our_authorizer_jupyters_own_api_is_open_to_a_guest(house: House, kernel: Kernel):
    """The limit that docs/security.md tells of; where the Hub closes it, that page is wrong."""
    token = house.hub.token(BOB)
    assert [status_of(house.ada.url + path, token=token) for path in OF_JUPYTER] == [200] * 4


def test_with_our_authorizer_a_guest_gets_nothing_but_streams(house: House, strict_kernel: Kernel):
    token = house.hub.token(BOB)
    assert play(grants(strict_kernel, token)) == ["watch"]
    for path in (*OF_JUPYTER, f"api/kernels/{strict_kernel.id}/channels", "api/contents/x"):
        assert status_of(house.strict.url + path, token=token) == 403, path
        assert status_of(house.strict.url + path, token=house.ada.token) != 403, path


@pytest.mark.parametrize(
    ("group", "expected"), [("tutors", ["send", "watch"]), ("managers", EVERYTHING)]
)
def test_a_guests_scopes_say_more(
    house: House, strict_kernel: Kernel, group: str, expected: list[str]
):
    with house.hub.member(group, BOB):
        assert play(grants(strict_kernel, house.hub.token(BOB))) == expected
        assert status_of(house.strict.url + "api/kernels", token=house.hub.token(BOB)) == 403
    assert play(grants(strict_kernel, house.hub.token(BOB))) == ["watch"]


def test_another_user_cannot_tell_which_kernels_exist(house: House, bobs_kernel: Kernel):
    """Nobody let Ada in to Bob's server."""

    def answers(kernel_id: str, token: str) -> list[Any]:
        found = []
        for path in (f"{NAMESPACES}/{kernel_id}", f"api/kernels/{kernel_id}"):
            with pytest.raises(Gone) as gone:
                ask(house.bob.url + path, token=token)
            found.append((gone.value.status, gone.value.body.replace(kernel_id.encode(), b"ID")))
        return found

    other = str(uuid.uuid4())
    for token in (house.ada.token, "wrong", ""):
        there = answers(bobs_kernel.id, token)
        assert there == answers(other, token)
        assert {status for status, _ in there} == {403}
        assert play(handshake(house.bob, {"Authorization": f"token {token}"})) == 403
    with pytest.raises(Gone) as gone:
        ask(house.bob.url + NAMESPACES, token=house.ada.token)
    assert bobs_kernel.id.encode() not in gone.value.body


def test_a_script_shows_its_token_in_the_header_a_browser_in_the_query(house: House):
    token = house.ada.token
    browser = {"Sec-Fetch-Mode": "websocket"}
    assert play(handshake(house.ada, {"Authorization": f"token {token}"})) == 101
    assert play(handshake(house.ada, {}, token=token)) == 403
    assert play(handshake(house.ada, browser, token=token)) == 101
    foreign = {**browser, "Origin": "http://evil.example"}
    assert play(handshake(house.ada, foreign, token=token)) == 403


def test_links_are_off_until_the_admin_says_so(house: House, bobs_kernel: Kernel):
    with pytest.raises(Gone) as gone:
        house.bob.share(bobs_kernel)
    assert gone.value.status == 403
    assert b"allow_links = True" in gone.value.body
    bobs_kernel.run(
        "try:\n    sio.share('rows')\nexcept sio.NotPermitted as exc:\n"
        "    assert 'allow_links = True' in str(exc), exc\nelse:\n    raise AssertionError\n"
    )
