"""A list of links on an ``index.md`` is its table of contents, so that GitHub shows it, too."""

from __future__ import annotations

import re

from sphinx.application import Sphinx

_ENTRY = re.compile(r"^- \**\[([^]]+)\]\(((?!https?:)[^)]+)\.md\)", re.MULTILINE)


def append(app: Sphinx, page: str, source: list[str]) -> None:
    """Append what Sphinx reads as the table of contents."""
    entries = _ENTRY.findall(source[0])
    if page.rpartition("/")[2] == "index" and entries:
        lines = [f"{title} <{target}>" for title, target in entries]
        source[0] += "\n".join(["", "```{toctree}", ":hidden:", "", *lines, "```", ""])


def setup(app: Sphinx) -> dict[str, bool]:
    """Join Sphinx; after ``parts.links`` has led each link to where it is on the site."""
    app.connect("source-read", append, priority=600)
    return {"parallel_read_safe": True}
