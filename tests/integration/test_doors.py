"""The doors: who gets a WebSocket, a ticket, a namespace. Source: protocol.md §3."""

from __future__ import annotations

import asyncio
import os
import time

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_sio.protocol import socketio
from jupyter_sio.protocol.grants import Claim
from tests.integration.conftest import EPOCH, Server
from tests.wire import Wire, claim_of, fetch

HANDSHAKE = "EIO=4&transport=websocket"


async def refusal(server: Server, query: str, **headers: str) -> int:
    """Get the status a WebSocket handshake is answered with (101 if it opened)."""
    try:
        wire = await Wire.open(server.socket_url, headers=headers) if not query else None
        if wire is None:
            from tornado.httpclient import HTTPRequest
            from tornado.websocket import websocket_connect

            url = server.socket_url.replace("http", "ws", 1) + "?" + query
            connection = await websocket_connect(HTTPRequest(url, headers=headers))
            connection.close()
        else:
            await wire.close()
    except HTTPClientError as exc:
        return exc.code
    return 101


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("transport=websocket", 400),
        ("EIO=3&transport=websocket", 400),
        ("EIO=4", 400),
        ("EIO=4&transport=polling", 400),
        ("EIO=4&transport=websocket&sid=abc", 400),
        ("EIO=4&EIO=3&transport=websocket", 400),
    ],
)
async def test_a_handshake_that_is_not_ours_is_refused_before_101(server, query, status):
    assert await refusal(server, query, **server.headers) == status
    assert not server.sio.router.eio.sockets


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "token wrong"}, {"Authorization": "bearer x"}, {"Authorization": ""}],
)
async def test_without_identity_or_ticket_nobody_gets_a_socket(server, headers):
    assert await refusal(server, HANDSHAKE, **headers) == 403
    assert not server.sio.router.eio.sockets


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS", "DELETE"])
async def test_long_polling_is_closed(server, method):
    url = f"{server.socket_url}?EIO=4&transport=polling"
    status, _ = await fetch(
        url, method=method, body="" if method in ("POST", "PUT") else None, headers=server.headers
    )
    assert 400 <= status < 500
    assert not server.sio.router.eio.sockets


async def test_a_token_in_a_header_frees_from_the_origin_check(server):
    headers = {**server.headers, "Origin": "http://evil.example"}
    assert await refusal(server, HANDSHAKE, **headers) == 101


async def test_a_token_in_the_url_does_not_free_from_the_origin_check(server):
    query = f"{HANDSHAKE}&token={server.token}"
    assert await refusal(server, query) == 101
    assert await refusal(server, query, Origin="http://evil.example") == 403


async def test_the_host_is_checked_for_everybody(server):
    headers = {**server.headers, "Host": "evil.example"}
    assert await refusal(server, HANDSHAKE, **headers) == 403


async def test_a_ticket_opens_one_socket_and_frees_from_origin(server, kernel_id):
    claim = claim_of(kernel_id, server.key(kernel_id), pid=os.getpid(), epoch=EPOCH)
    _, answer = await server.ticket(claim)
    query = f"{HANDSHAKE}&ticket={answer['ticket']}"
    assert await refusal(server, query, Origin="http://evil.example") == 101
    assert await refusal(server, query) == 403


async def test_a_ticket_is_consumed_by_the_first_request_whatever_the_answer(server, kernel_id):
    claim = claim_of(kernel_id, server.key(kernel_id), pid=os.getpid(), epoch=EPOCH)
    _, answer = await server.ticket(claim)
    assert await refusal(server, f"EIO=3&ticket={answer['ticket']}") == 400
    assert await refusal(server, f"{HANDSHAKE}&ticket={answer['ticket']}") == 403


async def test_where_identity_and_ticket_are_both_given_the_ticket_counts(server):
    assert await refusal(server, f"{HANDSHAKE}&ticket=wrong", **server.headers) == 403


async def test_a_claim_is_answered_with_a_ticket_for_its_namespace(server, kernel_id):
    claim = claim_of(kernel_id, server.key(kernel_id), pid=os.getpid(), epoch=EPOCH)
    status, answer = await server.ticket(claim)
    assert status == 200
    assert len(answer.pop("ticket")) >= 22
    assert answer == {
        "expires_in": 30.0, "kernel_id": kernel_id, "grants": ["publish"],
        "streams": [], "events": [],
    }  # fmt: skip


async def test_unknown_kernel_wrong_proof_old_time_and_used_nonce_get_one_answer(server, kernel_id):
    key, pid = server.key(kernel_id), os.getpid()
    good = claim_of(kernel_id, key, pid=pid, epoch=EPOCH)
    assert (await server.ticket(good))[0] == 200
    wrong = [
        good,  # replayed
        claim_of(kernel_id, b"another key", pid=pid, epoch=EPOCH),
        claim_of("00000000-0000-0000-0000-000000000000", key, pid=pid, epoch=EPOCH),
        claim_of(kernel_id, key, pid=pid, epoch=EPOCH, time=int(time.time()) - 61),
        claim_of(kernel_id, key, pid=pid, epoch=EPOCH, time=int(time.time()) + 61),
        {**claim_of(kernel_id, key, pid=pid, epoch=EPOCH), "proof": ""},
    ]
    answers = [await server.ticket(claim) for claim in wrong]
    assert {str(answer) for answer in answers} == {str(answers[0])}
    assert answers[0][0] == 403


async def test_a_kernel_cannot_claim_another_kernels_namespace(server, kernel_id):
    other = await server.start_kernel()
    claim = Claim(other, EPOCH, 1, int(time.time()), "f" * 16).sign(server.key(kernel_id))
    assert (await server.ticket(claim.body()))[0] == 403


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", "nonsense", '{"claim": 1}', '{"link": "x", "claim": {}}']
)
async def test_a_body_that_is_no_proof_is_a_bad_request(server, body):
    url = f"{server.url}jupyter-sio/api/tickets"
    status, answer = await fetch(url, method="POST", body=body)
    assert status == 400
    assert set(answer) == {"message", "reason"}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("EIO=4&transport=websocket", "a Jupyter identity or a ticket is needed"),
        ("EIO=4&transport=websocket&ticket=x", "the ticket is unknown, used or too old"),
        ("EIO=3&transport=websocket", "Engine.IO protocol 4 is needed"),
    ],
)
async def test_a_refused_handshake_says_why_as_rest_does(server, query, said):
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    status, answer = await fetch(f"{server.socket_url}?{query}", headers=upgrade)
    assert status in (400, 403) and set(answer) == {"message", "reason"}
    assert said in answer["message"]


async def test_a_body_above_64_kib_is_refused(server):
    url = f"{server.url}jupyter-sio/api/tickets"
    status, answer = await fetch(url, method="POST", body="x" * (64 * 1024 + 1))
    assert status == 413
    assert set(answer) == {"message", "reason"}


async def test_a_publisher_may_connect_to_its_namespace_alone(server, kernel_id):
    other = await server.start_kernel()
    publisher = await server.publisher(kernel_id)
    for name in (f"/kernels/{other}", "/kernels", "/", "/courses/1"):
        answer = await publisher.join(name)
        assert isinstance(answer, socketio.JoinRefused), name
    await publisher.close()


async def test_the_namespaces_are_listed_for_those_who_may_watch(server, kernel_id):
    url = f"{server.url}jupyter-sio/api/namespaces"
    assert (await fetch(url))[0] == 403
    status, listed = await fetch(url, headers=server.headers)
    assert status == 200
    assert [entry["kernel_id"] for entry in listed] == [kernel_id]
    assert listed[0]["viewers"] == 0
    assert {"name", "path", "state", "publisher", "since", "streams"} < set(listed[0])


async def test_one_namespace_lists_its_viewers_and_a_viewer_can_be_shown_the_door(
    server, kernel_id
):
    viewer = await server.viewer(kernel_id, name="ada")
    url = f"{server.url}jupyter-sio/api/namespaces/{kernel_id}"
    _, one = await fetch(url, headers=server.headers)
    assert [v["name"] for v in one["viewers"]] == ["ada"]
    status, _ = await fetch(
        f"{url}/viewers/{one['viewers'][0]['id']}", method="DELETE", headers=server.headers
    )
    assert status == 204
    assert (await viewer.first("$bye"))[0]["code"] == 3503
    await viewer.until_closed()


async def test_an_unknown_namespace_is_404(server):
    url = f"{server.url}jupyter-sio/api/namespaces/nothing"
    assert (await fetch(url, headers=server.headers))[0] == 404
    await asyncio.sleep(0)
