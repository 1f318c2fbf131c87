"""Runs: the rows of what is logged, and what is told of the run itself."""

from __future__ import annotations

import argparse
import json
import threading
from dataclasses import dataclass

import numpy
import pytest

from jupyter_sio.errors import RowError, SioError
from jupyter_sio.kernel.publisher import Publisher
from jupyter_sio.loops.cells import cells
from jupyter_sio.loops.metrics import to_json
from jupyter_sio.loops.run import run
from tests.kernel.peer import Peer
from tests.kernel.test_process import Kernels


def rows(server: Peer, count: int, stream: str = "train") -> list[dict]:
    server.until(lambda: len(server.streams[stream].rows) >= count)
    return [
        {key: value for key, value in row.items() if key != "elapsed"}
        for row in server.streams[stream].rows
    ]


def status(server: Peer, state: str, stream: str = "train/status") -> dict:
    server.until(lambda: server.streams[stream].rows[-1]["state"] == state)
    return server.streams[stream].rows[-1]


def test_what_is_logged_becomes_rows_with_steps(publisher: Publisher, server: Peer):
    with run("train", publisher=publisher) as here:
        here.log({"loss": 1.0})
        here.log({"loss": 0.5}, step=10)
        here.log({"loss": 0.25})
        here.log({"loss": 0.125, "step": 3})
        here.log({"loss": 0})
    told = [(row["step"], row["loss"]) for row in rows(server, 5)]
    assert told == [(0, 1.0), (10, 0.5), (11, 0.25), (3, 0.125), (12, 0.0)]
    assert all(row["elapsed"] >= 0 for row in server.streams["train"].rows)


def test_nested_values_and_scalars_of_arrays_are_flat(publisher: Publisher, server: Peer):
    with run("train", publisher=publisher) as here:
        here.log({"val": {"loss": numpy.float32(0.5), "by": {"a": 1}}, "one": numpy.array([[2]])})
    assert rows(server, 1) == [{"step": 0, "val/loss": 0.5, "val/by/a": 1, "one": 2}]
    assert here.summary == {"val/loss": 0.5, "val/by/a": 1, "one": 2}


def test_its_state_is_told_with_config_and_summary(publisher: Publisher, server: Peer):
    config = {"lr": 0.1, "layers": [8, {"drop": 1e400}], "dtype": numpy.float32}
    with run("train", config, publisher=publisher) as here:
        assert json.loads(status(server, "running")["config"])["lr"] == 0.1
        here.config["seed"] = numpy.int64(3)
        here.log({"loss": 0.5})
        here.summary["best"] = 0.4
    told = status(server, "finished")
    assert json.loads(told["config"]) == {
        "lr": 0.1,
        "layers": [8, {"drop": "inf"}],
        "dtype": "<class 'numpy.float32'>",
        "seed": 3,
    }
    assert json.loads(told["summary"]) == {"loss": 0.5, "best": 0.4}
    assert (told["name"], told["step"], told["error"]) == ("train", 0, None)
    assert told["started"] <= told["ended"] and server.streams["train/status"].mode == "latest"


@pytest.mark.parametrize(
    ("error", "state", "told"),
    [
        (ValueError("bad"), "failed", "ValueError: bad"),
        (KeyboardInterrupt(), "stopped", "KeyboardInterrupt"),
        (SystemExit(0), "finished", "SystemExit: 0"),
    ],
)
def test_how_it_ended_is_told(publisher: Publisher, server: Peer, error, state, told):
    with pytest.raises(type(error)), run("train", publisher=publisher):
        raise error
    assert status(server, state)["error"] == told


def test_every_run_begins_the_stream_anew(publisher: Publisher, server: Peer):
    for loss in (1.0, 2.0):
        with run("train", publisher=publisher) as here:
            here.log({"loss": loss})
            here.stream.flush()
    assert [held.opened["stream"] for held in server.past] == ["train"]
    assert rows(server, 1) == [{"step": 0, "loss": 2.0}]


def test_another_run_of_the_name_stops_the_one_before(publisher: Publisher, server: Peer):
    former = run("train", publisher=publisher)
    run("train", publisher=publisher).log({"loss": 1})
    with pytest.raises(SioError, match=r"over \(stopped\)"):
        former.log({"loss": 2})
    assert rows(server, 1) == [{"step": 0, "loss": 1}]
    server.until(lambda: status(server, "running")["step"] == 0)


def test_a_run_of_a_cell_that_failed_says_so_and_goes_on(publisher: Publisher, server: Peer):
    here = run("train", publisher=publisher)
    cells._after(type("Result", (), {"error_in_exec": ValueError("bad")}))
    assert status(server, "failed")["error"] == "ValueError: bad"
    here.log({"loss": 1})
    told = status(server, "running")
    assert (told["error"], told["ended"]) == (None, None)
    here.finish()
    here.finish("failed")
    status(server, "finished")


def test_what_the_interpreter_leaves_open_is_told_as_stopped(kernels: Kernels, server: Peer):
    kernels.run(
        """
run, bar = sio.run("train"), sio.progress(total=9, draw=False)
run.log({"loss": 1})
bar.update()
"""
    )
    assert status(server, "stopped")["step"] == 0
    last = rows(server, 2, "progress")[-1]
    assert (last["n"], last["state"]) == (1, "stopped")


def test_steps_of_threads_are_each_their_own(publisher: Publisher, server: Peer):
    with run("train", publisher=publisher) as here:
        many = [
            threading.Thread(target=lambda: [here.log({"a": 1}) for _ in range(500)])
            for _ in range(4)
        ]
        for thread in many:
            thread.start()
        for thread in many:
            thread.join()
    assert [row["step"] for row in rows(server, 2000)] == list(range(2000))


def test_what_no_row_holds_is_refused_or_left_out(publisher: Publisher, server: Peer, caplog):
    with run("train", publisher=publisher) as here:
        with pytest.raises(RowError, match="image"):
            here.log({"image": numpy.zeros(4)})
        with pytest.raises(TypeError, match="whole number"):
            here.log({"loss": 1}, step=0.5)
        here.log_what_fits({"image": numpy.zeros(4), "loss": 1.5})
        here.log_what_fits({"loss": "text"})
        here.log_what_fits({"loss": 2.5}, step=2.0)
    assert [row["loss"] for row in rows(server, 2)] == [1.5, 2.5]
    assert (here.refused, len(caplog.records)) == (2, 1)
    assert "image" in caplog.text


@dataclass
class Config:
    lr: float = 0.1


@pytest.mark.parametrize("config", [Config(), argparse.Namespace(lr=0.1), {"lr": 0.1}])
def test_a_config_may_be_what_people_have(publisher: Publisher, config):
    with run(config=config, publisher=publisher) as here:
        assert here.config == {"lr": 0.1}


def test_a_config_that_is_none_is_refused(publisher: Publisher):
    with pytest.raises(TypeError, match="config must be a mapping"):
        run(config="lr", publisher=publisher)


def test_too_large_a_config_says_what_is_left_out():
    told = json.loads(to_json({"small": 1, "large": "x" * 100_000, "list": range(3)}))
    assert told == {"small": 1, "list": "range(0, 3)", "…": "1 more, too long to be told"}
    assert len(json.loads(to_json({"list": list(range(10_000))}))["list"]) == 1_000
