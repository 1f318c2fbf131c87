"""JupyterHub's users in a real browser: cookies, XSRF, share codes, pages of the same origin."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Page, expect

from jupyter_sio import NotPermitted
from tests.hub.conftest import House
from tests.hub.house import ADA, BOB, Kernel, UserServer, eventually, handshake, play
from tests.hub.watching import of_kernel

LIVE = "jupyter-sio/live/"
NAMESPACES = "jupyter-sio/api/namespaces"
MS = 20_000

# What a script in a page may do: ask over HTTP, as it can, and open a socket.
ASK = """async ([path, method, body]) => {
  const xsrf = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie)?.[1];
  const headers = xsrf ? {'X-XSRFToken': xsrf} : {};
  return await (await fetch(path, {method, headers, body, redirect: 'manual'})).status;
}"""
OPENS = """path => new Promise(resolve => {
  const socket = new WebSocket(`ws://${location.host}${path}`);
  socket.onmessage = ({data}) => { resolve(data[0] === '0'); socket.close(); };
  socket.onerror = () => resolve(false);
})"""


def log_in(page: Page, house: House, user: str) -> None:
    page.goto(f"{house.hub.url}hub/login")
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", house.hub.password)
    page.click("[type=submit]")
    page.wait_for_url(re.compile(r"/user/|/hub/(home|spawn)"))


def visit(page: Page, server: UserServer, path: str = LIVE) -> None:
    """Open a page of a server's, by way of the Hub's question whether it may know who one is."""
    # The viewer page is public, so it asks for no login: another one does first.
    page.goto(server.url + "lab")
    if page.url.startswith(f"{server.hub.url}hub/"):
        page.click("[type=submit]")
        page.wait_for_url(f"{server.url}**")
    page.goto(server.url + path)


def path_of(server: UserServer, path: str) -> str:
    return server.url.removeprefix(server.hub.url[:-1]) + path


def asks(page: Page, server: UserServer, path: str, method: str = "GET") -> int:
    body = "{}" if method == "POST" else None
    return int(page.evaluate(ASK, [path_of(server, path), method, body]))


def permissions(page: Page, server: UserServer) -> list[str]:
    """Ask Jupyter what it says a page may do to ours."""
    asked = quote(json.dumps({"jupyter_sio": ["read", "write", "execute"]}))
    path = path_of(server, f"api/me?permissions={asked}")
    found: Any = page.evaluate(ASK.replace(".status", ".json()"), [path, "GET", None])
    return list(found["permissions"]["jupyter_sio"])


def opens(page: Page, server: UserServer, **query: str) -> bool:
    more = "".join(f"&{name}={quote(value)}" for name, value in query.items())
    path = path_of(server, f"jupyter-sio/socket.io/?EIO=4&transport=websocket{more}")
    return bool(page.evaluate(OPENS, path))


def test_who_accepts_a_share_code_watches_and_no_more(
    page: Page, house: House, strict_kernel: Kernel
):
    house.hub.unshare(house.strict, BOB)
    code = house.hub.share_code(house.strict)
    log_in(page, house, BOB)
    page.goto(code)
    page.click("[type=submit]")
    visit(page, house.strict)
    expect(page.locator(".page-kernels li").first).to_be_visible(timeout=MS)
    assert asks(page, house.strict, f"{NAMESPACES}/{strict_kernel.id}") == 200
    assert asks(page, house.strict, "jupyter-sio/api/links", "POST") == 403
    for path in ("api/kernels", "api/contents", "api/sessions"):
        assert asks(page, house.strict, path) == 403
    assert asks(page, house.strict, "api/kernels", "POST") == 403


def test_a_role_reaches_the_browser(page: Page, house: House):
    with house.hub.member("tutors", BOB):
        log_in(page, house, BOB)
        visit(page, house.strict)
        assert permissions(page, house.strict) == ["read", "write"]


def test_a_guest_sees_the_streams_come(page: Page, house: House, kernel: Kernel):
    log_in(page, house, BOB)
    visit(page, house.ada, f"{LIVE}#/kernels/{kernel.id}")
    expect(page.locator(".page-state")).to_have_text("live", timeout=MS)


def test_a_page_of_the_same_origin_opens_a_socket_and_asks_nothing(page: Page, house: House):
    """S-5b, as far as it can be held: a page of Bob's that Ada opens."""
    log_in(page, house, ADA)
    visit(page, house.ada)
    assert asks(page, house.ada, NAMESPACES) == 200
    page.goto(house.bob.url + LIVE)
    assert opens(page, house.ada)  # the limit that docs/security.md tells of
    for path in (NAMESPACES, "api/kernels", "api/me"):
        assert asks(page, house.ada, path) == 403
    assert asks(page, house.ada, "jupyter-sio/api/links", "POST") == 403


def test_where_cookies_open_no_sockets_jupyterlabs_token_does(page: Page, house: House):
    log_in(page, house, ADA)
    visit(page, house.ada)
    visit(page, house.strict, "lab")
    token = json.loads(page.locator("#jupyter-config-data").inner_text())["token"]
    house.hub.secrets.add(token)

    def opened(server: UserServer, **query: str) -> int:
        cookies = page.context.cookies(server.url)
        told = {
            "Cookie": "; ".join(f"{each['name']}={each['value']}" for each in cookies),
            "Origin": house.hub.url.rstrip("/"),
            "Sec-Fetch-Mode": "websocket",  # as Firefox tells; Chromium tells nothing
        }
        return play(handshake(server, told, **query))

    assert opened(house.ada) == 101
    assert opened(house.strict) == 403
    assert opened(house.strict, token=token) == 101


def test_a_stopped_server_is_said_to_be_and_waited_for(
    page: Page, house: House, bobs_kernel: Kernel
):
    log_in(page, house, BOB)
    visit(page, house.bob, f"{LIVE}#/kernels/{bobs_kernel.id}")
    said = page.locator(".page-state")
    expect(said).to_have_text("live", timeout=MS)
    with of_kernel(bobs_kernel, house.bob.token) as watching:
        watching.more()
        house.hub.stop(BOB)
        expect(said).to_have_text("server stopped", timeout=MS)
        assert watching.is_alive()
        house.hub.start(BOB)
        eventually(lambda: house.hub.ready(BOB), "the server to start")
        eventually(lambda: watching.failure, "the end")
    assert isinstance(watching.failure, NotPermitted)
    assert "no such namespace" in str(watching.failure)
    # Its kernels are others, and what let this browser in was of the server that was stopped.
    expect(said).to_have_text("not permitted", timeout=MS)
    assert page.url.startswith(house.bob.url)
