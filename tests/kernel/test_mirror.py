"""Existing ipywidgets, seen and set by viewers. Source: api.md §1 (``mirror``)."""

from __future__ import annotations

import itertools
import json
from typing import Any

import ipywidgets
import pytest
import traitlets

from jupyter_sio.errors import BadRequest
from jupyter_sio.kernel import mirror as module
from jupyter_sio.kernel.mirror import Mirror
from jupyter_sio.kernel.publisher import Publisher
from tests.kernel.peer import Peer

BOB = {"id": "v2", "name": "bob", "grants": ["watch", "send"]}


class Watcher:
    """What a viewer sees of mirrored widgets, and what it asks for."""

    def __init__(self, server: Peer) -> None:
        self.server = server
        self._ids = itertools.count(100)

    def states(self, name: str) -> list[dict[str, Any]]:
        held = self.server.streams.get(f"widget/{name}")
        payloads = held.payloads if held else []
        return [json.loads(line) for *_, payload in payloads for line in payload.splitlines()]

    def sees(self, name: str, **values: Any) -> dict[str, Any]:
        """Wait until the widget's state has these values; returns the row."""

        def seen() -> Any:
            rows = self.states(name)
            shown = rows and rows[-1]["state"][rows[-1]["view"]]["state"]
            return rows and all(shown[key] == value for key, value in values.items()) and rows[-1]

        return self.server.until(seen)

    def ask(self, name: str, **request: Any) -> dict[str, Any]:
        """Send what the page sends; returns the value that answers it."""
        number, asked = next(self._ids), {"event": f"widget:{name}", "viewer": BOB}
        self.server.send("$event", asked, request, ack_id=number)
        answers = self.server.answers
        (answer,) = self.server.until(lambda: answers.get(number))
        assert answer["ok"] is True, answer
        return answer["value"]


@pytest.fixture
def watcher(server: Peer) -> Watcher:
    return Watcher(server)


def test_a_mirrored_slider_shows_its_state_as_the_widget_manager_reads_it(
    publisher: Publisher, watcher: Watcher
):
    slider = ipywidgets.FloatSlider(description="rate", value=0.5)
    publisher.mirror(slider)
    row = watcher.sees("rate", value=0.5, max=100.0)
    assert (row["version_major"], row["version_minor"]) == (2, 0)
    assert (row["view"], row["event"]) == (slider.model_id, "widget:rate")
    assert row["settable"] == {slider.model_id: ["value"]}
    model = row["state"][slider.model_id]
    assert (model["model_name"], model["model_module"]) == (
        "FloatSliderModel",
        "@jupyter-widgets/controls",
    )
    layout = model["state"]["layout"].removeprefix("IPY_MODEL_")
    assert row["state"][layout]["model_name"] == "LayoutModel"
    assert row["state"][layout]["state"] == {}


def test_what_the_kernel_changes_is_told(publisher: Publisher, watcher: Watcher):
    progress = ipywidgets.IntProgress(description="epoch")
    publisher.mirror(progress)
    progress.value = 7
    watcher.sees("epoch", value=7)


def test_a_fast_loop_is_told_of_in_few_rows_and_its_last_value_always(
    publisher: Publisher, watcher: Watcher
):
    progress = ipywidgets.IntProgress(description="epoch", max=10**6)
    publisher.mirror(progress)
    for value in range(20_000):
        progress.value = value
    watcher.sees("epoch", value=19_999)
    assert len(watcher.states("epoch")) < 2_000


def test_a_viewer_sets_what_is_set_by_hand(publisher: Publisher, watcher: Watcher):
    slider = ipywidgets.IntSlider(description="n")
    seen: list[int] = []
    slider.observe(lambda change: seen.append(change["new"]), names="value")
    publisher.mirror(slider)
    assert watcher.ask("n", values={"value": 30}) == {"values": {"value": 30}}
    assert (slider.value, seen) == (30, [30])
    watcher.sees("n", value=30)


def test_a_value_the_widget_changes_comes_back_as_it_is(publisher: Publisher, watcher: Watcher):
    slider = ipywidgets.IntSlider(description="n", max=10)
    publisher.mirror(slider)
    assert watcher.ask("n", values={"value": 1_000}) == {"values": {"value": 10}}


def test_what_the_widget_refuses_comes_back_to_who_tried(publisher: Publisher, watcher: Watcher):
    slider = ipywidgets.IntSlider(description="n", value=3)
    publisher.mirror(slider)
    answer = watcher.ask("n", values={"value": "a lot"})
    assert "expected an int" in answer["error"] and slider.value == 3


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"values": {"max": 7}}, "'max' cannot be set here; what can: value"),
        ({"values": {"_view_name": "x"}}, "'_view_name' cannot be set here"),
        ({"values": 7}, 'send {"values": {trait: value}}'),
        ({"model": "unknown", "values": {}}, "n has no model 'unknown'"),
        ({"content": {"event": "click"}}, "this IntSlider takes no messages"),
    ],
)
def test_what_is_not_a_viewers_to_set_is_refused(
    publisher: Publisher, watcher: Watcher, request_: dict[str, Any], said: str
):
    publisher.mirror(ipywidgets.IntSlider(description="n"))
    assert said in watcher.ask("n", **request_)["error"]


def test_traits_that_are_named_may_be_set_and_no_others(publisher: Publisher, watcher: Watcher):
    slider = ipywidgets.IntSlider(description="n")
    publisher.mirror(slider, "max")
    assert watcher.ask("n", values={"max": 500})["values"] == {"max": 500}
    assert "what can: max" in watcher.ask("n", values={"value": 1})["error"]


def test_a_disabled_control_cannot_be_set(publisher: Publisher, watcher: Watcher):
    publisher.mirror(ipywidgets.Checkbox(description="on", disabled=True))
    assert "what can: nothing" in watcher.ask("on", values={"value": True})["error"]


@pytest.mark.parametrize("kind", [ipywidgets.HTML, ipywidgets.Label, ipywidgets.IntProgress])
def test_what_is_there_to_be_looked_at_cannot_be_set(
    publisher: Publisher, watcher: Watcher, kind: Any
):
    publisher.mirror(kind(), name="words")
    assert "what can: nothing" in watcher.ask("words", values={"value": "mine"})["error"]


def test_a_dropdown_is_set_by_its_index(publisher: Publisher, watcher: Watcher):
    choice = ipywidgets.Dropdown(description="how", options=["slow", "fast"])
    publisher.mirror(choice)
    assert watcher.ask("how", values={"index": 1}) == {"values": {"index": 1}}
    assert choice.value == "fast"


def test_a_button_is_pressed(publisher: Publisher, watcher: Watcher):
    button, pressed = ipywidgets.Button(description="go"), []
    button.on_click(pressed.append)
    publisher.mirror(button)
    assert watcher.sees("go")["settable"] == {button.model_id: ["click"]}
    assert watcher.ask("go", content={"event": "click"}) == {"values": {}}
    assert pressed == [button]
    button.disabled = True
    assert watcher.sees("go", disabled=True)["settable"] == {}
    assert "takes no messages" in watcher.ask("go", content={"event": "click"})["error"]


def test_a_box_shows_its_children_and_each_can_be_set(publisher: Publisher, watcher: Watcher):
    text, box = ipywidgets.Text(), ipywidgets.VBox()
    publisher.mirror(box, name="box")
    box.children = [text, ipywidgets.Label("beside")]
    row = watcher.server.until(
        lambda: (rows := watcher.states("box")) and text.model_id in rows[-1]["state"] and rows[-1]
    )
    assert row["settable"][text.model_id] == ["value"]
    watcher.ask("box", model=text.model_id, values={"value": "hello"})
    assert text.value == "hello"
    box.children = []
    watcher.server.until(lambda: text.model_id not in watcher.states("box")[-1]["state"])
    answer = watcher.ask("box", model=text.model_id, values={"value": "gone"})
    assert "has no model" in answer["error"]


def test_a_rerun_cell_takes_the_name_over(publisher: Publisher, watcher: Watcher):
    first, second = (ipywidgets.IntSlider(description="n", value=v) for v in (1, 2))
    publisher.mirror(first)
    publisher.mirror(second)
    watcher.sees("n", value=2)
    watcher.ask("n", values={"value": 9})
    assert (first.value, second.value) == (1, 9)


def test_widgets_without_a_description_are_numbered(publisher: Publisher):
    one, two = ipywidgets.Text(), ipywidgets.Text()
    assert [publisher.mirror(w).name for w in (one, two, one)] == ["Text", "Text 2", "Text"]


def test_a_closed_mirror_ends_its_stream_and_leaves_the_widget(
    publisher: Publisher, watcher: Watcher
):
    slider = ipywidgets.IntSlider(description="n")
    mirror = publisher.mirror(slider)
    mirror.close()
    mirror.close()
    watcher.server.until(lambda: watcher.server.streams["widget/n"].ended)
    assert "is shown no more" in watcher.ask("n", values={"value": 5})["error"]
    slider.value = 5
    assert repr(mirror) == "<Mirror of IntSlider as widget/n>"


def test_a_closed_widget_ends_its_mirror(publisher: Publisher, watcher: Watcher):
    slider = ipywidgets.IntSlider(description="n")
    mirror = publisher.mirror(slider)
    watcher.sees("n", value=0)
    slider.close()
    watcher.server.until(lambda: watcher.server.streams["widget/n"].ended)
    assert mirror.closed


def test_a_box_whose_child_is_closed_is_told_of_again_without_it(
    publisher: Publisher, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module.Mirroring, "interval_seconds", 0)
    first, second = ipywidgets.IntSlider(), ipywidgets.IntSlider()
    box = ipywidgets.VBox([first, second])
    publisher.mirror(box, name="box")
    first.close()
    box.children = [second]
    watcher.sees("box", children=[f"IPY_MODEL_{second.model_id}"])


def test_a_mirror_shows_the_widget_itself_in_its_notebook(publisher: Publisher):
    slider = ipywidgets.IntSlider(description="n")
    assert publisher.mirror(slider)._repr_mimebundle_() == slider._repr_mimebundle_()


def test_a_state_that_cannot_travel_does_not_end_the_loop(publisher: Publisher, watcher: Watcher):
    class Odd(ipywidgets.DOMWidget):
        value = traitlets.Any(0).tag(sync=True)

    odd = Odd()
    publisher.mirror(odd, name="odd")
    odd.value = float("nan")
    odd.value = 2
    watcher.sees("odd", value=2)


@pytest.mark.parametrize("what", [3, "slider", object()])
def test_only_widgets_are_mirrored(publisher: Publisher, what: Any):
    with pytest.raises(TypeError, match="mirror\\(\\) takes an ipywidget; got a"):
        publisher.mirror(what)


def test_what_is_not_there_is_named(publisher: Publisher):
    slider = ipywidgets.IntSlider(description="n")
    with pytest.raises(ValueError, match="IntSlider has no trait 'valeu'"):
        publisher.mirror(slider, "valeu")
    slider.close()
    with pytest.raises(ValueError, match="this IntSlider is closed"):
        publisher.mirror(slider)


def test_there_is_a_bound_on_one_family(publisher: Publisher, monkeypatch: Any):
    monkeypatch.setattr(module.Mirroring, "widgets", 5)
    with pytest.raises(BadRequest, match="at most 5 widgets can be mirrored as one"):
        publisher.mirror(ipywidgets.VBox([ipywidgets.Text() for _ in range(5)]), name="box")


def test_the_private_parts_of_ipywidgets_are_there():
    button = ipywidgets.Button()
    assert set(button._get_embed_state()) == {
        "model_name",
        "model_module",
        "model_module_version",
        "state",
    }
    assert callable(button._handle_custom_msg) and callable(button._repr_mimebundle_)
    assert isinstance(Mirror.__doc__, str)
