"""Links as GitHub follows them, to files of the repository, made to lead to pages and downloads."""

from __future__ import annotations

import os
import re

from sphinx.application import Sphinx

from parts.elsewhere import DOCS, REPOSITORY, pages

_FENCED = re.compile(r"^( *)(`{3,}|:{3,}).*?^\1\2 *$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")


def rewrite(app: Sphinx, page: str, source: list[str]) -> None:
    """Let a page's links to what is not below ``docs/`` lead to where it is on the site."""
    elsewhere = pages()
    written = next((file for file, name in elsewhere.items() if name == page), DOCS / f"{page}.md")

    def lead(link: re.Match[str]) -> str:
        target = (written.parent / link[1]).resolve()
        if target == REPOSITORY / "notebooks":
            target = DOCS / "tutorial" / "index.md"
        if target in elsewhere and target != written:
            target = DOCS / f"{elsewhere[target]}.md"
        return os.path.relpath(target, (DOCS / page).parent)

    text, end, rewritten = source[0], 0, []
    for block in _FENCED.finditer(text):
        rewritten += [_LINK.sub(lead, text[end : block.start()]), block[0]]
        end = block.end()
    source[0] = "".join([*rewritten, _LINK.sub(lead, text[end:])])


def setup(app: Sphinx) -> dict[str, bool]:
    """Join Sphinx."""
    app.connect("source-read", rewrite)
    return {"parallel_read_safe": True}
