"""The proxy and servers go away and come back; tokens and shares are taken back.

Fault F-21; threat S-13 under JupyterHub.
"""

from __future__ import annotations

import threading
from typing import Any

import pytest

from jupyter_sio import NotPermitted, watch
from tests.hub.conftest import House
from tests.hub.house import ADA, BOB, PATIENCE, Gone, Kernel, ask, eventually, play


class Watching(threading.Thread):
    """Watches a stream with the Python viewer, and keeps all that it is given."""

    def __init__(self, target: str, **options: Any) -> None:
        super().__init__(daemon=True)
        self.target, self.options = target, options
        self.values: list[int] = []
        self.missing = 0
        self.failure: Exception | None = None
        self._left = False
        self.start()

    def run(self) -> None:
        try:
            for batch in watch(self.target, "rows", **self.options):
                self.missing += batch.gap
                self.values += batch.pydict()["n"]
                if self._left:
                    break
        except Exception as exc:  # noqa: BLE001 - the test looks at it
            self.failure = exc

    def __enter__(self) -> Watching:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._left = True  # it is seen with the next row
        self.join(PATIENCE)

    def more(self, count: int = 20) -> None:
        """Wait until so many more rows have come."""
        wanted = len(self.values) + count
        eventually(lambda: self.failure or len(self.values) >= wanted, "more rows")
        assert self.failure is None

    def nothing_lost(self) -> bool:
        first = self.values[0]
        return not self.missing and self.values == list(range(first, first + len(self.values)))


def of_kernel(kernel: Kernel, token: str) -> Watching:
    return Watching(kernel.server.url, kernel_id=kernel.id, token=token)


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
        eventually(lambda: revoked.failure, "the revoked token to be out", 10)
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
    house.hub.share(house.strict, BOB, "custom:jupyter_sio:manage")
    body = {"kernel_id": strict_kernel.id}
    links = house.strict.url + "jupyter-sio/api/links"
    link = ask(links, token=house.hub.token(BOB), method="POST", body=body)
    house.hub.secrets.add(link["secret"])
    with Watching(link["url"]) as watching:
        watching.more()
        house.hub.unshare(house.strict, BOB)
        house.hub.share(house.strict, BOB, "custom:jupyter_sio:watch")
        eventually(lambda: watching.failure, "the link to be out", 10)
        assert isinstance(watching.failure, NotPermitted)


def test_streaming_counts_as_activity_and_its_end_does_not(house: House, kernel: Kernel):
    def active_again(since: str) -> bool:
        return house.hub.last_activity(ADA) > since

    before = house.hub.last_activity(ADA)
    eventually(lambda: active_again(before), "the Hub to hear of the stream", 10)


def test_a_stopped_server_is_waited_for(house: House, bobs_kernel: Kernel):
    watching = of_kernel(bobs_kernel, house.bob.token)
    watching.more()
    house.hub.stop(BOB)
    with pytest.raises(Gone):
        house.bob.api("jupyter-sio/api/namespaces")
    assert watching.is_alive()
    house.hub.start(BOB)
    eventually(lambda: house.hub.ready(BOB), "the server to start")
    eventually(lambda: not watching.is_alive(), "the end", 30)
    assert isinstance(watching.failure, NotPermitted)
    assert "no such namespace" in str(watching.failure)
