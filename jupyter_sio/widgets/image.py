"""A picture that is alive."""

from __future__ import annotations

from collections.abc import Iterable

import traitlets

from jupyter_sio.kernel.stream import Stream
from jupyter_sio.protocol.messages import BLOBS
from jupyter_sio.widgets.live import TitledWidget, built, stream_names

_IMAGES = tuple(media for media in BLOBS if media.startswith("image/"))


class LiveImage(TitledWidget):
    """The newest image of a stream.

    Parameters
    ----------
    stream : Stream or str
        Where they come from: ``sio.stream(name, media="image/png", mode="latest")``, to which PNG,
        JPEG and arrays of uint8 are pushed. A name may be of a stream that does not exist yet.
    title : str
        Shown above the picture.
    height : int, optional
        What the picture is fitted into, in pixels.
    buttons : list of str
        Events to offer as buttons, as those of ``LivePlot``.

    Raises
    ------
    TypeError, ValueError
        If something is not what it should be.

    Examples
    --------
    >>> camera = sio.stream("camera", media="image/png", mode="latest")  # doctest: +SKIP
    >>> sio.LiveImage(camera)  # doctest: +SKIP
    """

    kind = "image"
    _esm = built("image")

    stream = traitlets.Unicode().tag(sync=True)
    height = traitlets.Int(None, allow_none=True, min=40, max=4_000).tag(sync=True)

    def __init__(
        self,
        stream: Stream | str,
        *,
        title: str = "",
        height: int | None = None,
        buttons: Iterable[str] = (),
    ) -> None:
        (name,) = stream_names([stream], what="an image", media=_IMAGES)
        super().__init__(stream=name, title=title, height=height, buttons=buttons)

    def __repr__(self) -> str:
        return f"LiveImage({self.stream!r})"
