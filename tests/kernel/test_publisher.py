"""The publisher against a peer that speaks protocol.md: claim, rows, events, calls, links."""

from __future__ import annotations

import time

from jupyter_sio.kernel.publisher import Publisher
from tests.kernel.peer import BASE, KERNEL, Peer


def test_connecting_claims_the_kernels_namespace(publisher: Publisher, server: Peer):
    (claim,) = server.claims
    assert claim.kernel_id == KERNEL.kernel_id
    assert claim.epoch == publisher.epoch
    assert claim.proven_by(KERNEL.key)
    assert abs(claim.time - time.time()) < 5
    assert publisher.online


def test_the_base_url_travels_escaped_as_it_is(publisher: Publisher, server: Peer):
    assert server.paths == [
        f"{BASE}jupyter-sio/api/tickets",
        f"{BASE}jupyter-sio/socket.io/?EIO=4&transport=websocket&ticket=ticket1",
    ]


def test_a_row_pushed_reaches_the_server(publisher: Publisher, server: Peer):
    loss = publisher.stream("loss")
    loss.push(step=1, loss=0.5)
    assert loss.flush()
    assert server.streams["loss"].rows == [{"step": 1, "loss": 0.5}]
