"""Mirrored ipywidgets on the viewer page: seen by a link, set where the link allows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from jupyter_client import BlockingKernelClient
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end.conftest import Jupyter, start_jupyter, stop_jupyter, wait_for

pytestmark = pytest.mark.timeout(200)
MS = 20_000

WIDGETS = """
import ipywidgets as W, jupyter_sio as sio
rate = W.FloatSlider(description="rate", min=0, max=1, step=0.1)
how = W.Dropdown(description="how", options=["slow", "fast"])
even = W.BoundedIntText(description="even", max=10)
go = W.Button(description="go")
pressed = []
go.on_click(pressed.append)
sio.mirror(W.VBox([rate, how, even, go, W.HTML("<b id=bold>words</b>")]), name="all")
print(sio.share(send=["widget:all"]).url)
"""
WATCHING = "print(sio.share().url)"

Run = Callable[[str], str]


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    root, runtime = (tmp_path_factory.mktemp(name) for name in ("root", "runtime"))
    jupyter = start_jupyter("jupyterlab", root, runtime)
    jupyter.runtime = runtime  # type: ignore[attr-defined]
    yield jupyter
    stop_jupyter(jupyter)


@pytest.fixture(scope="module")
def run(jupyter: Jupyter) -> Iterator[Run]:
    """Execute code in one kernel; returns what it printed."""
    kernel_id = jupyter.api("api/kernels", "POST", {"name": "python3"})["id"]
    file = jupyter.runtime / f"kernel-{kernel_id}.json"  # type: ignore[attr-defined]
    wait_for(file.exists, "the kernel's connection file")
    client = BlockingKernelClient(connection_file=str(file))
    client.load_connection_file()
    client.start_channels()

    def ready() -> bool:
        client.wait_for_ready(timeout=10)
        return True

    wait_for(ready, "the kernel")

    def run(code: str) -> str:
        printed: list[str] = []
        reply = client.execute_interactive(
            code, output_hook=lambda message: printed.append(message["content"].get("text", ""))
        )
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(printed).strip()

    yield run
    client.stop_channels()


@pytest.fixture(scope="module")
def links(run: Run) -> dict[str, str]:
    return {"send": run(WIDGETS), "watch": run(WATCHING)}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    context.close()
    assert problems == []


def test_a_slider_is_moved_on_the_page_and_the_kernel_sees_it(
    page: Page, run: Run, links: dict[str, str]
):
    page.goto(links["send"])
    slider = page.get_by_role("slider", name="rate")
    expect(slider).to_be_enabled(timeout=MS)
    slider.focus()
    for _ in range(3):
        slider.press("ArrowRight")
    wait_for(lambda: run("print(round(rate.value, 1))") == "0.3", "the slider in the kernel")
    run("rate.value = 0.8")
    expect(slider).to_have_value("0.8", timeout=MS)


def test_a_choice_and_a_button_reach_the_kernel(page: Page, run: Run, links: dict[str, str]):
    page.goto(links["send"])
    choice = page.get_by_role("combobox", name="how")
    expect(choice).to_be_enabled(timeout=MS)
    choice.select_option("fast")
    page.get_by_role("button", name="go", exact=True).click()
    wait_for(lambda: run("print(how.value, len(pressed))") == "fast 1", "the choice and the press")


def test_what_the_widget_refuses_is_told_and_taken_back(
    page: Page, run: Run, links: dict[str, str]
):
    run("even.value = 4; even.observe(lambda c: 1 / 0 if c['new'] == 7 else None, 'value')")
    page.goto(links["send"])
    number = page.get_by_role("spinbutton", name="even")
    expect(number).to_have_value("4", timeout=MS)
    number.fill("7")
    expect(page.get_by_text("division by zero")).to_be_visible(timeout=MS)


def test_html_of_a_widget_is_text(page: Page, links: dict[str, str]):
    page.goto(links["send"])
    expect(page.get_by_text("<b id=bold>words</b>")).to_be_visible(timeout=MS)
    assert page.locator("#bold").count() == 0


def test_who_may_only_watch_sees_the_controls_and_cannot_use_them(
    page: Page, run: Run, links: dict[str, str]
):
    page.goto(links["watch"])
    slider = page.get_by_role("slider", name="rate")
    expect(slider).to_be_visible(timeout=MS)
    expect(slider).to_be_disabled()
    expect(page.get_by_role("button", name="go", exact=True)).to_be_disabled()
    run("rate.value = 0.1")
    expect(slider).to_have_value("0.1", timeout=MS)
