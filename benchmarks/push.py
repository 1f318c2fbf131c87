"""What does one ``push`` cost the loop that calls it?

A flood of rows of two numbers in a real kernel under a real Jupyter server, beside the least that
could remember them (``list.append``) and python-socketio as it comes (one ``emit`` for each row).

python benchmarks/push.py [--rows 500000]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

import socketio
from parts import servers

IN_KERNEL = """
import json, time
import jupyter_sio

def cost(call, rows):
    begin = time.perf_counter()
    for step in range(rows):
        call(step)
    return (time.perf_counter() - begin) / rows * 1e9

rows = {rows}
held = []
append = cost(lambda step: held.append((step, step * 0.5)), rows)
stream = jupyter_sio.stream("bench")
stream.push(step=-1, loss=0.0)
stream.flush()
push = cost(lambda step: stream.push(step=step, loss=step * 0.5), rows)
all_arrived = stream.flush(timeout=60)

calm = []
for step in range(200):
    time.sleep(0.01)
    begin = time.perf_counter()
    stream.push(step=step, loss=step * 0.5)
    calm.append(time.perf_counter() - begin)
print(json.dumps(dict(append=append, push=push, calm=sorted(calm)[100] * 1e9,
                      all_arrived=all_arrived, dropped=stream.statistics().dropped)))
"""


async def emits(port: int, rows: int) -> float:
    """Nanoseconds for each row that is emitted by itself."""
    client = socketio.AsyncClient()
    await client.connect(f"http://127.0.0.1:{port}", transports=["websocket"])
    begin = time.perf_counter()
    for step in range(rows):
        await client.emit("row", {"step": step, "loss": step * 0.5})
    took = time.perf_counter() - begin
    await client.disconnect()
    return took / rows * 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=500_000)
    rows = parser.parse_args().rows
    with servers.jupyter() as server:
        found = json.loads(server.run(IN_KERNEL.format(rows=rows)))
    with servers.relay("socketio") as peer:
        emitted = asyncio.run(emits(peer.port, min(rows, 20_000)))
    print(f"ns per row of two numbers, {rows:,} rows in a tight loop")
    print(f"{'list.append':32}{found['append']:10.0f}")
    print(f"{'jupyter_sio push':32}{found['push']:10.0f}")
    print(f"{'python-socketio emit':32}{emitted:10.0f}")
    print(f"{'jupyter_sio push, 100 rows/s':32}{found['calm']:10.0f}  (median)")
    print(f"dropped: {found['dropped']}; all arrived within a minute: {found['all_arrived']}")


if __name__ == "__main__":
    main()
