"""A picture ``…-light.png`` that has a twin ``…-dark.png``: each is shown in its own theme.

A page that shows both, as GitHub needs it, has here the one that fits.
"""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


class Twins(SphinxTransform):
    """Puts the dark picture beside the light one; the theme's style sheet hides one of them."""

    default_priority = 200

    def apply(self) -> None:
        """Look at each picture of a page."""
        folder = Path(self.env.doc2path(self.env.docname)).parent
        pictures = list(self.document.findall(nodes.image))
        shown = {picture["uri"] for picture in pictures}
        for picture in pictures:
            other = picture["uri"].replace("-light.", "-dark.")
            if other != picture["uri"] and (folder / other).exists():
                self._pair(picture, other)
            elif picture["uri"].replace("-dark.", "-light.") in shown - {picture["uri"]}:
                picture.parent.remove(picture)

    def _pair(self, light: nodes.image, other: str) -> None:
        dark = light.deepcopy()
        dark["uri"] = other
        light["classes"].append("only-light")
        dark["classes"].append("only-dark")
        light.parent.insert(light.parent.index(light) + 1, dark)


def setup(app: Sphinx) -> dict[str, bool]:
    """Join Sphinx."""
    app.add_transform(Twins)
    return {"parallel_read_safe": True}
