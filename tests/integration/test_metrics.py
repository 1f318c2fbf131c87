"""What is counted is on Jupyter's own ``/metrics``. Source: api.md §3."""

from __future__ import annotations

from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from tornado.httpclient import AsyncHTTPClient

from jupyter_sio.server.metrics import COUNTERS, GAUGES
from jupyter_sio.server.registry import Counts
from jupyter_sio.server.router import Statistics
from tests.integration.conftest import Server, Stage


async def metrics(server: Server) -> dict[str, float]:
    answer = await AsyncHTTPClient().fetch(f"{server.url}metrics", headers=server.headers)
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
        if sample.name.startswith("jupyter_sio_")
    }


async def test_what_is_live_and_what_happened_is_told(stage: Stage):
    opened = await stage.open()
    wire, _ = await stage.watching()
    await stage.publish_all(opened["id"], [(2, b"ab"), (1, b"c")])
    await wire.first("$batch")
    told = await metrics(stage.server)
    live = ("connections", "clients", "kernels", "streams", "viewers", "subscriptions")
    assert [told[f"jupyter_sio_{name}"] for name in live] == [2, 2, 1, 1, 1, 1]
    assert told["jupyter_sio_history_bytes"] == 3
    assert told["jupyter_sio_rows_taken_total"] == 3
    assert told["jupyter_sio_batches_sent_total"] >= 1


async def test_a_bound_that_is_reached_is_counted(stage: Stage):
    wire = await stage.viewer()
    for _ in range(400):
        await wire.tell(stage.ns, "go")
    await stage.settled(wire)
    assert (await metrics(stage.server))["jupyter_sio_refused_events_total"] >= 1


async def test_every_row_has_its_number(server: Server):
    told = await metrics(server)
    names = {row.full_name for row in GAUGES} | {f"{row.full_name}_total" for row in COUNTERS}
    assert set(told) == names


def test_what_the_parts_count_has_its_row():
    rows = {(row.part, row.attribute) for row in (*GAUGES, *COUNTERS)}
    assert {("router", name) for name in Statistics._fields} <= rows
    assert {("registry", name) for name in Counts._fields} <= rows


async def test_a_server_that_stops_takes_its_numbers_with_it(server: Server):
    await server.sio.stop_extension()
    assert not any(family.name.startswith("jupyter_sio_") for family in REGISTRY.collect())
