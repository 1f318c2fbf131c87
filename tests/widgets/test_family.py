"""Table, log and image: what they take, what an output says of them, what they refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest
import traitlets

from jupyter_sio.errors import BadRequest
from jupyter_sio.kernel.stream import Options, Stream
from jupyter_sio.widgets import LiveImage, LiveLog, LiveTable, live
from tests.widgets.test_live import stream

FAMILY = (LiveImage, LiveLog, LiveTable)
each = pytest.mark.parametrize("widget", FAMILY)


def camera(media: str = "image/png") -> Stream:
    return stream("camera", **vars(Options(media=media, mode="latest")))


@each
def test_an_output_says_what_to_show_without_a_model(widget: Any) -> None:
    shown = widget("s", title="A title", buttons=["stop"])
    data, _ = shown._repr_mimebundle_()
    view = data[live.MIME]
    assert json.loads(json.dumps(view)) == view
    wanted = {"kind": widget.__name__[4:].lower(), "stream": "s", "title": "A title"}
    assert wanted.items() <= view.items()
    assert view["buttons"] == ["stop"]
    assert data["text/plain"] == repr(shown)


@each
def test_the_page_gets_a_script_of_its_own(widget: Any) -> None:
    script = widget("s").get_state()["_esm"]
    assert "export" in script
    assert "cdn" not in script.lower()


@each
@pytest.mark.parametrize("given", [3, None, ["s"]])
def test_what_is_no_stream_is_refused(widget: Any, given: object) -> None:
    with pytest.raises(TypeError, match=r"shows streams.*got"):
        widget(given)


@each
def test_a_button_that_could_not_be_sent_is_refused(widget: Any) -> None:
    with pytest.raises(BadRequest):
        widget("s", buttons=["$close"])


@each
@pytest.mark.parametrize("height", [3, 5_000, "tall"])
def test_a_height_has_its_bounds(widget: Any, height: object) -> None:
    with pytest.raises(traitlets.TraitError):
        widget("s", height=height)


def test_an_image_is_of_a_stream_of_images() -> None:
    assert LiveImage(camera()).stream == "camera"
    assert LiveImage(camera("image/jpeg")).stream == "camera"
    with pytest.raises(ValueError, match=r"shows images .*; stream 'loss' carries .*arrow"):
        LiveImage(stream())


@pytest.mark.parametrize("widget", [LiveTable, LiveLog])
def test_a_stream_of_images_is_no_table(widget: Any) -> None:
    with pytest.raises(ValueError, match="shows tables; stream 'camera' carries image/png"):
        widget(camera())


def test_a_table_shows_the_columns_it_is_told_in_their_order() -> None:
    assert LiveTable("s").columns is None
    assert LiveTable("s", "b").columns == ["b"]
    assert LiveTable("s", ("b", "a", "b")).columns == ["b", "a"]


def test_a_table_refuses_columns_that_can_never_come() -> None:
    declared = stream(columns={"step": "int64"})
    with pytest.raises(ValueError, match="has columns step; got 'stop'"):
        LiveTable(declared, ["step", "stop"])
    with pytest.raises(ValueError, match="columns names at least one"):
        LiveTable(declared, [])
    with pytest.raises(TypeError, match="each of columns"):
        LiveTable("s", [3])  # type: ignore[list-item]


def test_a_log_begins_with_a_level_that_there_is() -> None:
    assert LiveLog("log", level="warning").level == "warning"
    with pytest.raises(ValueError, match=r"'debug', 'info', 'warning', 'error'.*got 'WARN'"):
        LiveLog("log", level="WARN")


def test_they_read_like_the_call_that_made_them() -> None:
    assert repr(LiveImage(camera())) == "LiveImage('camera')"
    assert repr(LiveLog("log")) == "LiveLog('log')"
    assert repr(LiveLog("log", level="error")) == "LiveLog('log', level='error')"
    assert repr(LiveTable("s", "a")) == "LiveTable('s', columns=['a'])"
