"""The proxy and servers go away and come back; tokens and shares are taken back.

Fault F-21; threat S-13 under JupyterHub.
"""

from __future__ import annotations

import pytest

from jupyter_sio import NotPermitted
from tests.hub.conftest import House
from tests.hub.house import ADA, BOB, Kernel, ask, eventually, play
from tests.hub.watching import Watching, of_kernel


def test_viewers_resume_without_loss_when_the_proxy_is_restarted(
    house: House,
    kernel: Kernel,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setattr("jupyter_sio.viewer.watcher.backoff", lambda attempts: 0.2)
    # A new proxy that has no routes yet leaves a handshake without an answer.
    monkeypatch.setattr("jupyter_sio.limits.Viewing.door_seconds", 2.0)
    with (
        of_kernel(kernel, house.hub.token(ADA)) as owner,
        of_kernel(kernel, house.hub.token(BOB)) as guest,
        Watching(house.ada.share(kernel)["url"]) as stranger,
    ):
        for watching in (owner, guest, stranger):
            watching.more()
        house.hub.kill_proxy()
        for watching in (owner, guest, stranger):
            watching.more(100)
            assert watching.nothing_lost()
        assert caplog.text.count("trying again") >= 3


def test_a_revoked_token_is_out_and_others_stay(house: House, kernel: Kernel):
    token, token_id = house.hub.token_and_id(ADA)
    with of_kernel(kernel, house.ada.token) as other, of_kernel(kernel, token) as revoked:
        revoked.more()
        house.hub.revoke(ADA, token_id)
        eventually(lambda: revoked.failure, "the revoked token to be out")
        assert isinstance(revoked.failure, NotPermitted)
        other.more()


def test_a_guest_whose_share_is_taken_back_is_out(house: House, kernel: Kernel):
    async def scene() -> int | None:
        async with kernel.viewer(house.hub.token(BOB)) as wire:
            house.hub.unshare(house.ada, BOB)
            (bye,) = await wire.first("$bye")
            await wire.until_closed()
            return bye["code"]

    try:
        assert play(scene()) == 3005
    finally:
        house.hub.share(house.ada, BOB)


def test_a_link_goes_with_its_maker_who_is_taken_the_right(house: House, strict_kernel: Kernel):
    """Bob may make links as long as he may manage; what he then loses, his links lose."""
    links, body = house.strict.url + "jupyter-sio/api/links", {"kernel_id": strict_kernel.id}
    with house.hub.member("managers", BOB):
        link = ask(links, token=house.hub.token(BOB), method="POST", body=body)
        house.hub.secrets.add(link["secret"])
        watching = Watching(link["url"])
        watching.more()
    with watching:
        eventually(lambda: watching.failure, "the link to be out")
        assert isinstance(watching.failure, NotPermitted)


def test_a_stream_keeps_the_hub_hearing_of_activity(house: House, kernel: Kernel):
    """Nobody asks the server anything meanwhile."""
    for _ in range(4):  # the first may be of the tests before
        before = house.hub.last_activity(ADA)

        def later(before: str = before) -> bool:
            return house.hub.last_activity(ADA) > before

        eventually(later, "the Hub to hear of the stream")
