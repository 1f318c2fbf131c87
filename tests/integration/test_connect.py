"""CONNECT: who is let in, what a refusal looks like, what comes first. Source: protocol.md §4."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from jupyter_sio.protocol import socketio
from tests.integration.conftest import Server, Stage
from tests.wire import Wire, fetch

NO_SUCH_NAMESPACE = {"message": "no such namespace", "data": {"code": 3507}}


async def refusal(wire: Wire, name: str, auth: object = None) -> Any:
    """Join ``name`` and read the CONNECT_ERROR as it stands on the wire."""
    assert isinstance(await wire.join(name, auth), socketio.JoinRefused)
    (found,) = [text for text in wire.texts if text.startswith(f"44{name},")]
    return json.loads(found[len(f"44{name},") :])


def here(wire: Wire, namespace: str) -> list[Any]:
    """List what came in one namespace, in its order."""
    return [other for other in wire.others if getattr(other, "namespace", None) == namespace]


def words(wire: Wire, namespace: str) -> list[str]:
    return [getattr(other, "name", type(other).__name__) for other in here(wire, namespace)]


# --- who ---------------------------------------------------------------------------------------


async def test_a_viewer_is_let_in_with_and_without_auth(stage: Stage):
    for auth in (None, {}, {"protocol": 1}, {"protocol": 1, "name": "x" * 64}, {"more": [1]}):
        wire = await stage.socket()
        assert isinstance(await wire.join(stage.ns, auth), socketio.Joined), auth


async def test_who_somebody_is_comes_from_the_door_not_from_auth(stage: Stage):
    wire = await stage.viewer(name="kernel", grants=["publish"], user="root", claim={}, ticket="x")
    (notice,) = await stage.publisher.first("$viewer")
    assert notice["name"] == "kernel"
    assert sorted(notice["grants"]) == ["manage", "send", "watch"]
    await wire.tell(stage.ns, "$open", {"stream": "loss", "epoch": "00000000"})
    await wire.until_closed()
    assert wire.close_code == 3501


async def test_no_name_in_auth_leaves_the_name_that_the_door_knows(stage: Stage):
    await stage.viewer()
    (notice,) = await stage.publisher.first("$viewer")
    assert isinstance(notice["name"], str) and notice["name"]


@pytest.mark.parametrize("number", [0, 2, 1.5, "1", True, [1]])
async def test_another_protocol_number_is_refused_with_3501(stage: Stage, number: Any):
    wire = await stage.socket()
    answer = await refusal(wire, stage.ns, {"protocol": number})
    assert set(answer) == {"message", "data"} and answer["data"] == {"code": 3501}
    assert isinstance(await wire.join(stage.ns, {"protocol": 1}), socketio.Joined)


@pytest.mark.parametrize("name", ["x" * 65, 7, ["ada"]])
async def test_a_name_that_is_no_text_of_at_most_64_is_refused(stage: Stage, name: Any):
    answer = await refusal(await stage.socket(), stage.ns, {"protocol": 1, "name": name})
    assert answer["data"] == {"code": 3501}


# --- refusals ----------------------------------------------------------------------------------


async def test_unknown_malformed_over_long_and_forbidden_kernels_get_exactly_one_answer(
    stage: Stage, quiet_spec: str
):
    other = await stage.server.start_kernel(quiet_spec)
    wire = await stage.socket()
    names = [
        "/kernels/00000000-0000-0000-0000-000000000000",
        f"/kernels/{stage.kernel_id.upper()}",
        f"/kernels/{stage.kernel_id}/",
        f"/kernels/{stage.kernel_id}/streams",
        f"/kernels//{stage.kernel_id}",
        "/kernels/",
        "/kernels/..",
        "/kernels/*",
        "/kernels/%2e",
        "/kernels/ ",
        "/kernels/ü",
        "/kernels/\u0000",
        "/kernels/" + "x" * 10_000,
    ]
    answers = [await refusal(wire, name) for name in names]
    answers += [await refusal(wire, names[0] + "0", {"protocol": 2})]
    answers += [await refusal(stage.publisher, f"/kernels/{other}")]  # forbidden: it has its own
    answers += [await refusal(stage.publisher, "/kernels")]
    for name, answer in zip([*names, "protocol 2", "forbidden", "directory"], answers, strict=True):
        assert answer == NO_SUCH_NAMESPACE, name
    assert not wire.closed


async def test_where_nobody_connected_a_handler_nothing_is_open(stage: Stage):
    wire = await stage.socket()
    for name in ("/courses", "/courses/1", "/kernelsx", "/admin"):
        assert (await refusal(wire, name))["data"] == {"code": 3507}
    await wire.send("40")
    await wire.until(lambda: any(text.startswith("44{") for text in wire.texts))
    assert '"code":3507' in wire.texts[-1]


async def test_a_handler_that_says_false_refuses_with_3507(server: Server):
    server.sio.router.on("connect", lambda *_: False, namespace="/courses/*")
    wire = await Wire.open(server.socket_url, headers=server.headers)
    answer = await refusal(wire, "/courses/1")
    assert set(answer) == {"message", "data"} and answer["data"] == {"code": 3507}
    await wire.close()


async def test_a_handler_that_fails_refuses_with_3004_and_keeps_why_to_itself(server: Server):
    def broken(*_: Any) -> None:
        raise RuntimeError("the password is swordfish")

    server.sio.router.on("connect", broken, namespace="/courses/*")
    wire = await Wire.open(server.socket_url, headers=server.headers)
    assert await refusal(wire, "/courses/1") == {
        "message": "internal error",
        "data": {"code": 3004},
    }
    await wire.close()


async def test_a_handlers_own_data_is_kept_beside_the_code(server: Server):
    def full(*_: Any) -> None:
        raise ConnectionRefusedError("full", {"seats": 0})

    server.sio.router.on("connect", full, namespace="/courses/*")
    wire = await Wire.open(server.socket_url, headers=server.headers)
    assert await refusal(wire, "/courses/1") == {
        "message": "full",
        "data": {"code": 3507, "seats": 0},
    }
    await wire.close()


# --- what comes first --------------------------------------------------------------------------


async def test_after_connect_a_viewer_gets_status_then_streams(stage: Stage):
    opened = await stage.open()
    wire = await stage.viewer()
    await wire.first("$streams")
    assert words(wire, stage.ns) == ["Joined", "$status", "$streams"]
    (status,), (streams,) = wire.of("$status")[0], wire.of("$streams")[0]
    assert set(status) == {"kernel", "publisher", "since"}
    assert (status["kernel"], status["publisher"]) == ("idle", "online")
    assert abs(status["since"] - time.time() * 1000) < 60_000
    assert [set(entry) for entry in streams] == [
        {"id", "stream", "media", "mode", "epoch", "first", "next", "ended"}
    ]
    assert streams[0]["id"] == opened["id"] and streams[0]["ended"] is False


async def test_without_streams_an_empty_list_is_told(server: Server, quiet_kernel: str):
    wire = await server.viewer(quiet_kernel)
    assert (await wire.first("$streams")) == [[]]
    assert wire.of("$status")[0][0]["publisher"] == "never"
    await wire.close()


async def test_a_publisher_gets_one_viewer_for_each_present(stage: Stage):
    viewers = [await stage.viewer(name=name) for name in ("ada", "ben")]
    second = await stage.claim()
    await second.until(lambda: len(second.of("$viewer")) == 2)
    sids = {other.sid for wire in viewers for other in here(wire, stage.ns)[:1]}
    notices = [notice for (notice,) in second.of("$viewer")]
    assert {notice["id"] for notice in notices} == sids
    assert sorted(notice["name"] for notice in notices) == ["ada", "ben"]
    assert all(set(notice) == {"id", "name", "grants", "joined"} for notice in notices)
    assert words(second, stage.ns) == ["Joined", "$viewer", "$viewer"]


async def test_nothing_reaches_a_viewer_before_its_connect(stage: Stage):
    opened = await stage.open()
    over = asyncio.Event()

    async def make_noise() -> None:
        offset = 0
        while not over.is_set():
            await stage.publisher.tell(stage.ns, "$emit", {"event": "tick"}, offset)
            await stage.publish(opened["id"], offset)
            offset += 1
            await asyncio.sleep(0)

    noise = asyncio.ensure_future(make_noise())
    wires = await asyncio.gather(*(stage.viewer() for _ in range(40)))
    for wire in wires:
        await wire.first("tick")
        assert words(wire, stage.ns)[:3] == ["Joined", "$status", "$streams"]
    over.set()
    await noise


async def test_a_broadcast_waits_for_nobody_and_reaches_nobody_who_is_not_in(server: Server):
    router, decided = server.sio.router, asyncio.Event()

    async def decide(namespace: Any, sid: str, environ: Any, auth: Any) -> None:
        await router.emit("to you", to=sid, namespace=namespace)
        await decided.wait()

    router.on("connect", decide, namespace="/courses/*")
    wire = await Wire.open(server.socket_url, headers=server.headers)
    joining = asyncio.ensure_future(wire.join("/courses/1"))
    while not server.sio.router.statistics().clients:
        await asyncio.sleep(0.005)
    await router.emit("to all", namespace="/courses/1")
    assert not here(wire, "/courses/1")
    decided.set()
    await joining
    await router.emit("later", namespace="/courses/1")
    await wire.first("later")
    assert words(wire, "/courses/1") == ["Joined", "to you", "later"]
    await wire.close()


async def test_a_namespace_that_was_left_can_be_joined_again(stage: Stage):
    wire = await stage.viewer()
    await wire.send(socketio.disconnect(stage.ns))
    await stage.publisher.first("$viewer", 2)
    await wire.join(stage.ns)
    await wire.first("$streams", 2)
    joined = [notice["joined"] for (notice,) in stage.publisher.of("$viewer")]
    assert joined == [True, False, True]


# --- the directory -----------------------------------------------------------------------------


async def reader(stage: Stage) -> Wire:
    wire = await stage.socket()
    assert isinstance(await wire.join("/kernels"), socketio.Joined)
    await wire.first("$namespaces")
    return wire


async def test_the_directory_lists_what_rest_lists(stage: Stage):
    await stage.open()
    wire = await reader(stage)
    ((listed,),) = wire.of("$namespaces")
    _, rest = await fetch(
        f"{stage.server.url}jupyter-sio/api/namespaces", headers=stage.server.headers
    )
    assert listed == rest and words(wire, "/kernels") == ["Joined", "$namespaces"]
    (entry,) = listed
    assert set(entry) >= {
        "kernel_id", "name", "path", "state", "publisher", "since", "streams", "viewers",
    }  # fmt: skip
    assert entry["kernel_id"] == stage.kernel_id and entry["publisher"] == "online"
    assert [stream["stream"] for stream in entry["streams"]] == ["loss"]


async def test_the_directory_tells_when_a_namespace_opens_and_ends(stage: Stage, quiet_spec: str):
    wire = await reader(stage)
    kernel_id = await stage.server.start_kernel(quiet_spec)

    def told() -> list[Any]:
        return [e for (e,) in wire.of("$namespace", "/kernels") if e["kernel_id"] == kernel_id]

    await wire.until(told)
    assert set(told()[0]) == set(wire.of("$namespaces")[0][0][0])
    await stage.server.serverapp.kernel_manager.shutdown_kernel(kernel_id, now=True)
    await wire.until(lambda: told()[-1]["state"] == "dead")


async def test_the_directory_tells_changes_at_most_once_a_second_each(stage: Stage):
    wire = await reader(stage)
    began = time.monotonic()
    while time.monotonic() - began < 1.3:
        viewer = await stage.viewer()
        await viewer.close()
    last = await stage.viewer()
    await wire.until(lambda: wire.of("$namespace")[-1][0]["viewers"] == 1)
    elapsed = time.monotonic() - began
    assert 2 <= len(wire.of("$namespace")) <= elapsed + 1
    await last.close()


async def test_the_directory_is_read_only(stage: Stage):
    for event in ("$subscribe", "$namespaces", "hello"):
        wire = await reader(stage)
        await wire.tell("/kernels", event, {"stream": "loss"})
        await wire.until_closed()
        assert wire.close_code == 3501


async def test_the_directory_tells_what_each_stream_holds_and_how_fast_it_grows(stage: Stage):
    wire = await reader(stage)
    first, second = [(await stage.open(name))["id"] for name in ("loss", "quiet")]
    await stage.publish(second, 0, 1, b"x")
    for offset in range(10):
        await stage.publish(first, offset, 1, bytes(100))

    def streams() -> dict[str, Any]:
        news = wire.of("$namespace", "/kernels")
        return {one["stream"]: one for one in news[-1][0]["streams"]} if news else {}

    await wire.until(lambda: streams().get("loss", {}).get("next") == 10)
    assert (streams()["loss"]["bytes"], streams()["quiet"]["bytes"]) == (1000, 1)
    for offset in range(10, 20):
        await stage.publish(first, offset, 1, bytes(100))
    await wire.until(lambda: streams()["loss"]["rows_per_second"] > 0)
    passing = streams()["loss"]
    assert passing["bytes_per_second"] == pytest.approx(100 * passing["rows_per_second"], rel=0.05)
    # Nothing else changes when the rows stop: their rate is news all the same.
    await wire.until(lambda: streams()["loss"]["rows_per_second"] == 0)
    assert streams()["quiet"]["rows_per_second"] == 0


async def test_the_directory_tells_since_when_the_kernels_process_runs(stage: Stage):
    wire = await reader(stage)
    (listed,) = wire.of("$namespaces")[0][0]

    def told() -> list[int]:
        return [entry["started"] for (entry,) in wire.of("$namespace")]

    await stage.claim(pid=1)
    await wire.until(lambda: max(told(), default=0) > listed["started"])
