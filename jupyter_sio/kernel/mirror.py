"""An existing ipywidget, seen by viewers and settable by those who may ``send``.

The widget keeps its own front end: nothing of ipywidgets is replaced, or imported here. Its state
is a stream, what viewers set is an event, so both work while a cell runs.

Source: api.md §1 (``mirror``); the state is that of Jupyter's widget manager
(``application/vnd.jupyter.widget-state+json``, version 2.0).
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from jupyter_sio.errors import BadRequest, RowError
from jupyter_sio.limits import Mirroring
from jupyter_sio.protocol.messages import NDJSON

if TYPE_CHECKING:
    from jupyter_sio.kernel.publisher import Publisher
    from jupyter_sio.kernel.viewers import Viewer

STREAM = "widget/"
EVENT = "widget:"

# What people change by hand, where nobody says which traits: the rest of a control's state is its
# maker's, a slider's bounds, say. What cannot be disabled, such as a label, is only looked at.
_BY_HAND = ("value", "index")
_BY_HAND_ALWAYS = ("selected_index",)
_CLICK = "click"  # no trait: what a button is told, named as one


class Mirror:
    """A widget that viewers see.

    As the last expression of a cell it shows the widget itself.

    Attributes
    ----------
    name : str
        The stream is ``widget/<name>``, the event ``widget:<name>``.
    widget : ipywidgets.Widget
    """

    def __init__(
        self, publisher: Publisher, widget: Any, traits: tuple[str, ...], name: str
    ) -> None:
        check(widget, traits)
        self.widget = widget
        self.name = name
        self._traits = traits
        self._state = publisher.stream(STREAM + self.name, media=NDJSON, mode="latest")
        self._lock = threading.RLock()  # reading a trait may change another
        self._timer: threading.Timer | None = None
        self._told_at = 0.0
        self._watched: dict[str, Any] = {}
        self._closed = False
        publisher.on(EVENT + self.name)(self._set)
        self._tell()

    def __repr__(self) -> str:
        return f"<Mirror of {type(self.widget).__name__} as {STREAM}{self.name}>"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.widget._repr_mimebundle_(**options)

    @property
    def closed(self) -> bool:
        """Whether it is shown no more."""
        return self._closed

    def close(self) -> None:
        """Show it no more; the widget stays as it is. Closing the widget does that too."""
        if not self._closed:
            self.let_go()
            self._state.close()

    def let_go(self) -> None:
        """Leave the widget alone, but not the stream: another widget takes the name over."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
            for widget in self._watched.values():
                widget.unobserve(self._changed)
            self._watched.clear()

    # --- out -----------------------------------------------------------------------------------

    def _changed(self, change: Any) -> None:
        """Tell the state at once, or when the least time since the last telling is over."""
        with self._lock:
            if self._closed or self._timer is not None:
                return
            wait = self._told_at + Mirroring.interval_seconds - time.monotonic()
            if wait > 0:
                self._timer = threading.Timer(wait, self._tell)
                self._timer.daemon = True
                self._timer.start()
                return
        self._tell()

    def _tell(self) -> None:
        with self._lock:
            self._timer = None
            self._told_at = time.monotonic()
            if self.widget.comm is None:
                self.close()
            if not self._closed:
                family = dict(_family(self.widget))
                self._watch(family)
                # A value that cannot travel must not end the user's loop; the next one may. Nor may
                # a child that was closed: until its box lets it go, the box cannot say its state.
                with contextlib.suppress(RowError, AttributeError):
                    self._state.push(self._row(family))

    def _row(self, family: Mapping[str, Any]) -> dict[str, Any]:
        settable = {
            model_id: self._settable(widget) + [_CLICK] * self._takes_clicks(widget)
            for model_id, widget in family.items()
        }
        return {
            "version_major": 2,
            "version_minor": 0,
            "state": {model_id: _state_of(widget) for model_id, widget in family.items()},
            "view": self.widget.model_id,
            "event": EVENT + self.name,
            "settable": {model_id: names for model_id, names in settable.items() if names},
        }

    def _watch(self, family: Mapping[str, Any]) -> None:
        """Observe who has joined the family, such as a box's new child; leave who left."""
        for model_id in self._watched.keys() - family.keys():
            self._watched.pop(model_id).unobserve(self._changed)
        for model_id, widget in family.items():
            if model_id not in self._watched:
                self._watched[model_id] = widget
                widget.observe(self._changed)

    def _settable(self, widget: Any) -> list[str]:
        if self._traits:
            return [name for name in self._traits if name in widget.keys]
        control = "disabled" in widget.keys and not widget.disabled
        names = (*_BY_HAND, *_BY_HAND_ALWAYS) if control else _BY_HAND_ALWAYS
        return [name for name in names if name in widget.keys and not _is_read_only(widget, name)]

    # --- in ------------------------------------------------------------------------------------

    def _set(self, request: Any = None, *, viewer: Viewer) -> dict[str, Any]:
        """Set what a viewer asks for; answers ``{values}`` as they are now, or ``{error}``.

        ``request``: ``{model?, values: {trait: value}}``, or ``{model?, content}`` for what a
        button sends.
        """
        try:
            return self._apply(request)
        except Exception as exc:  # noqa: BLE001 - a border: validators are the user's
            return {"error": str(exc) or type(exc).__name__}

    def _apply(self, request: Any) -> dict[str, Any]:
        if self._closed:
            raise BadRequest(f"{self.name} is shown no more")
        if not isinstance(request, dict):
            raise BadRequest('send {"values": {trait: value}} or {"content": {…}}')
        widget = self._watched.get(request.get("model", self.widget.model_id))
        if widget is None:
            raise BadRequest(f"{self.name} has no model {request.get('model')!r}")
        if "content" in request:
            if not self._takes_clicks(widget):
                raise BadRequest(f"this {type(widget).__name__} takes no messages")
            widget._handle_custom_msg(request["content"], [])
            return {"values": {}}
        values = request.get("values")
        if not isinstance(values, dict):
            raise BadRequest('send {"values": {trait: value}}')
        settable = self._settable(widget)
        for name in values:
            if name not in settable:
                allowed = ", ".join(settable) or "nothing"
                raise BadRequest(f"{name!r} cannot be set here; what can: {allowed}")
        with widget.hold_trait_notifications():
            for name, value in values.items():
                read = widget.trait_metadata(name, "from_json", lambda value, widget: value)
                widget.set_trait(name, read(value, widget))
        return {"values": widget.get_state(list(values))}

    def _takes_clicks(self, widget: Any) -> bool:
        pressable = hasattr(widget, "click") and not widget.disabled
        return pressable and (not self._traits or _CLICK in self._traits)


def _family(widget: Any) -> Iterator[tuple[str, Any]]:
    """Go through a widget and all that its state refers to: children, layout, style."""
    seen: set[str] = set()
    waiting = [widget]
    while waiting:
        value = waiting.pop()
        if _is_widget(value):
            if value.comm is not None and value.model_id not in seen:
                seen.add(value.model_id)
                if len(seen) > Mirroring.widgets:
                    raise BadRequest(f"at most {Mirroring.widgets} widgets can be mirrored as one")
                yield value.model_id, value
                waiting.extend(getattr(value, key) for key in value.keys)
        elif isinstance(value, Mapping):
            waiting.extend(value.values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)


def _state_of(widget: Any) -> dict[str, Any]:
    # Layouts and styles are dozens of traits that nobody has set: they go without their defaults.
    bare = not hasattr(widget, "layout")
    state: dict[str, Any] = widget._get_embed_state(drop_defaults=bare)
    return state


def _is_widget(value: Any) -> bool:
    return all(hasattr(value, name) for name in ("comm", "get_state", "keys"))


def _is_read_only(widget: Any, name: str) -> bool:
    return bool(widget.traits()[name].read_only)


def check(widget: Any, traits: tuple[str, ...]) -> None:
    """Raise ``TypeError`` or ``ValueError`` unless this can be mirrored with these traits."""
    if not _is_widget(widget):
        raise TypeError(f"mirror() takes an ipywidget; got a {type(widget).__name__}")
    if widget.comm is None:
        raise ValueError(f"this {type(widget).__name__} is closed")
    names = {name for _, member in _family(widget) for name in member.keys}
    for name in traits:
        if name not in names and name != _CLICK:
            raise ValueError(f"{type(widget).__name__} has no trait {name!r} that travels")


def name_of(widget: Any, mirrors: Mapping[str, Mirror]) -> str:
    """Name a widget that was given no name: by its description, else by its kind and a number."""
    description = str(getattr(widget, "description", "") or "")
    if description:
        return description
    kind = type(widget).__name__
    names = itertools.chain([kind], (f"{kind} {number}" for number in itertools.count(2)))
    return next(
        name
        for name in names
        if name not in mirrors or mirrors[name].closed or mirrors[name].widget is widget
    )
