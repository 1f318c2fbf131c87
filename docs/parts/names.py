"""``sio.stream(…)`` in a sentence leads to what the reference says of it, without saying so."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

_NAME = re.compile(r"@?sio\.(\w+(?:\.\w+)?)\b")


class Names(SphinxPostTransform):
    """Makes references of literals that begin with a public name."""

    default_priority = 900

    def run(self, **_: Any) -> None:
        """Look at each literal of a page but the reference's own, and its headings."""
        objects = self.env.domains.python_domain.objects
        for literal in list(self.document.findall(nodes.literal)):
            found = _NAME.match(literal.astext())
            entry = objects.get(f"jupyter_sio.{found[1]}") if found else None
            if entry is None or isinstance(literal.parent, nodes.title | nodes.reference):
                continue
            page, id_ = entry.docname, entry.node_id
            literal.replace_self(
                make_refnode(self.app.builder, self.env.docname, page, id_, literal.deepcopy())
            )


def setup(app: Sphinx) -> dict[str, bool]:
    """Join Sphinx."""
    app.add_post_transform(Names)
    return {"parallel_read_safe": True}
