"""Who watches, as the kernel knows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jupyter_sio.protocol.messages import ViewerInfo


@dataclass(frozen=True)
class Viewer:
    """One viewer: ``since`` in ms since 1970, ``lag`` in rows that it has not been sent.

    ``kind`` is panel, widget, page, script or, by a share link, link. These three are known to
    ``sio.viewers()`` alone.
    """

    id: str
    name: str = ""
    grants: tuple[str, ...] = ()
    since: int | None = None
    lag: int | None = None
    kind: str = ""

    @classmethod
    def of(cls, info: ViewerInfo, **more: Any) -> Viewer:
        """Make one of what a message says."""
        return cls(info.id, info.name, info.grants, **more)

    @classmethod
    def read(cls, entry: Any) -> Viewer:
        """Read one entry of ``$viewers``' answer."""
        known = {key: entry[key] for key in ("since", "lag", "kind") if key in entry}
        return cls.of(ViewerInfo.read(entry), **known)


def viewer_id(viewer: Viewer | str | None) -> str | None:
    """Read what ``to=`` and the like take: a viewer, its id, or a room."""
    return viewer.id if isinstance(viewer, Viewer) else viewer
