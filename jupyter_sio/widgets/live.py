"""What all live widgets share: which kernel they watch, and how what they are given is read."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets
from IPython.display import display, update_display

from jupyter_sio.kernel.discovery import find_kernel, find_server
from jupyter_sio.kernel.stream import Stream
from jupyter_sio.protocol.messages import ARROW, NDJSON, check_event_name, read_stream_name

TABLES = (ARROW, NDJSON)
# How an output says what to show to labextension/src/lab/output.ts.
MIME = "application/vnd.jupyter-sio.view+json"


class LiveWidget(anywidget.AnyWidget):
    """A view in the page that watches this kernel's streams by a connection of its own.

    Rows never pass through the widget's model: it holds what to show, not what was shown. So a
    reloaded page and a second tab show the same, history included. JupyterLab and Notebook need
    no model either: an output carries what to show, because a model is only had from a kernel
    that answers, and after a reload a busy one does not until its cell has ended.
    """

    kind: ClassVar[str]

    kernel_id = traitlets.Unicode(read_only=True).tag(sync=True)
    base_url = traitlets.Unicode(read_only=True).tag(sync=True)

    def __init__(self, **traits: object) -> None:
        super().__init__(**traits)
        kernel_id, base_url = whereabouts()
        self.set_trait("kernel_id", kernel_id)
        self.set_trait("base_url", base_url)
        self._display_id = uuid.uuid4().hex
        self._shown = False
        self.observe(self._show_again, names=self._own_names())

    def view(self) -> dict[str, object]:
        """Say what to show, as an output carries it."""
        traits = {name: getattr(self, name) for name in self._own_names()}
        return {"version": 1, "kind": self.kind, **traits}

    def _own_names(self) -> list[str]:
        """List the traits that are ours, not every widget's."""
        names = self.traits(sync=True)
        return [name for name in names if name[0] != "_" and not hasattr(anywidget.AnyWidget, name)]

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        return {**data, MIME: self.view()}, metadata

    def _ipython_display_(self) -> None:
        """Show it under an id, so that a later change of a trait reaches what is shown."""
        self._publish(display)
        self._shown = True

    def _show_again(self, change: object) -> None:
        if self._shown:
            self._publish(update_display)

    def _publish(self, publish: Callable[..., object]) -> None:
        if (bundle := self._repr_mimebundle_()) is not None:
            data, metadata = bundle
            publish(data, metadata=metadata, raw=True, display_id=self._display_id)


class TitledWidget(LiveWidget):
    """A view with a title above it, and events as buttons below."""

    title = traitlets.Unicode().tag(sync=True)
    buttons = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(self, *, title: str, buttons: Iterable[str], **traits: object) -> None:
        super().__init__(title=title, buttons=event_names(buttons), **traits)


def built(name: str) -> Path:
    """Find a widget's ESM, which is built from ``labextension/`` when the package is.

    Raises
    ------
    ImportError
        If it was not: an editable install without its front end.
    """
    path = Path(__file__).parent / "static" / f"{name}.js"
    if not path.is_file():
        raise ImportError(
            f"{path.name} was not built; install jupyter-sio anew, or run "
            "`npm ci && npm run build:prod` in labextension/"
        )
    return path


def whereabouts() -> tuple[str, str]:
    """Say which kernel this process is, and under which path its server lives; "" if unknown."""
    kernel, server = find_kernel(), find_server()
    return kernel.kernel_id if kernel else "", server.path if server else ""


def stream_names(
    streams: Iterable[object], *, what: str, media: Sequence[str] = TABLES
) -> list[str]:
    """Read streams of such ``media``, or their names; each once.

    Raises
    ------
    TypeError
        If something is neither a stream nor a name, or there is none.
    ValueError
        If a stream's rows are not what such a view can show.
    """
    names = dict.fromkeys(_stream_name(stream, what, media) for stream in streams)
    if not names:
        raise TypeError(f"{what} shows at least one stream; got none")
    return list(names)


def _stream_name(stream: object, what: str, media: Sequence[str]) -> str:
    if isinstance(stream, str):
        return read_stream_name(stream)
    if not isinstance(stream, Stream):
        raise TypeError(
            f"{what} shows streams, as sio.stream(…) makes them, or their names; "
            f"got {type(stream).__name__}"
        )
    found = stream.options.media
    if found not in media:
        wanted = "tables" if media is TABLES else f"images ({', '.join(media)})"
        raise ValueError(f"{what} shows {wanted}; stream {stream.name!r} carries {found}")
    return stream.name


def check_columns(streams: Iterable[object], columns: Sequence[str]) -> None:
    """Check columns against those that a stream declared; what it did not declare may yet come.

    Raises
    ------
    ValueError
        If a stream can never have such a column.
    """
    for stream in streams:
        if not isinstance(stream, Stream) or not stream.options.columns:
            continue
        declared = stream.options.columns
        for column in columns:
            if column not in declared:
                raise ValueError(
                    f"stream {stream.name!r} has columns {', '.join(declared)}; got {column!r}"
                )


def column_name(value: object, what: str) -> str:
    """Read a column's name. Raises ``TypeError`` if it is no text, or empty."""
    if not isinstance(value, str) or not value:
        raise TypeError(f"{what} is a column's name; got {value!r}")
    return value


def column_names(value: object, what: str) -> list[str] | None:
    """Read one column's name or several, each once; None where none was asked for.

    Raises
    ------
    TypeError, ValueError
        If it is not that, or a list of none.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return [column_name(value, what)]
    if not isinstance(value, Iterable):
        raise TypeError(f"{what} is a column's name or a list of them; got {value!r}")
    names = list(dict.fromkeys(column_name(name, f"each of {what}") for name in value))
    if not names:
        raise ValueError(f"{what} names at least one column; leave it out for all that there are")
    return names


def event_names(buttons: Iterable[str]) -> list[str]:
    """Read the events to offer as buttons.

    Raises
    ------
    TypeError, BadRequest
        If it is not a list, or something in it can be no event.
    """
    if isinstance(buttons, str):
        raise TypeError(f"buttons is a list of events; got {buttons!r}: write [{buttons!r}]")
    return [check_event_name(event) for event in buttons]
