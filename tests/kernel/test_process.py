"""The kernel's process: threads, Ctrl-C, forks, and its end. Each in a process of its own."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from jupyter_sio.kernel.discovery import find_server
from tests.kernel.peer import KERNEL, Peer
from tests.kernel.test_link import accounted

ROOT = Path(__file__).parents[2]
HEAD = "import os, sys, threading, time\nimport jupyter_sio as sio\n"


class Kernels:
    """Starts processes that find ``server`` as a kernel finds the server that started it."""

    def __init__(self, server: Peer, folder: Path) -> None:
        self.server = server
        self.file = folder / f"kernel-{KERNEL.kernel_id}.json"
        self.file.write_text(json.dumps({"key": KERNEL.key.decode()}))
        self.started: list[subprocess.Popen[str]] = []

    def start(self, code: str) -> subprocess.Popen[str]:
        told = {"pid": os.getpid(), "url": self.server.server.url, "sock": "", "ca": ""}
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONFAULTHANDLER": "1",
            "JPY_PARENT_PID": str(os.getpid()),
            "JUPYTER_SIO_SERVER": json.dumps(told),
        }
        process = subprocess.Popen(
            [sys.executable, "-c", HEAD + code, "-f", str(self.file)],
            env=env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.started.append(process)
        return process

    def run(self, code: str, status: int = 0) -> tuple[str, str]:
        process = self.start(code)
        out, err = process.communicate(timeout=60)
        assert process.returncode == status, err
        return out, err

    def stop(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture
def kernels(server: Peer, tmp_path: Path):
    found = Kernels(server, tmp_path)
    yield found
    found.stop()


# --- being found -----------------------------------------------------------------------------


def test_a_kernel_finds_its_server_by_itself(kernels: Kernels, server: Peer):
    kernels.run("sio.stream('loss').push(step=0)\n")
    assert server.claims[0].proven_by(KERNEL.key)
    assert server.streams["loss"].rows == [{"step": 0}]


def test_what_another_server_left_in_the_environment_is_not_believed(monkeypatch, tmp_path):
    lie = {"pid": 1, "url": "http://elsewhere/"}
    info = {"url": "http://127.0.0.1:8888/base/", "sock": "", "pid": 4242}
    (tmp_path / "jpserver-4242.json").write_text(json.dumps(info))
    monkeypatch.setenv("JPY_PARENT_PID", "4242")
    monkeypatch.setenv("JUPYTER_SIO_SERVER", json.dumps(lie))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    assert find_server().url == "http://127.0.0.1:8888/base/"
    monkeypatch.setenv("JUPYTER_SIO_SERVER", json.dumps({**lie, "pid": 4242, "ca": "/a"}))
    assert (find_server().url, find_server().ca) == ("http://elsewhere/", "/a")
    monkeypatch.setenv("JUPYTER_SIO_CA", "/b")
    assert find_server().ca == "/b"
    monkeypatch.delenv("JPY_PARENT_PID")
    assert find_server() is None


# --- threads ---------------------------------------------------------------------------------


def test_eight_threads_push_400_000_rows(kernels: Kernels, server: Peer):
    kernels.run(
        """
loss = sio.stream("loss")
def push(thread):
    for i in range(50_000):
        loss.push(thread=thread, i=i)
threads = [threading.Thread(target=push, args=(n,)) for n in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert loss.flush(20), loss.statistics()
"""
    )
    held = server.streams["loss"]
    assert (held.next, held.gaps) == (400_000, [])
    last = [-1] * 8
    for row in held.rows:
        assert row["i"] == last[row["thread"]] + 1
        last[row["thread"]] = row["i"]
    assert last == [49_999] * 8


def test_threads_may_widen_columns_while_others_push(kernels: Kernels, server: Peer):
    kernels.run(
        """
loss = sio.stream("loss")
def push(thread):
    for i in range(5_000):
        loss.push(thread=thread, i=i, **({f"c{thread}_{i // 1000}": i} if i % 1000 == 0 else {}))
threads = [threading.Thread(target=push, args=(n,)) for n in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert loss.flush(20), loss.statistics()
"""
    )
    rows = server.streams["loss"].rows
    for thread in range(8):
        assert [row["i"] for row in rows if row["thread"] == thread] == list(range(5_000))


def test_a_stream_may_be_restarted_while_others_push(kernels: Kernels, server: Peer):
    kernels.run(
        """
loss = sio.stream("loss")
done = threading.Event()
def push(thread):
    i = 0
    while not done.is_set():
        loss.push(thread=thread, i=i if thread % 2 else i + 0.5, text="x" if i % 100 else None)
        i += 1
threads = [threading.Thread(target=push, args=(n,)) for n in range(4)]
for thread in threads: thread.start()
for _ in range(30):
    time.sleep(0.02)
    loss.restart()
done.set()
for thread in threads: thread.join()
assert loss.flush(20), loss.statistics()
"""
    )
    assert len(server.past) >= 2  # how many are opened before the next restart is up to the machine
    for held in [*server.past, server.streams["loss"]]:
        assert held.gaps == []
        assert all(set(row) == {"thread", "i", "text"} for row in held.rows)


# --- Ctrl-C ----------------------------------------------------------------------------------


def test_200_interrupts_leave_rows_whole_and_the_link_alive(kernels: Kernels, server: Peer):
    process = kernels.start(
        """
import signal
loss = sio.stream("loss")
step, caught, armed = 0, 0, False

def interrupt(*args):
    global armed  # so that the next one does not strike before the last is dealt with
    if armed:
        armed = False
        raise KeyboardInterrupt

signal.signal(signal.SIGINT, interrupt)
print("ready", flush=True)
while caught < 200:
    try:
        armed = True
        while True:
            step += 1
            loss.push(step=step, twice=2 * step)
            if step % 1000 == 0:
                loss.push(step=None, twice=None)
                loss.extend({"step": [step] * 100, "twice": [2 * step] * 100})
                sio.emit("at", step)
    except KeyboardInterrupt:
        caught += 1
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("enough", flush=True)
loss.push(step=-1, twice=-2)
assert loss.flush(20), loss.statistics()
print(loss.statistics().rows, sio.viewers()[0].name)
"""
    )
    assert process.stdout.readline() == "ready\n"
    enough = threading.Event()
    reader = threading.Thread(target=lambda: process.stdout.readline() and enough.set())
    reader.start()
    chance = random.Random(4)
    while not enough.wait(chance.uniform(0.001, 0.01)):
        process.send_signal(signal.SIGINT)
    reader.join()
    out = process.stdout.read()  # not communicate(), which would miss what is buffered here
    assert process.wait(60) == 0, process.stderr.read()
    held = server.streams["loss"]
    assert out == f"{held.next} ada\n"
    assert (held.gaps, held.rows[-1]) == ([], {"step": -1, "twice": -2})
    rows = [row for row in held.rows if row["step"] is not None]
    assert all(row["twice"] == 2 * row["step"] for row in rows)
    pushed = [row["step"] for row in rows[:-1]]
    assert pushed == sorted(pushed)
    assert len(server.lines) == 1


@pytest.mark.parametrize(
    "waiting", ["sio.wait_for('go')", "loss.flush(60)", "sio.call('x', to='v1', timeout=60)"]
)
def test_ctrl_c_ends_what_waits(kernels: Kernels, server: Peer, waiting: str):
    server.acknowledging = False
    server.replies["$emit"] = lambda args: time.sleep(5)
    process = kernels.start(
        f"""
loss = sio.stream("loss")
loss.push(step=0)
threading.Timer(0.5, lambda: print("waiting", flush=True)).start()
try:
    {waiting}
except KeyboardInterrupt:
    print("interrupted", flush=True)
    os._exit(0)
"""
    )
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "interrupted\n"


def test_an_alarm_that_raises_in_the_midst_costs_no_row(kernels: Kernels, server: Peer):
    kernels.run(
        """
import signal
class Alarm(Exception): pass
def ring(*args): raise Alarm
signal.signal(signal.SIGALRM, ring)
loss = sio.stream("loss")
step, rung = 0, 0
while rung < 200:
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.001 + rung % 7 * 0.0003)
        while True:
            loss.push(step=step)
            step += 1
            loss._flush_at_once()
    except Alarm:
        rung += 1
        step = loss._outbox.end
signal.setitimer(signal.ITIMER_REAL, 0)
assert loss.flush(20), loss.statistics()
"""
    )
    held = server.streams["loss"]
    accounted(held, held.next)
    assert held.gaps == []


# --- forks -----------------------------------------------------------------------------------


def test_twenty_forked_children_are_muted_and_the_parent_goes_on(kernels: Kernels, server: Peer):
    out, err = kernels.run(
        """
print(os.getpid(), flush=True)
loss = sio.stream("loss")
for number in range(20):
    for i in range(100): loss.push(step=number * 100 + i)
    if (pid := os.fork()) == 0:
        for i in range(1000): loss.push(step=-1)
        loss.extend({"step": [-1] * 100})
        sio.emit("never"); loss.flush(); sio.stream("new").push(x=1)
        assert loss.statistics()[:4] == (1100, 0, 0, 1100), loss.statistics()
        sys.exit(0)
    assert os.waitpid(pid, 0)[1] == 0
assert loss.flush(), loss.statistics()
"""
    )
    accounted(server.streams["loss"], 2000)
    assert list(server.streams) == ["loss"]
    assert [claim.pid for claim in server.claims] == [int(out)]
    assert server.of("$emit") == []
    assert err.count("this process was forked from the kernel") == 20


def test_a_pool_of_processes_does_not_hang(kernels: Kernels, server: Peer):
    kernels.run(
        """
import multiprocessing, warnings
warnings.simplefilter("ignore")
loss = sio.stream("loss")
def work(n):
    loss.push(step=-1)
    return n
def push():
    for step in range(50_000): loss.push(step=step)
thread = threading.Thread(target=push)
thread.start()
with multiprocessing.get_context("fork").Pool(4) as pool:
    assert pool.map(work, range(40)) == list(range(40))
thread.join()
assert loss.flush(20), loss.statistics()
"""
    )
    accounted(server.streams["loss"], 50_000)


def test_a_forked_child_may_publish_instead(kernels: Kernels, server: Peer):
    kernels.run(
        """
loss = sio.stream("loss")
loss.push(step=0)
assert loss.flush()
if (pid := os.fork()) == 0:
    assert sio.connect(required=True).online
    loss.push(step=0)
    assert loss.flush()
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
"""
    )
    parent, child = server.claims
    assert parent.epoch != child.epoch
    assert parent.pid != child.pid
    assert server.streams["loss"].rows == server.past[0].rows == [{"step": 0}]
    assert server.streams["loss"].epoch != server.past[0].epoch


def test_a_subprocess_is_no_kernel(kernels: Kernels, server: Peer):
    _, err = kernels.run(
        """
import subprocess
loss = sio.stream("loss")
loss.push(step=0)
code = "import jupyter_sio as sio; sio.stream('loss').push(step=-1)"
subprocess.run([sys.executable, "-c", code], check=True)
loss.push(step=1)
"""
    )
    accounted(server.streams["loss"], 2)
    assert "this process is no Jupyter kernel" in err
    assert err.startswith("<string>:1: RuntimeWarning")  # the user's line, not one of ours


# --- the end ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "status"), [("", 0), ("sys.exit(3)", 3), ("1 / 0", 1), ("exit()", 0)]
)
def test_what_was_pushed_before_the_end_arrives(kernels: Kernels, server: Peer, end, status):
    code = "loss = sio.stream('loss')\nfor step in range(10_000): loss.push(step=step)\n" + end
    kernels.run(code, status)
    accounted(server.streams["loss"], 10_000)
    server.until(lambda: server.goodbyes == 1)


def test_a_server_that_is_away_holds_up_the_end_for_no_more_than_2_s(kernels, server):
    process = kernels.start(
        """
loss = sio.stream("loss")
print("ready", flush=True)
input_ = sys.stdin
time.sleep(0.5)
for step in range(10_000): loss.push(step=step)
print("ending", flush=True)
"""
    )
    process.stdout.readline()
    server.ticket_status = 503
    server.cut()
    process.stdout.readline()
    began = time.monotonic()
    process.communicate(timeout=20)
    assert time.monotonic() - began < 2.5
    assert process.returncode == 0


def test_a_backlog_larger_than_the_time_ends_in_time_all_the_same(kernels, server):
    server.slow = 0.05
    process = kernels.start(
        """
blobs = sio.stream("blobs", media="application/octet-stream")
for step in range(100): blobs.push(bytes(100_000))
print("ending", flush=True)
"""
    )
    process.stdout.readline()
    began = time.monotonic()
    process.communicate(timeout=20)
    assert 1.0 < time.monotonic() - began < 2.5
