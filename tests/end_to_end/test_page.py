"""The viewer page in Chromium, before a real server and a kernel whose cell runs."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from playwright.sync_api import Browser, expect

from tests.end_to_end.conftest import PATIENCE, Jupyter, stop_jupyter, wait_for
from tests.end_to_end.viewing import (
    Kernel,
    Proxy,
    keep,
    reading,
    server,
    start_kernel,
    start_server,
)

MS = PATIENCE * 1000
pytestmark = pytest.mark.timeout(240)

CELL = """
import math, struct, time, zlib
import jupyter_sio as sio

@sio.on("slower")
def slower(*args, viewer):
    return "slower it is"

def png(shade, width=96, height=64):
    line = b"\\0" + bytes((shade + 3 * x // 3) % 256 for x in range(3 * width))
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head) + chunk(
        b"IDAT", zlib.compress(line * height)) + chunk(b"IEND", b"")

loss = sio.stream("loss")
gauge = sio.stream("gauge", mode="latest")
samples = sio.stream("samples")
log = sio.stream("log", media="application/x-ndjson")
camera = sio.stream("camera", media="image/png", mode="latest")
weights = sio.stream("weights", media="application/octet-stream")
sio.stream("config").push(model="resnet50", rate=3e-4)
for step in range(1_000_000):
    loss.push(step=step, loss=2 * math.exp(-step / 300), accuracy=1 - math.exp(-step / 400))
    if step % 10 == 0:
        gauge.push(temperature=60 + step % 7, fan=2_100 + step)
        samples.push(sample=step, name="cat" if step % 20 else None, score=step / 7)
        log.push({"level": "INFO", "message": f"step {step}", "worker": 1})
        camera.push(png(step))
        weights.push(bytes(1_000 + step % 100))
    time.sleep(0.01)
"""
VIEWS = {
    "loss": "plot",
    "gauge": "values",
    "config": "values",
    "samples": "table",
    "log": "log",
    "camera": "image",
    "weights": "octets",
}
PIXELS = "canvas => canvas.toDataURL()"
SIZES = "() => [document.documentElement.scrollWidth, innerWidth]"


@pytest.fixture(scope="module")
def kernel(lab: Jupyter) -> Iterator[Kernel]:
    kernel = start_kernel(lab)
    kernel.execute(CELL)
    wait_for(lambda: kernel.rows("loss") > 20, "the cell's first rows")
    yield kernel
    kernel.end()


# --- by a link ----------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("profile", ["desktop", "phone"])
def test_a_link_opens_in_a_fresh_browser_and_draws_every_stream_while_the_cell_runs(
    browser: Browser, kernel: Kernel, profile: str, theme: Any
):
    link = kernel.share()
    with reading(browser, link["url"], profile, color_scheme=theme) as reader:
        expect(reader.word()).to_have_text("live", timeout=MS)
        for stream, view in VIEWS.items():
            expect(reader.card(stream)).to_have_attribute("data-view", view, timeout=MS)
        for stream in ("loss", "camera"):
            canvas = reader.card(stream).locator("canvas").first
            before = canvas.evaluate(PIXELS)
            wait_for(lambda c=canvas, b=before: c.evaluate(PIXELS) != b, f"{stream} to change")
        reader.await_rows("samples", reader.count("samples"))
        expect(reader.page.locator(".page-lag")).to_contain_text("lag", timeout=MS)
        width, room = reader.page.evaluate(SIZES)
        assert width <= room, "nothing hangs out at the side"
        assert reader.context.cookies() == [], "nobody is logged in"
        keep(reader.page, f"live-{profile}-{theme}")


def test_a_reload_shows_the_same_by_the_same_address(browser: Browser, kernel: Kernel):
    link = kernel.share()
    with reading(browser, link["url"]) as reader:
        seen = reader.await_rows("loss", 0)
        reader.page.reload()
        assert reader.page.url == link["url"]
        reader.await_rows("loss", seen)


def test_a_link_shows_the_streams_it_permits_and_no_others(browser: Browser, kernel: Kernel):
    link = kernel.share(streams=["lo*"])
    with reading(browser, link["url"]) as reader:
        reader.await_rows("loss", 0)
        titles = reader.page.locator(".page-card h2")
        assert sorted(titles.all_inner_texts()) == ["log", "loss"]
        expect(reader.page.locator(".page-events button")).to_have_count(0)


def test_a_revoked_link_is_told_at_once_and_after_a_reload(browser: Browser, kernel: Kernel):
    link = kernel.share()
    with reading(browser, link["url"]) as reader:
        reader.await_rows("loss", 0)
        kernel.revoke(link)
        expect(reader.word()).to_have_text("this link was revoked", timeout=MS)
        keep(reader.page, "revoked")
        reader.page.wait_for_timeout(500)  # what had come is drawn
        seen = reader.count("loss")
        reader.page.wait_for_timeout(1_000)
        assert reader.count("loss") == seen, "nothing comes any more"
        reader.page.reload()
        expect(reader.page.locator("h1")).to_have_text("This link was revoked", timeout=MS)
        expect(reader.page.locator(".page-card")).to_have_count(0)
        keep(reader.page, "revoked-reloaded")


def test_a_link_that_expires_is_told(browser: Browser, kernel: Kernel):
    link = kernel.share(expires=3)
    with reading(browser, link["url"]) as reader:
        expect(reader.word()).to_have_text("this link has expired", timeout=MS)


def test_a_wrong_link_and_a_torn_one_are_told_apart(browser: Browser, lab: Jupyter):
    page = f"{lab.url}jupyter-sio/live/"
    with reading(browser, f"{page}#{'x' * 43}") as reader:
        expect(reader.page.locator("h1")).to_have_text("This link does not work", timeout=MS)
        keep(reader.page, "wrong")
    for torn in ("#abc", "#%", "#<img src=x onerror=alert(1)>"):
        with reading(browser, page + torn) as reader:
            expect(reader.page.locator("h1")).to_have_text("This link is not complete", timeout=MS)
            keep(reader.page, "torn")


def test_a_button_sends_its_event_and_shows_the_answer(browser: Browser, kernel: Kernel):
    link = kernel.share(send=["slower", "nobody handles this"])
    with reading(browser, link["url"], "phone") as reader:
        reader.await_rows("loss", 0)
        reader.page.get_by_role("button", name="slower").click()
        answer = reader.page.locator(".page-events .jsio-answer")
        expect(answer).to_have_text("slower it is", timeout=MS)
        reader.page.get_by_role("button", name="nobody handles this").click()
        expect(answer).to_contain_text("nobody handles this was not done", timeout=MS)


def test_the_page_pauses_and_goes_on_without_a_hole(browser: Browser, kernel: Kernel):
    link = kernel.share(streams=["loss"])
    with reading(browser, link["url"]) as reader:
        reader.await_rows("loss", 0)
        reader.page.get_by_role("button", name="Pause").click()
        reader.page.wait_for_timeout(300)
        held = reader.count("loss")
        before = kernel.rows("loss")
        wait_for(lambda: kernel.rows("loss") > before + 50, "rows meanwhile")
        assert reader.count("loss") == held
        reader.page.get_by_role("button", name="Go on").click()
        reader.await_rows("loss", held + 50)
        assert "missing" not in reader.detail("loss")


def test_what_the_page_holds_is_downloaded_as_csv_and_as_arrow(
    browser: Browser, kernel: Kernel, tmp_path: Path
):
    link = kernel.share(streams=["samples"])
    with reading(browser, link["url"]) as reader:
        seen = reader.await_rows("samples", 80)
        files = {}
        for kind in ("CSV", "Arrow"):
            with reader.page.expect_download() as found:
                reader.card("samples").get_by_role("button", name=kind).click()
            files[kind] = tmp_path / found.value.suggested_filename
            found.value.save_as(files[kind])
    assert [file.name for file in files.values()] == ["samples.csv", "samples.arrow"]
    with files["CSV"].open(newline="") as text:
        rows = list(csv.DictReader(text))
    table = pyarrow.ipc.open_file(files["Arrow"].read_bytes()).read_all()
    assert len(rows) >= seen and table.num_rows >= seen
    assert [str(field.type) for field in table.schema] == ["int64", "string", "double"]
    assert table.column("sample").to_pylist()[:3] == [0, 10, 20]
    assert [row["sample"] for row in rows[:3]] == ["0", "10", "20"]
    assert [row["name"] for row in rows[:3]] == ["", "cat", ""]


def test_another_view_shows_what_is_held(browser: Browser, kernel: Kernel):
    link = kernel.share(streams=["loss"])
    with reading(browser, link["url"]) as reader:
        seen = reader.await_rows("loss", 50)
        reader.card("loss").get_by_role("combobox").select_option("table")
        expect(reader.card("loss").locator("th")).to_have_text(["row", "step", "loss", "accuracy"])
        assert reader.await_rows("loss", seen) > seen
        reader.card("loss").locator(".jsio-scroll").evaluate("each => each.scrollTop = 0")
        expect(reader.card("loss").locator("td").first).to_have_text("0")
        expect(reader.card("loss").locator(".jsio-detail")).to_contain_text("held")


def test_the_connection_is_cut_and_comes_back_without_a_hole(browser: Browser, kernel: Kernel):
    link, proxy = kernel.share(streams=["loss"]), Proxy(kernel.jupyter.url)
    try:
        with reading(browser, proxy.url(link["url"])) as reader:
            seen = reader.await_rows("loss", 0)
            proxy.cut()
            expect(reader.word()).to_have_text("reconnecting", timeout=MS)
            keep(reader.page, "reconnecting")
            expect(reader.word()).to_have_text("server not reachable", timeout=MS)
            keep(reader.page, "not-reachable")
            proxy.join()
            expect(reader.word()).to_have_text("live", timeout=MS)
            assert reader.await_rows("loss", seen) > seen
            assert "missing" not in reader.detail("loss")
    finally:
        proxy.end()


# --- without a link -----------------------------------------------------------------------------


def test_nobody_is_told_what_this_is_and_led_to_the_login(browser: Browser, lab: Jupyter):
    for profile in ("desktop", "phone"):
        with reading(browser, f"{lab.url}jupyter-sio/live/", profile) as reader:
            expect(reader.page.locator("h1")).to_have_text("You are not logged in", timeout=MS)
            keep(reader.page, f"logged-out-{profile}")
            assert reader.page.url == f"{lab.url}jupyter-sio/live/"
    with reading(browser, f"{lab.url}jupyter-sio/live/#/kernels/x") as reader:
        expect(reader.page.locator("h1")).to_have_text("You are not logged in", timeout=MS)
        login = reader.page.get_by_role("link", name="Log in to Jupyter").get_attribute("href")
    assert login is not None and login.startswith("/user/a%40b/login?next=")


def test_a_user_sees_the_kernels_shares_one_and_takes_the_link_back(
    browser: Browser, kernel: Kernel
):
    jupyter = kernel.jupyter
    address = f"{jupyter.url}jupyter-sio/live/"
    with reading(browser, f"{address}?token={jupyter.token}") as reader:
        page = reader.page
        entry = page.locator(".page-kernels a", has_text="Training run")
        expect(entry).to_contain_text("busy", timeout=MS)
        assert page.url == address, "the token does not stay in the address"
        keep(page, "kernels")
        entry.click()
        expect(page.locator("h1")).to_have_text("Training run.ipynb", timeout=MS)
        reader.await_rows("loss", 0)
        page.get_by_role("button", name="Share").click()
        page.get_by_label("For whom").fill("Grace <b>")
        page.get_by_role("button", name="Make a link").click()
        url = page.get_by_label("The link", exact=True).input_value(timeout=MS)
        with reading(browser, url, "phone") as guest:
            guest.await_rows("loss", 0)
            row = page.locator(".page-links li", has_text="Grace <b>")
            expect(row).to_contain_text("1 watching", timeout=MS)
            keep(page, "shared")
            row.get_by_role("button", name="Revoke").click()
            expect(guest.word()).to_have_text("this link was revoked", timeout=MS)
        page.go_back()
        expect(entry).to_be_visible(timeout=MS)


AUTHORIZER = """
from pathlib import Path
from jupyter_server.auth import AllowAllAuthorizer

class Listed(AllowAllAuthorizer):
    def is_authorized(self, handler, user, action, resource):
        return resource != "jupyter_sio" or action in Path("permitted.txt").read_text().split()
"""


def test_the_page_offers_what_the_authorizer_allows(browser: Browser, tmp_path: Path):
    (tmp_path / "listed.py").write_text(AUTHORIZER)
    permitted = tmp_path / "permitted.txt"
    permitted.write_text("read")
    with server(tmp_path, "--ServerApp.authorizer_class=listed.Listed") as jupyter:
        start_kernel(jupyter, "a.ipynb")
        address = f"{jupyter.url}jupyter-sio/live/?token={jupyter.token}"
        with reading(browser, address) as reader:
            entry = reader.page.locator(".page-kernels a")
            entry.click()
            expect(reader.word()).to_have_text("waiting for rows", timeout=MS)
            expect(reader.page.get_by_role("button", name="Share")).to_have_count(0)
            keep(reader.page, "no-streams")
            permitted.write_text("")
            reader.page.reload()
            title = reader.page.locator("h1")
            expect(title).to_have_text("You may not watch here", timeout=MS)
            keep(reader.page, "forbidden")
            permitted.write_text("read write execute")
            reader.page.reload()
            expect(reader.page.get_by_role("button", name="Share")).to_be_visible(timeout=MS)


# --- what happens to kernel and server ------------------------------------------------------------


def test_a_restart_an_end_and_a_stop_are_told(browser: Browser, tmp_path: Path):
    jupyter = start_server(tmp_path)
    try:
        kernel, other = start_kernel(jupyter, "a.ipynb"), start_kernel(jupyter, "b.ipynb")
        for each in (kernel, other):
            each.execute(CELL)
            wait_for(lambda each=each: each.rows("loss") > 20, "the first rows")
        link, second = kernel.share(), other.share()
        with reading(browser, link["url"]) as reader, reading(browser, second["url"]) as another:
            seen = reader.await_rows("loss", 20)
            another.await_rows("loss", 0)
            jupyter.api(f"api/kernels/{kernel.id}/restart", "POST", {})
            expect(reader.word()).to_have_text("kernel restarted", timeout=MS)
            assert reader.count("loss") >= seen, "what was drawn stays"
            keep(reader.page, "restarted")
            kernel.execute(CELL)
            expect(reader.word()).to_have_text("live", timeout=MS)
            expect(reader.card("loss").locator(".jsio-detail")).to_contain_text("began anew")
            jupyter.api(f"api/kernels/{kernel.id}", "DELETE")
            expect(reader.word()).to_have_text("ended", timeout=MS)
            expect(reader.card("loss").locator(".jsio-said")).to_have_text("ended", timeout=MS)
            keep(reader.page, "ended")
            stop_jupyter(jupyter)
            expect(another.word()).to_have_text("server stopped", timeout=MS)
            keep(another.page, "stopped")
            assert re.search(r"\d rows", another.detail("loss"))
    finally:
        if jupyter.process.poll() is None:
            stop_jupyter(jupyter)
