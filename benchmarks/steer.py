"""How soon does a running loop see a slider that somebody else moves?

A slider, mirrored in a real kernel under a real Jupyter server, is moved by a Python script and by
a browser, while its cell spins without a pause, and while it sleeps a little in each step; from the
moment it is sent, or its key pressed, to the moment the loop has read it. Beside them what Jupyter
itself has for it: the widget's own comm, whose messages wait for the end of the cell.

python benchmarks/steer.py [--moves 200]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import socketio
from parts import servers
from playwright.sync_api import sync_playwright

SLIDER = """
import json, time
import ipywidgets
import jupyter_sio as sio

slider = ipywidgets.IntSlider(max=1_000_000)
print(slider.model_id)
"""
LOOP = """
slider.value, seen, last, until = 0, {{}}, 0, time.time() + {seconds}
mirror = sio.mirror(slider, name="n")
while last < {moves} and time.time() < until:
    value = slider.value
    if value != last:
        seen[value], last = time.time(), value
    {work}
mirror.close()
print(json.dumps(seen))
"""
WORK = {
    "the loop spins": "sum(range(1_000))",
    "the loop sleeps 5 ms a step": "time.sleep(0.005)",
}
PAUSE_SECONDS = 0.05
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
KEYS = """window.keys = [];
addEventListener('keydown', () => keys.push(performance.timeOrigin + performance.now()), true);"""


async def by_script(server: servers.JupyterServer, moves: int) -> dict[int, float]:
    """Set one value after the other; when each was sent."""
    client, namespace = socketio.AsyncClient(), f"/kernels/{server.kernel_id}"
    await client.connect(
        f"http://127.0.0.1:{server.port}",
        socketio_path="jupyter-sio/socket.io",
        namespaces=[namespace],
        transports=["websocket"],
        headers={"Authorization": f"token {server.token}"},
    )
    sent = {}
    for value in range(1, moves + 1):
        sent[value] = time.time()
        await client.call("widget:n", {"values": {"value": value}}, namespace=namespace)
        await asyncio.sleep(PAUSE_SECONDS)
    await client.disconnect()
    return sent


def by_browser(server: servers.JupyterServer, moves: int) -> dict[int, float]:
    """Press an arrow key again and again; when the page was told of each."""
    link = share(server)
    path = next(found for name in CHROMIUM if (found := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(link)
        slider = page.get_by_role("slider")
        slider.focus()
        page.evaluate(KEYS)
        for _ in range(moves):
            page.keyboard.press("ArrowRight")
            time.sleep(PAUSE_SECONDS)
        keys = page.evaluate("keys")
        browser.close()
    return {value: at / 1_000 for value, at in enumerate(keys, start=1)}


def by_comm(server: servers.JupyterServer, model_id: str, moves: int) -> dict[int, float]:
    """Send what a notebook's own front end sends."""
    sent = {}
    for value in range(1, moves + 1):
        sent[value] = time.time()
        server.tell_comm(model_id, {"method": "update", "state": {"value": value}})
        time.sleep(PAUSE_SECONDS)
    return sent


def share(server: servers.JupyterServer) -> str:
    """Make a link that may move it."""
    asked = {"kernel_id": server.kernel_id, "send": ["widget:n"]}
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/jupyter-sio/api/links",
        data=json.dumps(asked).encode(),
        headers={"Authorization": f"token {server.token}"},
    )
    with urllib.request.urlopen(request) as answer:
        return str(json.load(answer)["url"])


def measure(
    server: servers.JupyterServer, work: str, move: Callable[[], dict[int, float]], moves: int
) -> tuple[list[float], int]:
    """Milliseconds from a move to the loop, sorted, and how many moves it did not see."""
    seconds = 5 + 2 * moves * PAUSE_SECONDS
    cell = server.begin(LOOP.format(moves=moves, work=work, seconds=seconds))
    wait_for_stream(server)
    sent = move()
    seen = {int(value): at for value, at in json.loads(server.finish(cell)).items()}
    took = [(seen[value] - at) * 1_000 for value, at in sent.items() if value in seen]
    return sorted(took), moves - len(took)


def wait_for_stream(server: servers.JupyterServer) -> None:
    deadline = time.monotonic() + 20
    url = f"http://127.0.0.1:{server.port}/jupyter-sio/api/namespaces/{server.kernel_id}"
    request = urllib.request.Request(url, headers={"Authorization": f"token {server.token}"})
    while time.monotonic() < deadline:
        with urllib.request.urlopen(request) as answer:
            streams: list[dict[str, Any]] = json.load(answer)["streams"]
        if any(each["stream"] == "widget/n" and not each["ended"] for each in streams):
            return
        time.sleep(0.05)
    raise TimeoutError("the slider was not mirrored within 20 s")


def tell(name: str, took: list[float], missed: int) -> None:
    if not took:
        print(f"{name:52}{'never':>8}")
        return
    at = [took[int(len(took) * share)] for share in (0.5, 0.99)]
    print(f"{name:52}{at[0]:8.1f}{at[1]:8.1f}{took[-1]:8.1f}   {missed or ''}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--moves", type=int, default=200)
    moves = parser.parse_args().moves
    asked = f"ms until a running cell has read it, {moves} moves"
    print(f"{asked:52}{'p50':>8}{'p99':>8}{'max':>8}   not seen")
    with servers.jupyter() as server:
        model_id = server.run(SLIDER).strip()
        movers = {
            "a Python script": lambda: asyncio.run(by_script(server, moves)),
            "a browser": lambda: by_browser(server, moves),
            "the widget's own comm": lambda: by_comm(server, model_id, moves),
        }
        for way, work in WORK.items():
            for who, move in movers.items():
                tell(f"{who}; {way}", *measure(server, work, move, moves))


if __name__ == "__main__":
    main()
