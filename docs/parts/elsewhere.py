"""Files of the repository that are pages here too: lessons, changelog, what is beside an example.

They are written below ``docs/`` when a build begins, and git ignores them there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

DOCS = Path(__file__).parents[1]
REPOSITORY = DOCS.parent


def pages() -> dict[Path, str]:
    """Name the page that each such file is."""
    lessons = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
    return {
        REPOSITORY / "CHANGELOG.md": "changelog",
        REPOSITORY / "SECURITY.md": "reporting",
        REPOSITORY / "examples" / "hub" / "README.md": "how-to/hub-example",
        REPOSITORY / "tests" / "security" / "README.md": "explanation/threats",
        **{lesson: f"tutorial/{lesson.stem}" for lesson in lessons},
    }


def markdown(file: Path) -> str:
    """Read a file as Markdown; a notebook's cells one after the other, since none has outputs."""
    if file.suffix != ".ipynb":
        return file.read_text()
    cells = [_cell(cell) for cell in json.loads(file.read_text())["cells"]]
    title, _, rest = cells[0].partition("\n")
    download = f"[Get this lesson as a notebook]({file.name}) and run it, or read on."
    return "\n\n".join([title, download, rest.strip(), *cells[1:]]) + "\n"


def _cell(cell: dict[str, Any]) -> str:
    text = "".join(cell["source"])
    return text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```"


def write(app: Sphinx) -> None:
    """Write what is new, so that only that is built again; lessons that are no more leave."""
    names = pages()
    for lesson in (DOCS / "tutorial").glob("[0-9]*.md"):
        if f"tutorial/{lesson.stem}" not in names.values():
            lesson.unlink()
    for file, page in names.items():
        place, text = DOCS / f"{page}.md", markdown(file)
        if not place.exists() or place.read_text() != text:
            place.write_text(text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Join Sphinx."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}
