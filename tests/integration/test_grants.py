"""What Jupyter's authorizer says is what somebody may do. Source: protocol.md §3, §5."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_server.auth import Authorizer
from tornado.httpclient import HTTPClientError

from jupyter_sio.errors import Refused
from jupyter_sio.protocol import socketio
from jupyter_sio.protocol.grants import Access
from jupyter_sio.protocol.messages import Grant
from tests.integration.conftest import Server, Stage
from tests.wire import Wire, fetch


class Only(Authorizer):
    """Allows these actions on ours, and everything else."""

    actions: tuple[str, ...] = ()
    asked: list[tuple[str, str]] = []  # noqa: RUF012

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        self.asked.append((action, resource))
        return resource != "jupyter_sio" or action in self.actions


@pytest.fixture(params=[("read",)])
def jp_server_config(
    jp_server_config: dict[str, Any], request: Any, monkeypatch: Any
) -> dict[str, Any]:
    monkeypatch.setattr(Only, "actions", request.param)
    monkeypatch.setattr(Only, "asked", [])
    serverapp = {**jp_server_config["ServerApp"], "authorizer_class": Only}
    return {**jp_server_config, "ServerApp": serverapp}


def allowed(*actions: str) -> Any:
    return pytest.mark.parametrize("jp_server_config", [actions], indirect=True)


@pytest.mark.parametrize(
    ("jp_server_config", "grants"),
    [
        (("read",), ["watch"]),
        (("read", "write"), ["send", "watch"]),
        (("read", "execute"), ["manage", "watch"]),
        (("read", "write", "execute"), ["manage", "send", "watch"]),
    ],
    indirect=["jp_server_config"],
)
async def test_read_is_watch_write_is_send_execute_is_manage(stage: Stage, grants: list[str]):
    await stage.viewer()
    assert (await stage.publisher.first("$viewer"))[0]["grants"] == grants
    assert {resource for _, resource in Only.asked} == {"jupyter_sio"}


@allowed("write", "execute")
async def test_who_may_not_watch_gets_no_socket_and_no_list(server: Server, quiet_kernel: str):
    with pytest.raises(HTTPClientError) as refused:
        await Wire.open(server.socket_url, headers=server.headers)
    assert refused.value.code == 403
    for path in ("", f"/{quiet_kernel}"):
        url = f"{server.url}jupyter-sio/api/namespaces{path}"
        status, answer = await fetch(url, headers=server.headers)
        assert status == 403 and set(answer) == {"message", "reason"}


async def test_who_may_only_watch_watches(stage: Stage):
    opened = await stage.open()
    wire, _ = await stage.watching()
    await stage.publish(opened["id"], 0)
    await wire.first("$batch")
    assert isinstance(await wire.join("/kernels"), socketio.Joined)


async def test_without_send_a_user_event_is_3507(stage: Stage):
    wire = await stage.viewer()
    answer = await wire.ask(stage.ns, "go")
    assert set(answer) == {"ok", "code", "message"} and answer["code"] == 3507
    await wire.tell(stage.ns, "go")  # without an answer it is dropped
    await stage.settled(wire)
    assert not stage.publisher.of("$event")


async def test_without_send_a_viewer_still_answers_calls(stage: Stage):
    wire = await stage.viewer()
    (joined,) = [o for o in wire.others if isinstance(o, socketio.Joined)]
    calling = asyncio.ensure_future(
        stage.publisher.ask(stage.ns, "$emit", {"event": "ask", "to": joined.sid})
    )
    await wire.first("ask")
    (event,) = [o for o in wire.others if isinstance(o, socketio.Event) and o.name == "ask"]
    await wire.answer(event, "me")
    assert await calling == {"ok": True, "value": "me"}


@allowed("read", "write")
async def test_without_manage_nobody_is_shown_the_door(stage: Stage):
    wire = await stage.viewer()
    (notice,) = await stage.publisher.first("$viewer")
    url = f"{stage.server.url}jupyter-sio/api/namespaces/{stage.kernel_id}/viewers/{notice['id']}"
    status, answer = await fetch(url, method="DELETE", headers=stage.server.headers)
    assert status == 403 and set(answer) == {"message", "reason"}
    await stage.settled(wire)
    assert not wire.of("$bye")


@allowed("read", "write")
async def test_without_manage_the_text_of_an_exception_stays_in_the_kernel(stage: Stage):
    wire = await stage.viewer()
    asking = asyncio.ensure_future(wire.ask(stage.ns, "go"))
    await stage.publisher.first("$event")
    (event,) = [
        o for o in stage.publisher.others if isinstance(o, socketio.Event) and o.name == "$event"
    ]
    told = {"ok": False, "code": 3004, "message": "KeyError: 'secret'"}
    await stage.publisher.answer(event, told)
    assert await asking == {"ok": False, "code": 3004, "message": "internal error"}


async def test_a_publisher_publishes_whatever_the_authorizer_says_of_users(stage: Stage):
    opened = await stage.open()
    await stage.publish(opened["id"], 0)
    assert await stage.publisher.first("$published") == [[opened["id"], 1]]


NO_GRANTS: frozenset[Grant] = frozenset()


@pytest.mark.parametrize(
    ("name", "access"),
    [
        ("/kernels", Access("ada", NO_GRANTS)),
        ("/kernels", Access("guest", frozenset({Grant.WATCH}), kernel_id="k")),
        ("/kernels/{kernel}", Access("ada", NO_GRANTS)),
        ("/kernels/{kernel}", Access("guest", frozenset({Grant.WATCH}), kernel_id="k")),
        ("/kernels/{kernel}", Access("kernel", frozenset({Grant.PUBLISH}))),
        ("/kernels/x/{kernel}", Access("ada", frozenset({Grant.WATCH}))),
    ],
)
async def test_the_owner_asks_for_grants_too_whatever_the_door_let_in(
    stage: Stage, name: str, access: Access
):
    session, owner = SimpleNamespace(access=access), stage.server.sio.owner
    name = name.format(kernel=stage.kernel_id)
    with pytest.raises(Refused, match="no such namespace"):
        await owner.admit(SimpleNamespace(namespace=name, session=session), None)
