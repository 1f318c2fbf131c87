"""What does one delivery to one of a hundred viewers cost the server, in CPU time?

A source sends one payload every 20 ms; the server hands it to every viewer. Ours is a whole Jupyter
server whose kernel publishes through ``jupyter_sio``, with history, positions and rights; the peers
relay and do nothing else. All three in the same run, one after the other. Everything must arrive.

python benchmarks/fan_out.py [--viewers 100] [--messages 200]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import socketio
from parts import servers, viewers
from websockets.sync.client import connect

MARKER = b"jupyter-sio-benchmark"
INTERVAL_SECONDS = 0.02
SIZES = {"120 B": 120, "8 KiB": 8192}

PUBLISH = """
import time
import jupyter_sio
made = jupyter_sio.stream("bench{size}", media="application/octet-stream")
payload = {marker!r}.ljust({size}, b".")
"""
PUBLISH_NOW = """
begin = time.perf_counter()
for number in range({messages}):
    made.push(payload)
    time.sleep(max(0, begin + (number + 1) * {interval} - time.perf_counter()))
"""


@dataclass
class Measured:
    """One server in use: its process, its viewers, and what makes it send."""

    server: servers.Server
    crowd: viewers.Crowd


def paced(messages: int) -> Iterator[int]:
    begin = time.perf_counter()
    for number in range(messages):
        yield number
        time.sleep(max(0.0, begin + (number + 1) * INTERVAL_SECONDS - time.perf_counter()))


@contextmanager
def measured(
    server: servers.Server, crowd: viewers.Crowd, deliveries: int
) -> Iterator[list[float]]:
    """Put the CPU microseconds per delivery of the block into the list."""
    result: list[float] = []
    before = server.cpu_seconds()
    yield result
    deadline = time.monotonic() + 30
    while (arrived := crowd.counted()) < deliveries and time.monotonic() < deadline:
        time.sleep(0.05)
    if arrived != deliveries:
        raise RuntimeError(f"{arrived} of {deliveries} deliveries arrived")
    result.append((server.cpu_seconds() - before) / deliveries * 1e6)


def ours(number: int, messages: int, size: int) -> float:
    with ExitStack() as stack:
        server = stack.enter_context(servers.jupyter())
        server.run(PUBLISH.format(size=size, marker=MARKER))
        crowd = stack.enter_context(
            viewers.crowd(
                number,
                port=server.port,
                path="/jupyter-sio/socket.io/?EIO=4&transport=websocket",
                headers={"Authorization": f"token {server.token}"},
                steps=viewers.ours(server.kernel_id, f"bench{size}"),
                marker=MARKER,
            )
        )
        with measured(server, crowd, number * messages) as result:
            server.run(PUBLISH_NOW.format(messages=messages, interval=INTERVAL_SECONDS))
        return result[0]


def tornado(number: int, messages: int, size: int) -> float:
    with ExitStack() as stack:
        server = stack.enter_context(servers.relay("tornado"))
        crowd = stack.enter_context(
            viewers.crowd(
                number,
                port=server.port,
                path="/viewer",
                steps=viewers.TORNADO,
                marker=MARKER,
            )
        )
        source = stack.enter_context(connect(f"ws://127.0.0.1:{server.port}/source"))
        with measured(server, crowd, number * messages) as result:
            for _ in paced(messages):
                source.send(MARKER.ljust(size, b"."))
        return result[0]


def stock_socketio(number: int, messages: int, size: int) -> float:
    with ExitStack() as stack:
        server = stack.enter_context(servers.relay("socketio"))
        crowd = stack.enter_context(
            viewers.crowd(
                number,
                port=server.port,
                path="/socket.io/?EIO=4&transport=websocket",
                steps=viewers.SOCKETIO,
                marker=MARKER,
            )
        )
        source = socketio.Client()
        source.connect(f"http://127.0.0.1:{server.port}", transports=["websocket"])
        stack.callback(source.disconnect)
        with measured(server, crowd, number * messages) as result:
            for row in paced(messages):
                source.emit("rows", ([1, row, 0, 1], MARKER.ljust(size, b".")))
        return result[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--viewers", type=int, default=100)
    parser.add_argument("--messages", type=int, default=200)
    options = parser.parse_args()
    print(f"server CPU per delivery, us, {options.viewers} viewers, one payload every 20 ms")
    print(f"{'':28}{'':>4}" + "".join(f"{size:>10}" for size in SIZES))
    for name, run in (
        ("jupyter_sio", ours),
        ("tornado write_message", tornado),
        ("python-socketio emit", stock_socketio),
    ):
        costs = [run(options.viewers, options.messages, size) for size in SIZES.values()]
        print(f"{name:32}" + "".join(f"{cost:10.1f}" for cost in costs), flush=True)


if __name__ == "__main__":
    main()
