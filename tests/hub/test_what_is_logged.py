"""Hub, proxy and single-user servers write one log here; nothing in it opens anything.

The last file of this folder: what the tests before it had in hand is looked for as well.
"""

from __future__ import annotations

from tests.hub.conftest import House
from tests.hub.house import ADA, BOB, Kernel, ask, handshake, play, status_of


def test_no_token_secret_or_ticket_stands_in_any_log(house: House, kernel: Kernel):
    hub, tickets = house.hub, house.ada.url + "jupyter-sio/api/tickets"
    link = house.ada.share(kernel)
    for secret in (link["secret"], hub.token(ADA), "s3cret-that-never-was-a-link"):
        hub.secrets.add(secret)
        status_of(tickets, method="POST", body={"link": secret})
    for expected in (101, 403):
        ticket = ask(tickets, method="POST", body={"link": link["secret"]})["ticket"]
        hub.secrets |= {ticket, ticket + "x"}
        told = ticket if expected == 101 else ticket + "x"
        assert play(handshake(house.ada, {}, ticket=told)) == expected
        assert play(handshake(house.ada, {}, ticket=ticket)) == (403 if expected == 101 else 101)
    for server in (house.ada, house.bob):
        for token in (hub.token(BOB), "s3cret-that-never-was-a-token"):
            hub.secrets.add(token)
            play(handshake(server, {"Authorization": f"token {token}"}))
            play(handshake(server, {"Sec-Fetch-Mode": "websocket"}, token=token))
            status_of(f"{server.url}jupyter-sio/api/namespaces?token={token}")
    log = hub.log.read_text(errors="replace")
    for process in ("JupyterHub", "ConfigProxy", "ServerApp", "ticket="):
        assert process in log
    assert len(hub.secrets) > 10
    assert [line for line in log.splitlines() if any(each in line for each in hub.secrets)] == []
