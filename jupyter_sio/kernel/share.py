"""A read-only link to streams, as the kernel got it from the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from html import escape
from typing import Any
from urllib.parse import urljoin


@dataclass(frozen=True)
class Link:
    """A read-only link. Whoever has ``url`` can watch: it is shown where you ask for it alone."""

    id: str
    url: str = field(repr=False)
    streams: tuple[str, ...] = ()
    send: tuple[str, ...] = ()
    label: str = ""
    expires: datetime | None = None
    revoked: bool = field(default=False, compare=False)  # by ``revoke()``, not by somebody else
    _revoke: Callable[[str], None] = field(repr=False, compare=False, default=lambda id_: None)

    @classmethod
    def read(cls, answer: Mapping[str, Any], base: str, revoke: Callable[[str], None]) -> Link:
        """Read the server's answer; ``base`` is the server's URL, where the answer has none."""
        return cls(
            id=str(answer["id"]),
            url=str(answer.get("url") or urljoin(base, str(answer.get("path", "")))),
            streams=tuple(map(str, answer.get("streams") or ())),
            send=tuple(map(str, answer.get("send") or ())),
            label=str(answer.get("label") or ""),
            expires=_time(answer.get("expires")),
            _revoke=revoke,
        )

    def revoke(self) -> None:
        """Take the link back: whoever watches by it is disconnected."""
        self._revoke(self.id)
        object.__setattr__(self, "revoked", True)

    def _repr_html_(self) -> str:
        if self.revoked:
            return f"{escape(self.label or 'live view')} (revoked)"
        url, label = escape(self.url), escape(self.label or "live view")
        what = escape(", ".join(self.streams) or "all streams")
        until = f", until {self.expires.astimezone():%Y-%m-%d %H:%M}" if self.expires else ""
        return (
            f'<a href="{url}" target="_blank" rel="noopener noreferrer">{label}</a> ({what}{until})'
        )


def _time(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    seconds = value / 1000 if value > 1e11 else value  # ms, as elsewhere on the wire, or seconds
    return datetime.fromtimestamp(seconds, timezone.utc)
