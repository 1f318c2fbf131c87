"""Claims, tickets, cookies and the REST answers, where ``test_doors.py`` is silent.

Source: protocol.md §3.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from tests.integration.conftest import EPOCH, Server, Stage
from tests.wire import Wire, claim_of, fetch

API = "jupyter-sio/api/"


async def cookies_of(server: Server) -> dict[str, str]:
    """Log in as a browser does; returns what it then sends with every request."""
    response = await AsyncHTTPClient().fetch(
        f"{server.url}login?token={server.token}", raise_error=False, follow_redirects=False
    )
    found = [line.split(";")[0] for line in response.headers.get_list("Set-Cookie")]
    assert any(cookie.startswith("username-") for cookie in found), found
    return {"Cookie": "; ".join(found)}


# --- a cookie ----------------------------------------------------------------------------------


async def test_a_cookie_opens_a_socket_of_the_same_origin(stage: Stage):
    server = stage.server
    headers = await cookies_of(server)
    origin = server.url.split("/a%40b")[0]
    wire = stage.keep(await Wire.open(server.socket_url, headers={**headers, "Origin": origin}))
    await wire.join(stage.ns)
    await wire.first("$streams")


async def test_a_cookie_from_another_origin_opens_nothing(server: Server):
    headers = {**await cookies_of(server), "Origin": "http://evil.example"}
    with pytest.raises(HTTPClientError) as refused:
        await Wire.open(server.socket_url, headers=headers)
    assert refused.value.code == 403


async def test_tickets_need_no_xsrf_and_everything_that_changes_something_does(stage: Stage):
    headers = await cookies_of(stage.server)
    claim = claim_of(stage.kernel_id, stage.server.key(stage.kernel_id), pid=1, epoch=EPOCH)
    url = f"{stage.server.url}{API}"
    status, _ = await fetch(f"{url}tickets", method="POST", body={"claim": claim}, headers=headers)
    assert status == 200
    wire = await stage.viewer()
    (notice,) = await stage.publisher.first("$viewer")
    path = f"namespaces/{stage.kernel_id}/viewers/{notice['id']}"
    status, answer = await fetch(url + path, method="DELETE", headers=headers)
    assert status == 403 and set(answer) == {"message", "reason"}
    assert not wire.of("$bye")


async def test_handlers_are_told_who_it_is_and_not_how_that_was_proven(stage: Stage):
    server, told = stage.server, []
    server.sio.router.on("connect", lambda sid, environ, auth: told.append(environ), namespace="/a")
    cookie = (await cookies_of(server))["Cookie"]
    headers = {**server.headers, "Cookie": cookie}
    query = {"token": server.token, "_xsrf": "forged", "of": "mine"}
    wire = stage.keep(await Wire.open(server.socket_url, headers=headers, **query))
    await wire.join("/a")
    known = " ".join(value for value in told[0].values() if isinstance(value, str))
    assert "of=mine" in told[0]["QUERY_STRING"] and told[0]["jupyter_sio.user"] in known
    assert not [secret for secret in (server.token, cookie, "forged") if secret in known]


# --- claims ------------------------------------------------------------------------------------


async def test_a_claim_of_another_form_is_400(server: Server, quiet_kernel: str):
    good = claim_of(quiet_kernel, server.key(quiet_kernel), pid=1, epoch=EPOCH)
    wrong: list[tuple[str, Any]] = [
        *[("pid", value) for value in ("1", 1.0, None, True, -1)],
        *[("time", value) for value in (str(good["time"]), good["time"] + 0.5, None, 1e300)],
        *[("nonce", value) for value in ("f" * 15, "f" * 65, "g" * 16, 7, "１" * 16, "")],
        *[("epoch", value) for value in ("f" * 7, "f" * 65, "x" * 8, None, "１" * 8)],
        *[("kernel_id", value) for value in (None, 7, [quiet_kernel], "ü")],
        *[("proof", value) for value in (None, 7, "ü")],
    ]
    for key, value in wrong:
        status, answer = await server.ticket({**good, key: value})
        assert (status, set(answer)) == (400, {"message", "reason"}), (key, value)
    for key in good:
        without = {name: value for name, value in good.items() if name != key}
        assert (await server.ticket(without))[0] == 400, key
    assert (await server.ticket({**good, "more": 1}))[0] == 200  # unknown keys are ignored


async def test_every_field_is_signed(server: Server, quiet_kernel: str, quiet_spec: str):
    good = claim_of(quiet_kernel, server.key(quiet_kernel), pid=1, epoch=EPOCH)
    changed = {
        "kernel_id": await server.start_kernel(quiet_spec),
        "epoch": "0" * 16,
        "pid": 2,
        "time": good["time"] - 1,
        "nonce": "0" * 32,
    }
    for key, value in changed.items():
        assert (await server.ticket({**good, key: value}))[0] == 403, key
    assert (await server.ticket(good))[0] == 200


async def test_a_kernel_without_a_key_is_claimed_by_nobody(server: Server, quiet_kernel: str):
    """Jupyter signs nothing then, and anybody could; nor is there a key for unknown kernels."""
    server.serverapp.kernel_manager.get_kernel(quiet_kernel).session.key = b""
    for kernel_id in (quiet_kernel, "unknown"):
        for key in (b"", server.sio.doorkeeper._no_key):
            claim = claim_of(kernel_id, key, pid=1, epoch=EPOCH)
            assert (await server.ticket(claim))[0] == 403


async def test_a_refused_claim_uses_no_nonce_up(server: Server, quiet_kernel: str):
    good = claim_of(quiet_kernel, server.key(quiet_kernel), pid=1, epoch=EPOCH)
    assert (await server.ticket({**good, "proof": "0" * 64}))[0] == 403
    assert (await server.ticket(good))[0] == 200
    assert (await server.ticket(good))[0] == 403


@pytest.mark.parametrize("skew", [-58, 58])
async def test_a_clock_may_be_wrong_by_a_minute(server: Server, quiet_kernel: str, skew: int):
    key, moment = server.key(quiet_kernel), int(time.time()) + skew
    claim = claim_of(quiet_kernel, key, pid=1, epoch=EPOCH, time=moment)
    assert (await server.ticket(claim))[0] == 200


async def test_an_unknown_link_is_403(server: Server):
    url = f"{server.url}{API}tickets"
    status, answer = await fetch(url, method="POST", body={"link": "no such secret"})
    assert status == 403 and set(answer) == {"message", "reason"}


async def test_a_ticket_cannot_be_used_twice_at_once(stage: Stage):
    ticket = await stage.ticket()
    opened = await asyncio.gather(
        *(Wire.open(stage.server.socket_url, ticket=ticket) for _ in range(5)),
        return_exceptions=True,
    )
    wires = [stage.keep(one) for one in opened if isinstance(one, Wire)]
    assert len(wires) == 1
    assert {getattr(one, "code", 0) for one in opened} == {0, 403}


# --- what is live ------------------------------------------------------------------------------


async def rest(stage: Stage, path: str, **options: Any) -> tuple[int, Any]:
    return await fetch(f"{stage.server.url}{API}{path}", headers=stage.server.headers, **options)


async def test_the_list_has_numbers_where_the_one_has_viewers(stage: Stage):
    await stage.open()
    await stage.viewer(name="ada")
    _, (listed,) = await rest(stage, "namespaces")
    _, one = await rest(stage, f"namespaces/{stage.kernel_id}")
    assert listed["viewers"] == 1
    keys = {"id", "name", "grants", "kind", "since", "lag"}
    assert [set(viewer) for viewer in one["viewers"]] == [keys]
    assert {**listed, "viewers": one["viewers"]} == one


async def closing(stage: Stage, id: int, answer: dict[str, Any]) -> None:
    """Answer, as the kernel, what it is asked to close."""
    publisher = stage.publisher
    await publisher.first("$close")
    (asked,) = [e for e in publisher.others if getattr(e, "name", "") == "$close"]
    assert asked.args == [{"id": id}]
    await publisher.answer(asked, answer)


async def test_the_kernel_is_asked_to_close_a_stream(stage: Stage):
    id = (await stage.open())["id"]
    path = f"namespaces/{stage.kernel_id}/streams/{id}"
    asking = asyncio.create_task(rest(stage, path, method="DELETE"))
    await closing(stage, id, {"ok": True})
    assert (await asking)[0] == 204
    await stage.publisher.ask(stage.ns, "$close", {"id": id})
    assert (await rest(stage, path, method="DELETE"))[0] == 204  # as wanted already


async def test_a_stream_stays_open_that_its_kernel_does_not_close(stage: Stage):
    id = (await stage.open())["id"]
    path = f"namespaces/{stage.kernel_id}/streams/{id}"
    asking = asyncio.create_task(rest(stage, path, method="DELETE"))
    await closing(stage, id, {"ok": False, "message": "busy"})
    status, answer = await asking
    assert status == 503 and answer["message"] == "the kernel did not close it: busy"
    await stage.publisher.close()
    assert (await rest(stage, path, method="DELETE"))[0] == 503  # and nobody is there to ask


async def test_rates_tell_what_passes(stage: Stage):
    opened, offset, rates = await stage.open(), 0, [0.0]
    while not all(rates):
        await stage.publish(opened["id"], offset, 1, bytes(100))
        offset += 1
        await asyncio.sleep(0.1)
        _, one = await rest(stage, f"namespaces/{stage.kernel_id}")
        rates = [one["rows_per_second"], one["bytes_per_second"]]
    assert 0 < rates[0] < 11 and rates[1] == pytest.approx(100 * rates[0], rel=0.01)


async def test_name_and_path_are_the_notebooks(stage: Stage):
    body = {
        "path": "work/My run.ipynb", "name": "My run.ipynb", "type": "notebook",
        "kernel": {"id": stage.kernel_id},
    }  # fmt: skip
    os.makedirs(os.path.join(stage.server.serverapp.root_dir, "work"))
    url = f"{stage.server.url}api/sessions"
    status, _ = await fetch(url, method="POST", body=body, headers=stage.server.headers)
    assert status == 201
    _, (listed,) = await rest(stage, "namespaces")
    assert (listed["name"], listed["path"]) == ("My run.ipynb", "work/My run.ipynb")


async def test_whom_nobody_knows_cannot_be_shown_the_door(stage: Stage):
    for path in (f"namespaces/{stage.kernel_id}/viewers/nobody", "namespaces/x/viewers/y"):
        status, answer = await rest(stage, path, method="DELETE")
        assert status == 404 and set(answer) == {"message", "reason"}
