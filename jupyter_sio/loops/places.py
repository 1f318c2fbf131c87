"""Which streams tell of progress, and of which bar: one each, used again when its bar has ended."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from typing import Any

from jupyter_sio import limits
from jupyter_sio.errors import Overflow
from jupyter_sio.kernel.publisher import Publisher
from jupyter_sio.kernel.stream import Stream

_LONGEST = 100  # bytes, so that a number after it still makes a stream's name


class Place:
    """One stream, and whoever tells of himself in it."""

    def __init__(self, stream: Stream, holder: Any) -> None:
        self.stream = stream
        self.lost = False  # to another bar, or with the stream that was closed
        self._holder = weakref.ref(holder)

    @property
    def free(self) -> bool:
        """Whether its bar has ended, or was forgotten."""
        holder = self._holder()
        return holder is None or holder.ended


class Places:
    """The places of all publishers; safe from any thread."""

    def __init__(self, bounds: limits.Loops | None = None) -> None:
        self._bounds = bounds or limits.Loops()
        self._lock = threading.Lock()
        self._of: weakref.WeakKeyDictionary[Publisher, dict[str, Place]] = (
            weakref.WeakKeyDictionary()
        )
        self.refused = 0  # bars without a stream, as the kernel has as many as it may

    def claim(
        self, publisher: Publisher, name: str, holder: Any, columns: Mapping[str, object]
    ) -> Place | None:
        """Get the stream ``name``, or ``name/2`` … where others are at it; None if there is none.

        Raises
        ------
        BadRequest
            If it cannot be a stream's name.
        """
        with self._lock:
            places = self._of.setdefault(publisher, {})
            free = _free(places, name)
            if free in places:
                places.pop(free).lost = True
            self._close_oldest(places)
            try:
                stream = publisher.stream(free, columns=columns, mode="latest")
            except Overflow:
                self.refused += 1
                return None
            place = places[free] = Place(stream, holder)
            return place

    def _close_oldest(self, places: dict[str, Place]) -> None:
        """Close the streams whose bars ended first, where there are too many."""
        ended = [name for name, place in places.items() if place.free]
        for name in ended[: max(0, len(places) + 1 - self._bounds.bars)]:
            place = places.pop(name)
            place.lost = True
            place.stream.close()


def _free(places: Mapping[str, Place], name: str) -> str:
    free, number = name, 1
    while (held := places.get(free)) is not None and not held.free:
        number += 1
        free = f"{name}/{number}"
    return free


def name_of(desc: str) -> str:
    """Name the stream of a bar that is described so."""
    text = desc.encode("utf-8", "ignore")[:_LONGEST].decode("utf-8", "ignore").strip(": \n")
    return f"progress/{text}" if text else "progress"


places = Places()
