"""The Python viewer: watch a kernel's streams from anywhere.

>>> from jupyter_sio import watch
>>> for batch in watch("http://host/jupyter-sio/live/#SECRET", "loss"):  # doctest: +SKIP
...     print(batch.offset, batch.rows, batch.pydict())
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, overload

from jupyter_sio import limits
from jupyter_sio.protocol.messages import Mode, Position, Subscribe
from jupyter_sio.protocol.target import Target
from jupyter_sio.viewer.items import Batch, Event, Gap, Item, Reset, Status
from jupyter_sio.viewer.loop import LoopThread
from jupyter_sio.viewer.watching import Wanted

if TYPE_CHECKING:
    from jupyter_sio.viewer.watcher import Watcher

__all__ = ["Batch", "Event", "Gap", "Item", "Reset", "Status", "awatch", "watch"]

Since = Sequence[object] | Mapping[str, Sequence[object]]


@overload
def watch(
    target: str,
    *streams: str,
    since: Since | None = ...,
    tail: int | None = ...,
    mode: Mode | None = ...,
    kernel_id: str | None = ...,
    token: str | None = ...,
    events: Literal[False] = ...,
) -> Generator[Batch, None, None]: ...
@overload
def watch(
    target: str,
    *streams: str,
    since: Since | None = ...,
    tail: int | None = ...,
    mode: Mode | None = ...,
    kernel_id: str | None = ...,
    token: str | None = ...,
    events: bool,
) -> Generator[Item, None, None]: ...
def watch(
    target: str,
    *streams: str,
    since: Since | None = None,
    tail: int | None = None,
    mode: Mode | None = None,
    kernel_id: str | None = None,
    token: str | None = None,
    events: bool = False,
) -> Generator[Item, None, None]:
    """Watch streams of a running kernel; reconnects and resumes by itself.

    Iterating ends when the kernel has ended and everything owed was delivered; leaving the loop
    leaves the server. While the loop's body is busy the server holds back what is more than
    1 MiB of a stream (``latest`` streams then skip to the newest).

    Parameters
    ----------
    target : str
        A share link, ``http(s)://host/…/jupyter-sio/live/#secret``; or a Jupyter server's base
        URL, together with ``kernel_id`` and mostly ``token``.
    *streams : str
        Their names; they need not exist yet. None: all there are, also those that open later.
    since : (epoch, offset), optional
        Go on from there: a batch's ``position``. For several streams: a mapping from names.
    tail : int, optional
        Begin so many rows before the newest instead of with the whole history.
    mode : {"every", "latest"}, optional
        ``latest``: only the newest payload counts. Default: what the publisher chose.
    events : bool
        Also yield ``Gap``, ``Reset``, ``Status`` and ``Event``.

    Yields
    ------
    Batch
        One for each payload, so each is of one schema.

    Raises
    ------
    ValueError, BadRequest
        At once, if the arguments make no sense.
    NotPermitted
        While iterating, if the link or token is not (or no longer) good, or there is no such
        kernel. The general ``Refused`` for other reasons not to come back.
    """
    return _iterate(
        Target.parse(target, kernel_id=kernel_id, token=token),
        _wanted(streams, since, tail, mode, events),
    )


@overload
def awatch(
    target: str,
    *streams: str,
    since: Since | None = ...,
    tail: int | None = ...,
    mode: Mode | None = ...,
    kernel_id: str | None = ...,
    token: str | None = ...,
    events: Literal[False] = ...,
) -> AsyncGenerator[Batch, None]: ...
@overload
def awatch(
    target: str,
    *streams: str,
    since: Since | None = ...,
    tail: int | None = ...,
    mode: Mode | None = ...,
    kernel_id: str | None = ...,
    token: str | None = ...,
    events: bool,
) -> AsyncGenerator[Item, None]: ...
def awatch(
    target: str,
    *streams: str,
    since: Since | None = None,
    tail: int | None = None,
    mode: Mode | None = None,
    kernel_id: str | None = None,
    token: str | None = None,
    events: bool = False,
) -> AsyncGenerator[Item, None]:
    """Do what ``watch`` does, in the running event loop: ``async for batch in awatch(…)``."""
    return _aiterate(
        Target.parse(target, kernel_id=kernel_id, token=token),
        _wanted(streams, since, tail, mode, events),
    )


def _wanted(
    streams: Sequence[str],
    since: Since | None,
    tail: int | None,
    mode: Mode | None,
    events: bool,
) -> Wanted:
    for name in streams:
        Subscribe.parse([{"stream": name}])
    window = limits.Viewing.window_bytes
    options = Subscribe.parse([{"stream": "*", "tail": tail, "mode": mode, "window": window}])
    return Wanted(tuple(dict.fromkeys(streams)), _positions(streams, since), options, events)


def _positions(streams: Sequence[str], since: Since | None) -> dict[str, Position]:
    if since is None:
        return {}
    if not isinstance(since, Mapping):
        if len(streams) != 1:
            raise ValueError(
                "since=(epoch, offset) is of one stream; for several: {name: position}"
            )
        since = {streams[0]: since}
    positions = {}
    for name, position in since.items():
        if streams and name not in streams:
            raise ValueError(f"since names {name!r}, which is not among the streams to watch")
        asked = Subscribe.parse([{"stream": name, "since": list(position)}])
        assert asked.since is not None
        positions[name] = asked.since
    return positions


async def _aiterate(target: Target, wanted: Wanted) -> AsyncGenerator[Item, None]:
    watcher = _new_watcher(target, wanted)
    try:
        while (item := await watcher.next()) is not None:
            yield item
    finally:
        await watcher.stop()


def _iterate(target: Target, wanted: Wanted) -> Generator[Item, None, None]:
    loop = LoopThread("jupyter_sio watch")
    watcher = _new_watcher(target, wanted)
    try:
        while (item := loop.run(watcher.next())) is not None:
            yield item
    finally:
        loop.close()


def _new_watcher(target: Target, wanted: Wanted) -> Watcher:
    from jupyter_sio.viewer.watcher import Watcher  # websockets is loaded by who watches

    return Watcher(target, wanted)
