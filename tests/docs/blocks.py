"""The Python of the documentation's pages, in the order in which somebody would type it.

A comment ``<!-- before: … -->`` has what a page takes for granted; below ``<!-- compiled only:
why -->``, up to the next heading, nothing is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
_PART = re.compile(
    r"^(?P<heading>\#+ )|^<!-- before:\n(?P<before>.*?)\n-->|^<!-- compiled only: (?P<only>.+?) -->"
    r"|^```python\n(?P<code>.*?)^```",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """Some Python of a page, and where it stands."""

    page: Path
    line: int
    code: str
    run: bool

    def __str__(self) -> str:
        return f"{self.page.relative_to(REPOSITORY)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """Read a page's blocks of Python."""
    text, run = page.read_text(), True
    for part in _PART.finditer(text):
        if part["heading"] or part["only"]:
            run = not part["only"]
        else:
            code = part["before"] or part["code"]
            yield Block(page, text[: part.start()].count("\n") + 2, code, run)


def own_pages() -> list[Path]:
    """List the pages that stand in ``docs/`` and in the repository's root."""
    return sorted([*REPOSITORY.glob("*.md"), *DOCS.glob("*.md"), *DOCS.glob("[hert]*/*.md")])
