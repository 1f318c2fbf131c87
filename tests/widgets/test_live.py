"""What the widgets take, what they put into their models, and what they refuse."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import traitlets

from jupyter_sio.kernel.discovery import Kernel, Server
from jupyter_sio.kernel.stream import Options, Stream
from jupyter_sio.widgets import LivePlot, LiveValue, live


class Nowhere:
    """What a stream needs of a publisher, and nobody listens."""

    sending = False

    def hurry(self) -> None:
        """Nothing to hurry."""

    def notice(self) -> None:
        """Nothing to notice."""

    def end_stream(self, stream: Stream) -> None:
        """Nothing to end."""


def stream(name: str = "loss", **options: object) -> Stream:
    return Stream(Nowhere(), name, Options(**options))  # type: ignore[arg-type]


def test_a_plot_knows_its_streams_by_name() -> None:
    plot = LivePlot(stream("loss"), "accuracy", "loss", x="step")
    assert plot.streams == ["loss", "accuracy"]
    assert (plot.x, plot.y) == ("step", None)


def test_one_column_is_a_list_of_one() -> None:
    assert LivePlot("loss", y="loss").y == ["loss"]
    assert LivePlot("loss", y=("loss", "lr", "loss")).y == ["loss", "lr"]


@pytest.mark.parametrize("streams", [(), (3,), (None,), (["loss"],)])
def test_a_plot_of_no_stream_is_refused(streams: tuple[object, ...]) -> None:
    with pytest.raises(TypeError, match="a plot shows"):
        LivePlot(*streams)  # type: ignore[arg-type]


def test_a_stream_of_images_is_no_plot() -> None:
    with pytest.raises(ValueError, match="'camera' carries image/png"):
        LivePlot(stream("camera", media="image/png"))


def test_a_column_that_was_not_declared_is_refused_at_once() -> None:
    declared = stream("loss", columns={"step": "int64", "loss": "float64"})
    with pytest.raises(ValueError, match="'loss' has columns step, loss; got 'los'"):
        LivePlot(declared, x="step", y="los")
    with pytest.raises(ValueError, match="got 'value'"):
        LiveValue(declared)


@pytest.mark.parametrize("y", [3, "", [3], [""]])
def test_a_column_is_named_by_text(y: object) -> None:
    with pytest.raises(TypeError, match="column's name"):
        LivePlot("loss", y=y)  # type: ignore[arg-type]


def test_no_column_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one column"):
        LivePlot("loss", y=[])


def test_last_is_a_span_of_x() -> None:
    assert LivePlot("loss", last=timedelta(minutes=2)).last == 120.0
    assert LivePlot("loss", last=50).last == 50.0
    with pytest.raises(TypeError, match="last is a number"):
        LivePlot("loss", last="50")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="above 0"):
        LivePlot("loss", last=0)


@pytest.mark.parametrize(
    "wrong", [{"height": "tall"}, {"height": 3}, {"log": "yes"}, {"title": None}]
)
def test_looks_of_the_wrong_kind_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(traitlets.TraitError):
        LivePlot("loss", **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("spec", ["", ".3f", ",d", "+.2e", ".1%", "_.0f", ".4"])
def test_formats_are_those_that_python_understands(spec: str) -> None:
    assert LiveValue("loss", "loss", format=spec).format == spec
    format(3 if spec.endswith("d") else 3.0, spec)


@pytest.mark.parametrize("spec", ["{:.3f}", "%.3f", "x", ">10", ".333f"])
def test_other_formats_are_refused(spec: str) -> None:
    with pytest.raises(ValueError, match=r"as in '\.3f'"):
        LiveValue("loss", "loss", format=spec)


def test_a_widget_says_which_kernel_it_watches_and_under_which_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "find_kernel", lambda: Kernel("k-1", b"secret"))
    monkeypatch.setattr(live, "find_server", lambda: Server("http://127.0.0.1:8888/user/a%40b/"))
    plot = LivePlot("loss")
    assert (plot.kernel_id, plot.base_url) == ("k-1", "/user/a%40b/")


def test_outside_a_kernel_it_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "find_kernel", lambda: None)
    monkeypatch.setattr(live, "find_server", lambda: None)
    assert (LiveValue("loss").kernel_id, LiveValue("loss").base_url) == ("", "")


def test_neither_key_nor_token_is_in_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "find_kernel", lambda: Kernel("k-1", b"s3cret"))
    monkeypatch.setattr(live, "find_server", lambda: Server("http://127.0.0.1:8888/"))
    state = LivePlot("loss").get_state()
    assert "s3cret" not in json.dumps(state, default=str)
    assert not [key for key in state if "token" in key or "ticket" in key]


def test_an_output_says_what_to_show_without_a_model() -> None:
    plot = LivePlot("loss", x="step", y="loss", title="Training")
    data, _ = plot._repr_mimebundle_()
    view = data[live.MIME]
    assert json.loads(json.dumps(view)) == view
    wanted = {"version": 1, "kind": "plot", "streams": ["loss"], "x": "step", "y": ["loss"]}
    assert wanted.items() <= view.items()
    assert data["text/plain"] == repr(plot)
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == plot.model_id


def test_what_is_shown_follows_a_changed_trait(monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[tuple[str, dict[str, Any]]] = []

    def take(data: dict[str, Any], *, display_id: str, **_: object) -> None:
        published.append((display_id, data[live.MIME]))

    monkeypatch.setattr(live, "display", take)
    monkeypatch.setattr(live, "update_display", take)
    plot = LivePlot("loss")
    plot.title = "not shown yet"
    assert published == []
    plot._ipython_display_()
    plot.log_y = True
    (first, before), (second, after) = published
    assert first == second
    assert (before["log_y"], after["log_y"]) == (False, True)


def test_the_page_gets_one_script_without_foreign_hosts() -> None:
    for widget in (LivePlot("loss"), LiveValue("loss")):
        script = widget.get_state()["_esm"]
        assert "export" in script
        assert "cdn" not in script.lower()


def test_a_missing_build_says_how_to_make_it() -> None:
    with pytest.raises(ImportError, match="npm run build:prod"):
        live.built("no-such-widget")


def test_a_widget_reads_like_the_call_that_made_it() -> None:
    assert repr(LivePlot("loss", x="step", y="loss")) == "LivePlot('loss', x='step', y=['loss'])"
    assert repr(LiveValue("loss", "loss")) == "LiveValue('loss', 'loss')"


def test_the_built_files_are_where_the_package_looks_for_them() -> None:
    assert Path(live.__file__).with_name("static").joinpath("plot.js").is_file()
