"""The viewer page's routes and headers, without a browser."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from jupyter_sio.server import page
from tests.integration.conftest import Server

EVIL = "evil.example"


@dataclass
class Answer:
    """An HTTP answer, read."""

    status: int
    headers: Mapping[str, str]
    text: str


async def get(url: str, headers: Mapping[str, str] | None = None) -> Answer:
    request = HTTPRequest(url, headers=dict(headers or {}), follow_redirects=False)
    response = await AsyncHTTPClient().fetch(request, raise_error=False)
    return Answer(response.code, response.headers, response.body.decode())


def live(server: Server) -> str:
    return f"{server.url}jupyter-sio/live/"


async def test_the_page_is_there_for_everybody_without_a_redirect_to_a_login(server: Server):
    answer = await get(live(server))
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert 'data-user="nobody"' in answer.text


async def test_its_policy_lets_nothing_in_from_elsewhere_and_nothing_inline(server: Server):
    answer = await get(live(server))
    policy = dict(
        part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == policy["connect-src"] == policy["script-src"] == "'self'"
    for never in ("unsafe", "http:", "https:", "data:", "blob:", "*"):
        assert never not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers.get_list("Content-Security-Policy") == [page._POLICY]


async def test_the_html_holds_no_script_no_style_and_no_address_of_another_host(server: Server):
    text = (await get(live(server))).text
    assert re.findall(r"<script(?! type=\"module\" src=\"static/)", text) == []
    assert "<style" not in text and " style=" not in text and "://" not in text
    assert not re.search(r"\son\w+=", text)


async def test_without_its_last_slash_the_page_leads_to_itself(server: Server):
    answer = await get(live(server).removesuffix("/"))
    assert answer.status == 301
    assert server.url.endswith(answer.headers["Location"].removesuffix("jupyter-sio/live/"))


async def test_what_the_page_names_is_there_and_may_be_kept_for_good(server: Server):
    text = (await get(live(server))).text
    names = re.findall(r'(?:src|href)="(static/[^"]+)"', text)
    assert len(names) == 3
    for name in names:
        answer = await get(live(server) + name)
        assert answer.status == 200
        assert answer.headers["Cache-Control"].endswith("immutable")
        assert answer.headers["Content-Security-Policy"] == page._POLICY
        older = await get(live(server) + name.split("?")[0])
        assert (older.status, older.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    "name",
    [
        "", "page.html", "__init__.py", "..", "../page.py", "..%2fpage.py", "%2e%2e/page.py",
        "../../errors.py", "..%5cpage.py", "page.js/", "page.js%00", "/etc/passwd",
        "%2fetc%2fpasswd", "....//page.py", "PAGE.JS",
    ],
)  # fmt: skip
async def test_nothing_else_is_served(server: Server, name: str):
    answer = await get(f"{live(server)}static/{name}")
    assert answer.status in (301, 302, 400, 403, 404)
    assert "jupyter_sio" not in answer.text and "root:" not in answer.text


async def test_a_foreign_host_is_refused_in_plain_words(server: Server):
    answer = await get(live(server), {"Host": EVIL})
    assert answer.status == 403
    assert answer.headers["Content-Type"].startswith("text/plain")


async def test_the_login_leads_back_here_and_carries_no_token(server: Server):
    text = (await get(f"{live(server)}?token=wrong-secret")).text
    login = unescape(re.search(r'data-login="([^"]*)"', text)[1])
    assert login == "/a%40b/login?next=%2Fa%2540b%2Fjupyter-sio%2Flive%2F"
    assert "wrong-secret" not in text


async def test_a_user_gets_the_cookie_that_changes_need_and_nobody_else_does(server: Server):
    nobody = await get(live(server))
    user = await get(live(server), server.headers)
    assert 'data-user="known"' in user.text
    assert any("_xsrf=" in cookie for cookie in user.headers.get_list("Set-Cookie"))
    assert nobody.headers.get_list("Set-Cookie") == []


async def test_where_nothing_was_built_the_page_says_what_to_type(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path
):
    monkeypatch.setattr(page, "_STATIC", tmp_path)
    assert page.read_assets() == {}
    bare = [(f"/a%40b/bare{path}", *rest) for path, *rest in page.page_routes()]
    server.serverapp.web_app.add_handlers(".*$", bare)
    answer = await get(f"{server.url}bare/jupyter-sio/live/")
    assert answer.status == 503
    assert "npm run build" in answer.text
