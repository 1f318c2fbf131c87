"""`jupyter sio list` and `watch`, against a scripted server."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import datetime as dt
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow
import pytest

from jupyter_sio.cli import main
from jupyter_sio.protocol.messages import ARROW, NDJSON
from tests.viewer.peer import KERNEL, A, B, Line, Peer, Serving, table

STREAM = {"id": 3, "stream": "loss", "media": "", "mode": "every", "epoch": A, "first": 0,
          "next": 1204, "ended": False}  # fmt: skip
LIVE = {"kernel_id": KERNEL, "name": "train.ipynb", "path": "work/train.ipynb", "state": "busy",
        "publisher": "online", "since": 0, "streams": [STREAM], "viewers": 2}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_other_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUPYTER_TOKEN", raising=False)
    monkeypatch.setattr("jupyter_server.serverapp.list_running_servers", list)


Said = Callable[[], tuple[str, str]]


@pytest.fixture
def said(capsysbinary: pytest.CaptureFixture[bytes]) -> Said:
    """What went to stdout and to stderr."""
    return lambda: tuple(text.decode() for text in capsysbinary.readouterr())  # type: ignore[return-value]


@contextlib.contextmanager
def serving(*scripts: Any, live: Any = None) -> Iterator[Peer]:
    peer = Peer(*scripts)
    peer.namespaces = [LIVE] if live is None else live
    with Serving(peer):
        yield peer


def playing(*payloads: bytes, rows: int = 1, **answer: Any) -> Callable[[Line], Any]:
    """A script: these payloads, then the kernel's end."""

    async def script(line: Line) -> None:
        await line.serve(next=rows * len(payloads), **answer)
        for number, payload in enumerate(payloads):
            line.batch(number * rows, payload, rows=rows)
        line.bye(3510)
        await line.settle()

    return script


# --- list ------------------------------------------------------------------------------------


def test_list_prints_a_table(said: Said) -> None:
    with serving() as peer:
        assert main(["list", "--url", peer.url]) == 0
    assert said()[0].splitlines() == [
        "KERNEL    NAME              STATE  PUBLISHER  STREAMS            VIEWERS",
        "5f0c7a3e  work/train.ipynb  busy   online     loss (1,204 rows)  2",
    ]


@pytest.mark.parametrize("option", [["--json"], ["--format", "json"]])
def test_list_prints_json(said: Said, option: list[str]) -> None:
    with serving() as peer:
        assert main(["list", "--url", peer.url, *option]) == 0
    assert json.loads(said()[0]) == [{"server": peer.url, **LIVE}]


def test_list_of_nothing_is_no_failure(said: Said) -> None:
    with serving(live=[]) as peer:
        assert main(["list", "--url", peer.url]) == 0
    assert said()[0].split()[0] == "KERNEL"


def test_names_that_would_drive_the_terminal_are_made_harmless(said: Said) -> None:
    with serving(live=[{**LIVE, "path": "a\x1b[2Jb"}]) as peer:
        main(["list", "--url", peer.url])
    assert "a\N{REPLACEMENT CHARACTER}[2Jb" in said()[0]


def test_without_a_url_every_running_server_is_asked_with_its_token(
    said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as one, serving() as two:
        running = [{"url": one.url, "token": "1st"}, {"url": two.url, "token": "2nd", "sock": ""}]
        monkeypatch.setattr("jupyter_server.serverapp.list_running_servers", lambda: running)
        assert main(["list"]) == 0
    assert len(said()[0].splitlines()) == 3
    assert one.requests[0][2]["Authorization"] == "token 1st"
    assert two.requests[0][2]["Authorization"] == "token 2nd"


def test_a_server_that_does_not_answer_is_named_and_the_others_are_listed(
    said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as one, serving(live=404) as two:
        running = [{"url": one.url, "token": ""}, {"url": two.url, "token": ""}]
        monkeypatch.setattr("jupyter_server.serverapp.list_running_servers", lambda: running)
        assert main(["list"]) == 0
    out, err = said()
    assert len(out.splitlines()) == 2
    assert two.url in err and "extension enabled?" in err


def test_the_token_may_come_from_the_environment_and_is_never_said(
    said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTER_TOKEN", "s3cret")
    with serving(live=403) as peer:
        assert main(["list", "--url", peer.url]) == 3
        assert main(["list", "--url", peer.url, "--token", "s3cret2"]) == 3
    assert [headers["Authorization"] for _, _, headers in peer.requests] == [
        "token s3cret",
        "token s3cret2",
    ]
    assert "s3cret" not in "".join(said())


@pytest.mark.parametrize(
    ("argv", "status", "says"),
    [
        (["list"], 4, "no running Jupyter server"),
        (["watch", "k", "loss"], 4, "no running Jupyter server"),
        (["list", "--url", "http://127.0.0.1:9/"], 4, "cannot be reached"),
        (["list", "--url", "localhost:8888"], 2, "begins with http"),
        (["watch", "http://h/elsewhere#secret", "loss"], 2, "a share link looks like"),
        (["watch", "http://h/jupyter-sio/live/#x", "x" * 200], 2, "128 bytes"),
    ],
)
def test_what_cannot_be_found_has_its_code(
    said: Said, argv: list[str], status: int, says: str
) -> None:
    assert main(argv) == status
    out, err = said()
    assert out == "" and says in err


@pytest.mark.parametrize(
    "argv",
    [[], ["frobnicate"], ["watch", "k"], ["watch", "k", "s", "--tail", "-1"],
     ["watch", "k", "s", "--format", "xml"], ["list", "--tokn", "s3cret"]],
)  # fmt: skip
def test_wrong_usage_leaves_with_2_and_says_no_secret(said: Said, argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert "s3cret" not in said()[1]


@pytest.mark.parametrize(
    "argv",
    [
        ["--help"],
        *([name, "--help"] for name in ("demo", "list", "watch", "share", "links", "revoke")),
    ],
)
def test_help_tells_the_exit_codes(said: Said, argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 0
    assert "4 no such server, kernel, stream or link" in said()[0]


# --- watch: which kernel ---------------------------------------------------------------------


@pytest.mark.parametrize("kernel", ["5f0c", KERNEL, "work/train.ipynb", "train.ipynb"])
def test_a_kernel_is_found_by_its_beginning_its_path_or_its_name(said: Said, kernel: str) -> None:
    with serving(playing(table(0, 1))) as peer:
        assert main(["watch", kernel, "loss", "--url", peer.url]) == 0
    assert said()[0] == '{"x": 0}\n'


def test_a_link_needs_no_server_to_be_found(said: Said) -> None:
    with serving(playing(table(0, 1))) as peer:
        assert main(["watch", peer.link, "loss"]) == 0
    assert said()[0] == '{"x": 0}\n'


def test_a_link_that_is_not_good_leaves_with_3(said: Said) -> None:
    with serving() as peer:
        peer.tickets = [403]
        assert main(["watch", peer.link, "loss"]) == 3
    assert "sesame" not in said()[1]


def test_an_unknown_kernel_or_stream_is_told_with_those_there_are(said: Said) -> None:
    with serving() as peer:
        assert main(["watch", "nope", "loss", "--url", peer.url]) == 4
        assert "there are: 5f0c7a3e work/train.ipynb" in said()[1]
        assert main(["watch", "5f", "lose", "--url", peer.url]) == 4
        assert "there are: loss (--wait" in said()[1]


def test_whoever_waits_may_name_a_stream_that_is_not_there_yet(said: Said) -> None:
    with serving(playing(table(0, 1))) as peer:
        assert main(["watch", "5f", "later", "--wait", "--url", peer.url]) == 0
    assert said()[0] == '{"x": 0}\n'


def test_two_kernels_that_may_be_meant_are_told_and_an_ended_one_gives_way(said: Said) -> None:
    other = {**LIVE, "kernel_id": "5f999999"}
    with serving(playing(table(0, 1)), live=[LIVE, other]) as peer:
        assert main(["watch", "5f", "loss", "--url", peer.url]) == 2
        assert "give more of the id" in said()[1]
        peer.namespaces = [LIVE, {**other, "state": "dead"}]
        assert main(["watch", "train.ipynb", "loss", "--url", peer.url]) == 0


# --- watch: what is written ------------------------------------------------------------------

WHEN = dt.datetime(2024, 2, 29, 12, 0, 0, 5)
MIXED = table(0, 3, loss=[0.5, None, float("nan")], who=["a,b", 'q"', None],
              ok=[True, None, False], at=[WHEN, None, None], raw=[b"\x00", None, None])  # fmt: skip


def written(argv: list[str], said: Said, *payloads: bytes, **options: Any) -> str:
    with serving(playing(*payloads, **options)) as peer:
        assert main(["watch", "5f", "loss", "--url", peer.url, *argv]) == 0
    return said()[0]


def test_json_is_one_strict_object_for_each_row(said: Said) -> None:
    lines = written([], said, MIXED, rows=3).splitlines()
    assert [json.loads(line, parse_constant=pytest.fail) for line in lines] == [
        {"x": 0, "loss": 0.5, "who": "a,b", "ok": True, "at": WHEN.isoformat(), "raw": "AA=="},
        {"x": 1, "loss": None, "who": 'q"', "ok": None, "at": None, "raw": None},
        {"x": 2, "loss": None, "who": None, "ok": False, "at": None, "raw": None},
    ]


def test_csv_has_one_header_and_empty_fields_for_what_is_missing(said: Said) -> None:
    text = written(["--format", "csv"], said, MIXED, rows=3)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert text.count("x,loss") == 1
    assert rows[0] == {"x": "0", "loss": "0.5", "who": "a,b", "ok": "True", "at": WHEN.isoformat(),
                       "raw": '"AA=="'}  # fmt: skip
    assert (rows[1]["who"], rows[1]["loss"], rows[2]["who"]) == ('q"', "", "")


def test_csv_keeps_its_columns_and_says_which_it_leaves_out(said: Said) -> None:
    with serving(playing(table(0, 1, a=[1]), table(1, 1, b=[2]), table(2, 1, b=[2]))) as peer:
        assert main(["watch", "5f", "loss", "--url", peer.url, "--format", "csv"]) == 0
    out, err = said()
    assert out == "x,a\n0,1\n1,\n2,\n"
    assert err.count("column 'b' came after the CSV header") == 1


def test_arrow_is_one_stream_as_long_as_the_columns_are_the_same(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    payloads = [table(0, 1), table(1, 1), table(2, 1, a=[0.5])]
    with serving(playing(*payloads)) as peer:
        assert main(["watch", "5f", "loss", "--url", peer.url, "--format", "arrow"]) == 0
    source = io.BytesIO(capsysbinary.readouterr().out)
    assert pyarrow.ipc.open_stream(source).read_all().to_pydict() == {"x": [0, 1]}
    assert pyarrow.ipc.open_stream(source).read_all().to_pydict() == {"x": [2], "a": [0.5]}
    assert source.read() == b""


@pytest.mark.parametrize("format_", ["json", "csv", "arrow"])
def test_rows_are_counted_exactly_at_both_ends(
    capsysbinary: pytest.CaptureFixture[bytes], format_: str
) -> None:
    script = playing(table(0, 10), rows=10, start=6)
    with serving(script) as peer:
        argv = ["watch", "5f", "loss", "--url", peer.url, "--format", format_]
        assert main([*argv, "--tail", "4", "--max-rows", "3"]) == 0
    out = capsysbinary.readouterr().out
    if format_ == "arrow":
        assert pyarrow.ipc.open_stream(out).read_all().to_pydict() == {"x": [6, 7, 8]}
    else:
        wanted = {"json": b'{"x": 6}\n{"x": 7}\n{"x": 8}\n', "csv": b"x\n6\n7\n8\n"}
        assert out == wanted[format_]


def test_values_without_columns_are_json_lines_and_no_csv(said: Said) -> None:
    payload = b'{"a":1}\n[2,3]\n"four"\n'
    text = written([], said, payload, rows=3, media=NDJSON)
    assert text == '{"a": 1}\n[2, 3]\n"four"\n'
    with serving(playing(payload, rows=3, media=NDJSON)) as peer:
        assert main(["watch", "5f", "loss", "--url", peer.url, "--format", "csv"]) == 1
    assert "use --format json" in said()[1]


def test_a_blob_is_base64_in_json_and_nothing_in_arrow(said: Said) -> None:
    text = written([], said, b"\x89PNG", media="image/png")
    assert json.loads(text) == {"media": "image/png", "base64": "iVBORw=="}
    with serving(playing(b"\x89PNG", media="image/png")) as peer:
        assert main(["watch", "5f", "loss", "--url", peer.url, "--format", "arrow"]) == 1
    assert "carries image/png" in said()[1]


def test_gaps_and_new_beginnings_are_told_beside_the_rows(said: Said) -> None:
    async def script(line: Line) -> None:
        await line.serve(next=9)
        line.send("$gap", [3, 0, 1200, "evicted"])
        line.batch(1200, table(7, 1))
        reset = {"id": 3, "stream": "loss", "mode": "every", "epoch": B, "first": 0, "next": 0,
                 "media": ARROW, "start": 0, "recovered": False}  # fmt: skip
        line.send("$reset", reset)
        line.batch(0, table(8, 1))
        line.bye(3510)
        await line.settle()

    with serving(script) as peer:
        main(["watch", "5f", "loss", "--url", peer.url])
    out, err = said()
    assert out == '{"x": 7}\n{"x": 8}\n'
    assert "1,200 rows are missing here" in err
    assert err.count("begins anew here") == 1


# --- watch: as a process ---------------------------------------------------------------------


async def quiet(line: Line) -> None:
    await line.serve(next=1)
    line.batch(0, table(0, 1))
    await line.settle()


async def many(line: Line) -> None:
    await line.serve()
    listening = asyncio.ensure_future(line.settle())
    number = 0
    while not listening.done():
        line.batch(number, table(number, 1))
        number += 1
        await asyncio.sleep(0.01)
    await listening


@contextlib.contextmanager
def process(*argv: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "jupyter_sio.cli", "watch", "5f", "loss", *argv]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "JUPYTER_TOKEN": "t"},
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def test_rows_are_written_as_they_come_and_ctrl_c_leaves_quietly() -> None:
    with serving(quiet) as peer, process("--url", peer.url) as running:
        assert running.stdout is not None and running.stderr is not None
        assert running.stdout.readline() == b'{"x": 0}\n'
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 130
        assert running.stderr.read() == b""


@pytest.mark.parametrize("format_", ["json", "csv", "arrow"])
def test_whoever_reads_may_leave_without_a_word(format_: str) -> None:
    with serving(many) as peer, process("--url", peer.url, "--format", format_) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.read(1)
        running.stdout.close()
        assert running.wait(30) == 0
        assert running.stderr.read() == b""
