"""A picture ``…-light.png`` that has a twin ``…-dark.png``: each is shown in its own theme."""

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
        for light in list(self.document.findall(nodes.image)):
            uri = light["uri"]
            other = uri.replace("-light.", "-dark.")
            if other != uri and (Path(self.env.doc2path(self.env.docname)).parent / other).exists():
                dark = light.deepcopy()
                dark["uri"] = other
                light["classes"].append("only-light")
                dark["classes"].append("only-dark")
                light.parent.insert(light.parent.index(light) + 1, dark)


def setup(app: Sphinx) -> dict[str, bool]:
    """Join Sphinx."""
    app.add_transform(Twins)
    return {"parallel_read_safe": True}
