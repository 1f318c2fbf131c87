"""What a link's holder, and what a kernel's data, may not do in the viewer page.

Threats S-10 and S-11: a read-only link that sends, or looks elsewhere. S-17: script in data.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from jupyter_sio.server.page import _POLICY
from tests.end_to_end.conftest import PATIENCE, Jupyter, wait_for
from tests.end_to_end.viewing import Kernel, keep, reading, start_kernel

MS = PATIENCE * 1000
pytestmark = pytest.mark.timeout(240)

CELL = """
import time
import jupyter_sio as sio

@sio.on("forbidden")
def forbidden(*args, viewer):
    open("heard.txt", "a").write(repr(args))

@sio.on("allowed")
def allowed(*args, viewer):
    return {evil!r}

public, secret = sio.stream("public"), sio.stream("secret")
for step in range(1_000_000):
    public.push(step=step, value=step / 2)
    secret.push(step=step)
    time.sleep(0.02)
"""

EVIL = "<img src=x onerror=alert(1)>"
NAMES = (
    EVIL,
    '"><script>alert(1)</script>',
    "__proto__",
    "constructor",
    "\u202egnp.exe",
    "javascript:alert(1)",
    "' onmouseover=alert(1) x='",
    "${7*7}{{7*7}}",
)
NASTY_CELL = """
import time
import jupyter_sio as sio

names = {names!r}
for name in names:
    sio.stream(name).extend([{{"step": n, other: n}} for n in range(5) for other in names])
words = sio.stream("words")
words.extend({{name: [name, name + "x"] for name in names}})
log = sio.stream("log", media="application/x-ndjson")
proto = {{"__proto__": {{"polluted": 1}}}}
log.push({{"level": names[0], "message": names[0], names[1]: names[1], **proto}})
objects = sio.stream("objects", media="application/x-ndjson")
objects.push({{**proto, "constructor": {{"prototype": {{"polluted": 1}}}}}})
objects.push({{"__proto__": 1, "toString": 2, "a": proto}})
gauge = sio.stream("gauge", mode="latest")
gauge.push(**{{name: name for name in names}})
large = sio.stream("large", media="application/x-ndjson")
large.push({{"x" * 900_000: 1, "other": "y" * 100_000}})
large.push({{"x" * 900_000: 2, "other": names[0]}})
megabyte = sio.stream("megabyte", media="application/x-ndjson")
megabyte.push(names[0] + "z" * 1_000_000)
drawing = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
for media in ("image/png", "image/jpeg", "application/octet-stream"):
    sio.stream(media, media=media).push(drawing)
time.sleep(1_000)
"""

# Says what a page could say with what the link gives it: frames after a handshake of its own.
SPEAK = """async ({ base, secret, frames }) => {
  const answer = await fetch(`${base}jupyter-sio/api/tickets`, {
    method: 'POST', body: JSON.stringify({ link: secret }),
  });
  const { ticket } = await answer.json();
  const url = `${base.replace('http', 'ws')}jupyter-sio/socket.io/`;
  const socket = new WebSocket(`${url}?EIO=4&transport=websocket&ticket=${ticket}`);
  const heard = [];
  let code = null;
  socket.onmessage = ({ data }) => heard.push(String(data));
  const closed = new Promise(resolve => {
    socket.onclose = event => { code = event.code; resolve(); };
  });
  await new Promise(resolve => { socket.onopen = resolve; });
  for (const frame of frames) {
    socket.send(frame);
    await Promise.race([closed, new Promise(resolve => setTimeout(resolve, 300))]);
  }
  await Promise.race([closed, new Promise(resolve => setTimeout(resolve, 500))]);
  socket.close();
  return { heard, code };
}"""
ASK = """async ({ url, method }) => {
  const answer = await fetch(url, { method, redirect: 'manual' });
  return answer.type === 'opaqueredirect' ? 'login' : answer.status;
}"""
# What the views say at their feet, empty before anything came; plots out of sight draw nothing.
FEET = """() => [...document.querySelectorAll(
  '.page-card:not([data-view=plot]) .page-view > .jsio > .jsio-status')]
  .map(each => each.querySelector('.jsio-detail').textContent)"""
LISTEN = """url => new Promise(resolve => {
  const socket = new WebSocket(url);
  socket.onopen = () => { socket.close(); resolve('open'); };
  socket.onerror = () => resolve('refused');
})"""


@pytest.fixture(scope="module")
def kernel(lab: Jupyter) -> Iterator[Kernel]:
    yield from playing(lab, "watched.ipynb")


@pytest.fixture(scope="module")
def other(lab: Jupyter) -> Iterator[Kernel]:
    yield from playing(lab, "other.ipynb")


def playing(lab: Jupyter, path: str) -> Iterator[Kernel]:
    kernel = start_kernel(lab, path)
    kernel.execute(CELL.format(evil=EVIL))
    wait_for(lambda: kernel.rows("public") > 5, "the first rows")
    yield kernel
    kernel.end()


@pytest.fixture
def guest(browser: Browser, kernel: Kernel) -> Iterator[tuple[Page, dict[str, Any]]]:
    """The page of a link that may watch one stream and send one event."""
    link = kernel.share(streams=["public"], send=["allowed"])
    with reading(browser, link["url"]) as reader:
        expect(reader.word()).to_have_text("live", timeout=MS)
        yield reader.page, link
    assert not (kernel.jupyter.root / "heard.txt").exists(), "no kernel heard anything"
    (found,) = (each for each in kernel.jupyter.kernels() if each["kernel_id"] == kernel.id)
    assert found["state"] == "busy", "the cell runs on"


def speak(page: Page, kernel: Kernel, link: dict[str, Any], *frames: str) -> dict[str, Any]:
    """Say these frames over a socket that the link's secret opens; returns what came back."""
    asked = {"base": kernel.jupyter.url, "secret": link["secret"], "frames": frames}
    return page.evaluate(SPEAK, asked)


def test_a_guest_may_not_send_what_the_link_does_not_name(guest: Any, kernel: Kernel):
    page, link = guest
    space = f"/kernels/{kernel.id},"
    for event in ("forbidden", "message", "stop"):
        found = speak(page, kernel, link, f"40{space}", f'42{space}7["{event}",1]')
        assert any(text.startswith(f"43{space}7") and "3507" in text for text in found["heard"])
    found = speak(page, kernel, link, f"40{space}", f'42{space}7["allowed",1]')
    assert any(text.startswith(f"43{space}7") and '"ok":true' in text for text in found["heard"])


def test_a_guest_may_not_do_what_only_a_kernel_or_a_manager_does(guest: Any, kernel: Kernel):
    page, link = guest
    space = f"/kernels/{kernel.id},"
    reserved = {
        "$open": {"stream": "mine", "epoch": "0123456789abcdef", "from": 0},
        "$publish": [1, 0, 1, 1],
        "$compact": [1, 0, 1, 1],
        "$emit": {"event": "x"},
        "$room": {"viewer": "x", "room": "y", "join": True},
        "$share": {"streams": [], "send": []},
        "$revoke": {"id": link["id"]},
        "$close": {"id": 1},
        "$viewers": None,
    }
    for name, argument in reserved.items():
        event = json.dumps([name, argument])
        found = speak(page, kernel, link, f"40{space}", f"42{space}1{event}")
        answers = [text for text in found["heard"] if text.startswith(f"43{space}1")]
        assert found["code"] == 3501 or any("3507" in text for text in answers), (name, found)
        assert not any('"ok":true' in text for text in answers), (name, found)


def test_a_guest_sees_no_other_stream_kernel_or_namespace(
    guest: Any, kernel: Kernel, other: Kernel
):
    page, link = guest
    space = f"/kernels/{kernel.id},"
    asked = f'42{space}1["$subscribe",{{"stream":"%s"}}]'
    refusals = []
    for stream in ("secret", "no such stream"):
        found = speak(page, kernel, link, f"40{space}", asked % stream)
        refusals += [text for text in found["heard"] if text.startswith(f"43{space}1")]
    assert len(refusals) == 2 and all("3507" in text for text in refusals)
    assert len({text.replace("no such stream", "secret") for text in refusals}) == 1
    for elsewhere in (f"/kernels/{other.id}", "/kernels/no-such-kernel", "/kernels", "/else"):
        found = speak(page, kernel, link, f"40{elsewhere},")
        assert not any(text.startswith(f"40{elsewhere},") for text in found["heard"]), elsewhere
    found = speak(page, kernel, link, "40")
    assert not any(text.startswith("40") for text in found["heard"])


def test_a_guest_gets_nowhere_with_jupyters_own_doors(guest: Any, kernel: Kernel):
    page, link = guest
    base, mine = kernel.jupyter.url, f"api/kernels/{kernel.id}"
    for method, path in (
        ("GET", "api/kernels"), ("GET", "api/sessions"), ("GET", "api/contents"),
        ("GET", "api/me"), ("GET", mine), ("POST", f"{mine}/interrupt"),
        ("POST", f"{mine}/restart"), ("DELETE", mine), ("POST", "api/kernels"),
        ("GET", "jupyter-sio/api/namespaces"), ("GET", "jupyter-sio/api/links"),
        ("POST", "jupyter-sio/api/links"), ("DELETE", f"jupyter-sio/api/links/{link['id']}"),
    ):  # fmt: skip
        for query in ("", f"?token={link['secret']}", f"?ticket={link['secret']}"):
            answer = page.evaluate(ASK, {"url": base + path + query, "method": method})
            assert answer in (401, 403, 404, "login"), (method, path, answer)
    sockets = base.replace("http", "ws")
    for path in (f"{mine}/channels", f"{mine}/channels?token={link['secret']}"):
        assert page.evaluate(LISTEN, sockets + path) == "refused"
    address = f"{sockets}jupyter-sio/socket.io/?EIO=4&transport=websocket&"
    for query in (f"ticket={link['secret']}", f"token={link['secret']}", "ticket="):
        assert page.evaluate(LISTEN, address + query) == "refused"


def test_what_a_kernel_names_and_says_is_text_and_nothing_else(browser: Browser, lab: Jupyter):
    kernel = start_kernel(lab, "nasty.ipynb")
    kernel.execute(NASTY_CELL.format(names=NAMES))
    wait_for(lambda: kernel.rows("application/octet-stream") == 1, "the last stream")
    link = kernel.share(send=["allowed", EVIL])
    for profile in ("desktop", "phone"):
        with reading(browser, link["url"], profile) as reader:
            page = reader.page
            expect(page.locator(".page-card")).to_have_count(len(NAMES) + 9, timeout=MS)
            wait_for(lambda page=page: "" not in page.evaluate(FEET), "rows in every view")
            keep(page, f"nasty-{profile}")
            assert set(NAMES) <= set(page.locator(".page-card h2").all_text_contents())
            for view in ("table", "log", "values"):
                for choice in page.locator(".page-choice").all():
                    if choice.locator(f"option[value={view}]").count():
                        choice.select_option(view)
                page.wait_for_timeout(300)
            page.get_by_role("button", name=EVIL).click()
            expect(page.locator(".jsio-answer")).to_contain_text("was not done", timeout=MS)
            strange = "#page img, #page script, #page iframe, #page object, #page svg, #page style"
            assert page.locator(strange).count() == 0
            assert page.evaluate("({}).polluted === undefined && [].polluted === undefined")
            width, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert width <= room
    with urlopen(link["url"].split("#")[0], timeout=30) as answer:
        assert answer.headers["Content-Security-Policy"] == _POLICY
